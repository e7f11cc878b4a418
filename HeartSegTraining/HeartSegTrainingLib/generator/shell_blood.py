"""Valve planes of a reference heart's shells, and the blood that its walls and these planes enclose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import Delaunay

from HeartSeg3DLib.errors import CheckError

from .shells import Shell, ShellGrid

_ANNULUS_MM = 2.5
"""Points of a leaflet this near to the atrial wall belong to the annulus."""
_DISC_MARGIN_MM = 3.0
_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Valve:
    """A valve's plane.

    Attributes:
        centre: (x, y, z) in mm.
        normal: Unit vector in the direction of the blood.
        radius: Radius of the annulus in mm.
    """

    centre: np.ndarray
    normal: np.ndarray
    radius: float

    def height(self, grid: ShellGrid) -> np.ndarray:
        """Signed distance in mm of each voxel [z, y, x] from the plane, positive downstream."""
        terms = [n * (c - o) for n, c, o in zip(self.normal, grid.coordinates(), self.centre, strict=True)]
        return terms[0] + terms[1] + terms[2]

    def near(self, grid: ShellGrid, reach: float) -> np.ndarray:
        """Mask [z, y, x] of the voxels within a distance in mm of the centre."""
        terms = [(c - o) ** 2 for c, o in zip(grid.coordinates(), self.centre, strict=True)]
        return terms[0] + terms[1] + terms[2] < reach**2

    def disc(self, grid: ShellGrid) -> np.ndarray:
        """Mask of the plane within the annulus, thick enough that nothing passes."""
        return (np.abs(self.height(grid)) <= 1) & self.near(grid, self.radius + _DISC_MARGIN_MM)


def atrial_valve(leaflets: Shell, atrium: np.ndarray, ventricle: np.ndarray, grid: ShellGrid) -> Valve:
    """Fit the plane of the mitral or tricuspid annulus: where the leaflets meet the atrial wall.

    Args:
        leaflets: Shell of the valve.
        atrium: Solid [z, y, x] of the atrial wall.
        ventricle: Solid of the ventricular wall; the normal points to its side.
        grid: Grid of the solids.

    Raises:
        CheckError: The leaflets do not touch the atrium.
    """
    index = np.rint(leaflets.points - grid.origin).astype(int)
    distance = ndimage.distance_transform_edt(~atrium)
    rim = leaflets.points[distance[index[:, 2], index[:, 1], index[:, 0]] <= _ANNULUS_MM]
    if len(rim) < 3:
        raise CheckError("An atrial valve does not touch its atrium.", "Check the units and positions of the shells.")
    centre = rim.mean(0)
    normal = np.linalg.eigh(np.cov((rim - centre).T))[1][:, 0]
    if normal @ (grid.points(ventricle).mean(0) - grid.points(atrium).mean(0)) < 0:
        normal = -normal
    return Valve(centre, normal, float(np.quantile(np.linalg.norm(rim - centre, axis=1), 0.95)))


def arterial_valve(shell: Shell, ventricle: np.ndarray, grid: ShellGrid) -> Valve:
    """Find the plane at the lower end of an arterial root.

    The walls of a root run along the vessel, so its axis is what the normals of the shell's triangles avoid.

    Args:
        shell: Shell of the valve with its sinuses.
        ventricle: Solid [z, y, x] of the ventricular wall; the normal points away from it.
        grid: Grid of the solid.
    """
    a, b, c = (shell.points[shell.faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    size = np.linalg.norm(normals, axis=1, keepdims=True)
    axis = np.linalg.eigh((normals / np.maximum(size, 1e-9)).T @ normals)[1][:, 0]
    centre = shell.points.mean(0)
    away = centre - grid.points(ventricle).mean(0)
    if axis @ (away / np.linalg.norm(away) + _UP) < 0:
        axis = -axis
    along = (shell.points - centre) @ axis
    across = np.linalg.norm(shell.points - centre - along[:, None] * axis, axis=1)
    return Valve(centre + np.quantile(along, 0.1) * axis, axis, float(np.quantile(across, 0.9)))


def hull(shell: Shell, grid: ShellGrid) -> np.ndarray:
    """Return the mask [z, y, x] of a shell's convex hull."""
    mask = np.zeros(grid.shape[::-1], bool)
    low = np.floor(shell.points.min(0) - grid.origin).astype(int)
    high = np.ceil(shell.points.max(0) - grid.origin).astype(int) + 1
    box = tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
    places = np.argwhere(np.ones_like(mask[box]))[:, ::-1] + low + grid.origin
    mask[box] = (Delaunay(shell.points).find_simplex(places) >= 0).reshape(mask[box].shape)
    return mask


def enclosed(barrier: np.ndarray, radius: float) -> np.ndarray:
    """Return the largest room that a barrier encloses where a ball of this radius (voxels) cannot enter.

    Args:
        barrier: Mask of walls and valve planes.
        radius: Openings that this ball cannot pass count as closed; its surface cuts them.

    Raises:
        CheckError: There is no such room.
    """
    box = ndimage.find_objects(barrier.astype(np.uint8))[0]
    margin = int(radius) + 2
    part = np.pad(barrier[box], margin)
    closed = ndimage.distance_transform_edt(ndimage.distance_transform_edt(~part) <= radius) > radius
    rooms, count = ndimage.label(ndimage.binary_fill_holes(closed | part) & ~part)
    if count == 0:
        raise CheckError("The walls of a chamber enclose nothing.", "Check that its shell is that of its whole wall.")
    largest = rooms == 1 + np.argmax(np.bincount(rooms.ravel())[1:])
    room = np.zeros_like(barrier)
    room[box] = largest[(slice(margin, -margin),) * 3]
    return room
