"""Bodies are counted as a simulation sees them: joined by faces, cavities inside them taken for what they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from HeartSeg3DLib.meshing.quality import PIECES, check_surfaces, check_tetrahedra
from labeled_blocks import block_mesh

ORIGIN, PITCH = (10.0, -20.0, 30.0), 2.0


def row(*labels: int) -> NDArray[np.uint8]:
    """Voxels beside each other along x."""
    return np.array(labels, np.uint8)[None, None, :]


def test_tissue_that_blood_alone_joins_is_in_two_pieces() -> None:
    mesh = block_mesh(row(2, 2, 1, 104), ORIGIN, PITCH)
    report = check_tetrahedra(mesh, written=(2, 104, 105))
    written = report.whole["written"]
    assert (written["labels"], written["tetrahedra"], written["pieces"]) == ([2, 104], 18, 2)
    assert written["triangles"] == 4 * 4 + 2 * 2 + 6 * 2, "the wall between blood and outside is not written"
    large, small = written["largest_pieces"]
    assert (large["labels"], large["cells"], large["volume_mm3"]) == ((2,), 12, pytest.approx(16.0))
    assert large["center_mm"] == pytest.approx((12.0, -19.0, 31.0))
    assert (small["labels"], small["cells"]) == ((104,), 6)
    assert small["center_mm"] == pytest.approx((17.0, -19.0, 31.0))
    (missed,) = [check for check in report.missed_aims if check.name == PIECES]
    assert (missed.value, missed.limit) == (2, 1)
    assert report.fit_for_use, "every piece alone is a sound mesh"


def test_tissue_of_several_structures_that_share_faces_is_one_piece() -> None:
    report = check_tetrahedra(block_mesh(row(1, 2, 104, 105), ORIGIN, PITCH), written=(2, 104, 105))
    assert report.whole["written"]["pieces"] == 1
    assert PIECES not in {check.name for check in report.missed_aims}
    assert report.whole["written"]["largest_pieces"][0]["labels"] == (2, 104, 105)


def test_an_edge_does_not_join() -> None:
    voxels = np.array([[[2, 1], [1, 2]]], np.uint8)
    assert check_tetrahedra(block_mesh(voxels, ORIGIN, PITCH), written=(2,)).whole["written"]["pieces"] == 2


def test_whoever_writes_everything_is_not_told_that_it_hangs_together() -> None:
    report = check_tetrahedra(block_mesh(row(2, 0, 3), ORIGIN, PITCH))
    assert report.whole["written"]["pieces"] == 2
    assert PIECES not in {check.name for check in report.checks}


def test_a_shell_around_a_cavity_is_one_body() -> None:
    voxels = np.full((3, 3, 3), 2, np.uint8)
    voxels[1, 1, 1] = 1
    surface = block_mesh(voxels, ORIGIN, PITCH).surface
    tissue = check_surfaces(surface, written=(2,))
    assert tissue.labels[2]["components"] == 2
    assert tissue.labels[2]["parts"] == 1
    (piece,) = tissue.whole["written"]["largest_pieces"]
    assert piece["volume_mm3"] == pytest.approx(27 * PITCH**3), "outside of the body, cavity and all"
    assert piece["center_mm"] == pytest.approx(tuple(np.array(ORIGIN) + 1.5 * PITCH))
    assert tissue.whole["written"]["triangles"] == len(surface.triangles)
    assert check_surfaces(surface, written=(1,)).whole["written"]["triangles"] == 12


def test_surfaces_of_bodies_apart_are_counted() -> None:
    report = check_surfaces(block_mesh(row(2, 3, 0, 2), ORIGIN, PITCH).surface)
    assert report.whole["written"]["pieces"] == 2
    assert (report.labels[2]["parts"], report.labels[3]["parts"]) == (2, 1)
    assert report.whole["written"]["largest_pieces"][0]["labels"] == (2, 3)
