"""What growing walls refuses before it begins, and what it tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.api import mesh_walls
from HeartSeg3DLib.api.mesh_choices import MeshChoices
from HeartSeg3DLib.api.mesh_walls import grow_walls
from HeartSeg3DLib.errors import DeviceError, UsageError

LA, RV = 4, 3


def stack() -> sitk.Image:
    """A right ventricle in slices of 8 mm."""
    places = (np.indices((12, 60, 60)).transpose(1, 2, 3, 0) - [5.5, 29.5, 29.5]) * [8.0, 1.5, 1.5]
    image = sitk.GetImageFromArray((np.linalg.norm(places, axis=-1) < 30.0).astype(np.uint8) * RV)
    image.SetSpacing((1.5, 1.5, 8.0))
    return image


@pytest.mark.parametrize("thickness", [0.0, -1.0, float("nan"), 99.0])
def test_a_thickness_that_no_wall_has_is_refused_before_any_work(tmp_path: Path, thickness: float) -> None:
    with pytest.raises(UsageError, match="no thickness of a wall"):
        MeshChoices(walls_mm={LA: thickness}).check(tmp_path)


def test_samples_too_fine_for_the_memory_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_walls, "free_memory", lambda: 2_000_000_000)
    monkeypatch.setattr(mesh_walls, "resampled_for_walls", lambda *_: pytest.fail("it began"))
    with pytest.raises(DeviceError, match="GB are free") as caught:
        grow_walls(stack(), {RV: 0.1})
    assert caught.value.remedy


def test_slices_are_resampled_for_the_walls_that_grow_and_not_for_others() -> None:
    grown = grow_walls(stack(), {RV: 3.5, LA: 0.5})
    assert grown.labels.GetSpacing() == (1.75, 1.75, 1.75)
    assert "The slices are 8 mm apart, too far for walls of 3.5 mm" in grown.sentences[0]
    assert list(grown.thickness_mm) == [103]
    assert grown.changes["samples_before_walls"] is not None
