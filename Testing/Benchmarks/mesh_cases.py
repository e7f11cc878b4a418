"""Label maps that meshes are measured on, and the true surfaces of what they show.

The analytic heart is known exactly. The real hearts are label maps of two four-chamber models, voxelized at 1 mm from
closed surfaces; where these lie beside the label maps they are taken as true, see `mesh_distances`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import SimpleITK as sitk
from mesh_runs import KEPT, ROOT
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D
from vtkmodules.vtkIOLegacy import vtkPolyDataReader

from HeartSeg3DLib.imaging import read_labels

sys.path.insert(0, str(ROOT / "Testing/Python/meshing"))
from analytic_heart import HIGH, LOW, MYO, analytic_heart, exact_shapes

DATA = ROOT.parent / "shared/data"
OBLIQUE = sitk.Euler3DTransform((0.0, 0.0, 0.0), *np.radians((20.0, -30.0, 40.0))).GetMatrix()
THICK_MM, THIN_MM = 10.0, 1.2
HIGHEST_BLOOD_POOL = 7

_POSES = {"healthy": ((-60.6047, 34.4059, -22.4411), (-87.6895, -32.4507, 41.0713)),
          "afib": ((-3.5044, 1.8030, 8.3369), (-58.3895, -70.8655, -50.3170))}
"""Rotation vector in degrees and shift in mm that lay the source surfaces onto the label maps, in LPS: the label maps
were turned. Found by iterated closest points from the middles of the tissue's voxel faces, the nearest 85 % of them."""

Surface = tuple[NDArray[np.float64], NDArray[np.int64]]
"""Points (N, 3), LPS, mm, and triangles (M, 3)."""


@dataclass(frozen=True)
class LabelMap:
    """A label map and how it is meshed.

    Attributes:
        image: Makes the label map.
        wall_mm: Thickness of the analytic heart's myocardium; None for a real heart.
        grow_walls: Whether walls are grown around blood pools.
        prior: Name of the real heart.
    """

    image: Callable[[], sitk.Image]
    wall_mm: float | None = THICK_MM
    grow_walls: bool = False
    prior: str = field(default="")

    @property
    def present(self) -> bool:
        """Whether what it is made from is on this machine."""
        return not self.prior or _prior_path(self.prior).is_file()


def noisy_heart() -> sitk.Image:
    """The heart at 1 mm with 60 blocks of random labels and 6 % of its boundary voxels exchanged."""
    labels, chance = analytic_heart((1.0, 1.0, 1.0)), np.random.default_rng(3)
    voxels = sitk.GetArrayFromImage(labels)
    for _ in range(60):
        corner = [chance.integers(5, count - 10) for count in voxels.shape]
        size = chance.integers(1, 5, 3)
        voxels[tuple(slice(low, low + step) for low, step in zip(corner, size, strict=True))] = chance.integers(1, 8)
    boundary = np.argwhere(ndimage.maximum_filter(voxels, 3) != ndimage.minimum_filter(voxels, 3))
    boundary = boundary[chance.random(len(boundary)) < 0.06]
    donor = np.clip(boundary + chance.integers(-1, 2, boundary.shape), 0, np.array(voxels.shape) - 1)
    voxels[tuple(boundary.T)] = voxels[tuple(donor.T)]
    return _like(labels, voxels)


def myocardium(**options: float) -> sitk.Image:
    """The analytic heart's myocardium alone, at 1 mm."""
    labels = analytic_heart((1.0, 1.0, 1.0), **options)
    voxels = sitk.GetArrayFromImage(labels)
    voxels[voxels != MYO] = 0
    return _like(labels, voxels)


def real_heart(name: str, highest: int = 255) -> sitk.Image:
    """A real heart's labels up to `highest`; those above it become background."""
    labels = read_labels(_prior_path(name))
    voxels = sitk.GetArrayFromImage(labels)
    voxels[voxels > highest] = 0
    return _like(labels, voxels)


def _real_hearts() -> dict[str, LabelMap]:
    found = {}
    for title, name in (("healthy heart", "healthy"), ("heart with atrial fibrillation", "afib")):
        pools = partial(real_heart, name, HIGHEST_BLOOD_POOL)
        found[title] = LabelMap(partial(real_heart, name), None, prior=name)
        found[f"{title} without walls"] = LabelMap(pools, None, prior=name)
        found[f"{title}, walls grown"] = LabelMap(pools, None, grow_walls=True, prior=name)
    return found


