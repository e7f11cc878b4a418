"""One table has all names of surfaces: what names triangles, the files and the README agree with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analytic_heart import analytic_heart
from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.patch_names import CUT, FIXED_NUMBERS, OUTLET, PATCH_NAMES, RIM, kind_of, meaning_of
from HeartSeg3DLib.meshing.patches import WALL_OF, name_patches
from HeartSeg3DLib.meshing.planes import image_border
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.meshing.walls import add_walls

README = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")


def rows() -> list[str]:
    section = README.partition("### Names of surfaces\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def test_the_readme_has_every_name_with_its_sides_and_its_meaning() -> None:
    expected = [f"| {', '.join(f'`{name}`' for name in kind.examples or (kind.pattern,))} | {kind.between} | "
                f"{kind.meaning} |" for kind in PATCH_NAMES]
    assert rows() == expected


@pytest.mark.parametrize("border", [False, True])
def test_every_name_of_a_heart_is_in_the_table(border: bool) -> None:
    labels = analytic_heart((2.5, 2.5, 2.5))[:, :, 12:50]
    labels = add_walls(labels, {cavity: 3.0 for cavity in WALL_OF if cavity != 1}).labels
    patches = name_patches(surface_mesh(label_field(labels, 2.0)), image_border(labels) if border else ())
    unknown = [name for name in patches if kind_of(name) is None]
    assert not unknown
    assert any(name.endswith("_CUT") for name in patches) == border


def test_a_name_has_one_kind_unless_two_structures_touch_or_it_is_cut() -> None:
    loose = {kind.pattern for kind in PATCH_NAMES if not kind.examples}
    for kind in PATCH_NAMES:
        for name in kind.examples:
            fitting = {other.pattern for other in PATCH_NAMES if other.fits(name)}
            assert fitting - loose == {kind.pattern}
            assert kind_of(name) is kind


def test_only_what_may_be_there_several_times_has_a_number() -> None:
    assert meaning_of("AO_OUTLET_2") == OUTLET.meaning
    assert meaning_of("PA_RIM_1") == RIM.meaning
    assert meaning_of("LABEL99_CUT_12") == CUT.meaning
    assert meaning_of("AO_OUTLET_0") == meaning_of("MV_2") == meaning_of("atrial-lid") == ""


def test_the_table_refuses_structures_that_a_name_is_not_for() -> None:
    with pytest.raises(ValueError, match="no name for"):
        OUTLET.of("LV")
    with pytest.raises(ValueError, match="no name for"):
        CUT.of("LV", "MYO")


def test_names_are_short_enough_for_files_and_tags_are_apart() -> None:
    longest = max(len(structure) for structure in BY_ID)
    assert all(re.fullmatch(r"[A-Z_]+", name) for kind in PATCH_NAMES for name in kind.examples)
    assert 2 * longest + 1 < 64
    assert sorted(FIXED_NUMBERS.values()) == list(range(1001, 1011))
