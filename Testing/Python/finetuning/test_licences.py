"""A model is handed on under the strictest licence of what it learned from, and never under a milder one."""

from __future__ import annotations

import pytest

from HeartSegTrainingLib.finetuning.licences import NOT_STATED, strictest


@pytest.mark.parametrize(("licences", "wanted"), [
    (["CC BY-NC-SA 4.0", "CC BY 4.0", "Apache-2.0"], "CC-BY-NC-SA-4.0"),
    (["Apache-2.0"], "Apache-2.0"),
    (["Apache-2.0", "CC BY 4.0"], "CC-BY-4.0"),
    (["CC0", "CC0 1.0", "BSD-3-Clause"], "BSD-3-Clause"),
    (["CC BY-NC 4.0", "CC BY-SA 4.0"], NOT_STATED),  # neither demands what the other does
    (["CC BY-NC-SA 4.0", "own data"], NOT_STATED),
    (["by agreement"], NOT_STATED),
    (["unknown"], NOT_STATED),
    (["CC BY-XX 4.0"], NOT_STATED),
    ([], NOT_STATED)])
def test_the_strictest_licence_counts(licences: list[str], wanted: str) -> None:
    assert strictest(licences) == strictest(reversed(licences)) == wanted