LABEL_MAPS: dict[str, LabelMap] = {
    "1 mm": LabelMap(lambda: analytic_heart((1.0, 1.0, 1.0))),
    "0.5 mm": LabelMap(lambda: analytic_heart((0.5, 0.5, 0.5))),
    "0.4 x 0.4 x 3 mm": LabelMap(lambda: analytic_heart((0.4, 0.4, 3.0))),
    "1.5 x 1.5 x 8 mm": LabelMap(lambda: analytic_heart((1.5, 1.5, 8.0))),
    "oblique 1 x 1 x 1.5 mm": LabelMap(lambda: analytic_heart((1.0, 1.0, 1.5), OBLIQUE)),
    "noisy 1 mm": LabelMap(noisy_heart),
    "wall of 1.2 mm at 1 mm": LabelMap(lambda: analytic_heart((1.0, 1.0, 1.0), wall=THIN_MM), THIN_MM),
    "myocardium at 1 mm": LabelMap(myocardium),
    "myocardium of 1.2 mm at 1 mm": LabelMap(partial(myocardium, wall=THIN_MM), THIN_MM),
    **_real_hearts(),
}


def true_surfaces(name: str) -> dict[int, Surface]:
    """Return the true surface of each label, or of the whole heart under 0 where labels are not told apart.

    None are returned for a real heart whose source surfaces are not on this machine. Analytic ones take minutes, once.
    """
    label_map = LABEL_MAPS[name]
    if label_map.wall_mm is None:
        return _source_surface(label_map.prior)
    kept = KEPT / f"true_surfaces_{label_map.wall_mm:g}.npz"
    if not kept.is_file():
        surfaces = _contours(label_map.wall_mm)
        KEPT.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(kept, **{f"{part}{value}": array for value, surface in surfaces.items()
                                     for part, array in zip(("points", "triangles"), surface, strict=True)})
    with np.load(kept) as arrays:
        values = sorted(int(key.removeprefix("points")) for key in arrays if key.startswith("points"))
        return {value: (arrays[f"points{value}"], arrays[f"triangles{value}"]) for value in values}


def true_volumes_mm3(surfaces: dict[int, Surface]) -> dict[int, float]:
    """Return the volume inside each of some closed surfaces that are turned outward."""
    return {value: float(np.einsum("ij,ij->i", points[triangles[:, 0]],
                                   np.cross(points[triangles[:, 1]], points[triangles[:, 2]])).sum() / 6.0)
            for value, (points, triangles) in surfaces.items()}


def _contours(wall_mm: float, step: float = 0.5) -> dict[int, Surface]:
    """Return where the formulas of the analytic heart are zero; creases are blunt by less than half a step."""
    axes = [np.arange(low - 5.0, high + 5.0, step) for low, high in zip(LOW, HIGH, strict=True)]
    functions: dict[int, NDArray[np.float32]] = {}
    for number, z in enumerate(axes[2]):
        points = np.stack(np.meshgrid(axes[0], axes[1], [z], indexing="ij"), axis=-1)
        for value, layer in exact_shapes(points, wall_mm).items():
            if value not in functions:
                functions[value] = np.empty([len(axis) for axis in axes], np.float32)
            functions[value][:, :, number] = layer[:, :, 0]
    return {value: _contour(functions.pop(value), axes, step) for value in tuple(functions)}


def _contour(function: NDArray[np.float32], axes: list[NDArray[np.float64]], step: float) -> Surface:
    image = vtkImageData()
    image.SetDimensions(function.shape)
    image.SetSpacing(step, step, step)
    image.SetOrigin([axis[0] for axis in axes])
    image.GetPointData().SetScalars(numpy_to_vtk(function.ravel(order="F"), deep=1))
    contour = vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.0)
    contour.Update()
    points, triangles = _arrays(contour.GetOutput())
    inward = true_volumes_mm3({0: (points, triangles)})[0] < 0.0
    return points, triangles[:, ::-1] if inward else triangles


def _source_surface(prior: str) -> dict[int, Surface]:
    """Return the surfaces that a real heart was voxelized from, laid onto its label map."""
    path = DATA / "meshes" / f"fourchamber_{prior}.vtk"
    if not path.is_file():
        return {}
    reader = vtkPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    points, triangles = _arrays(reader.GetOutput())
    degrees, shift = _POSES[prior]
    return {0: (points @ Rotation.from_rotvec(degrees, degrees=True).as_matrix().T + shift, triangles)}


def _arrays(mesh: vtkPolyData) -> Surface:
    return (vtk_to_numpy(mesh.GetPoints().GetData()).astype(np.float64),
            vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64))


def _prior_path(name: str) -> object:
    return DATA / "priors" / f"fourchamber_{name}_labels.nii.gz"


def _like(labels: sitk.Image, voxels: NDArray[np.uint8]) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.CopyInformation(labels)
    return image
