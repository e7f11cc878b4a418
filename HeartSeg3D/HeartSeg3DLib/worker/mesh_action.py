"""A mesh of the label map in the private folder; it appears in the user's folder as a whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.api.outputs import output_folder
from HeartSeg3DLib.imaging import replacing
from HeartSeg3DLib.meshing.export.earlier import earlier_places, removal_sentences
from HeartSeg3DLib.meshing.export.presets import stem_of
from HeartSeg3DLib.worker.events import Job
from HeartSeg3DLib.worker.leftovers import placing
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSeg3DLib.worker.scan_folder import ScanDescription

if TYPE_CHECKING:
    from HeartSeg3DLib.api import MeshChoices, MeshedHeart
    from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh

_MADE = 0.97
"""Share of the time after which the mesh is in place and its surfaces are handed over."""


def mesh(job: Job, loaded: LoadedModels) -> None:
    """Mesh the label map in the request's `folder` into its `output`, a folder that is made where it is missing.

    The label map is the one frame of scan.json, in the project's values. `preset`, `volume`, `edge_mm`, `walls_mm` (by
    cavity value), `fibers` (degrees at endocardium and epicardium), `formats`, `frame`, `pieces`, `accept_failed` and
    `force` are those of `api.MeshChoices`; `title` is what the report calls the label map. Whether a mesh that failed
    its check is written all the same is asked with a `question`. The result names the file in `folder` that holds the
    surfaces of what was written, LPS in mm: `points_1`, `triangles_1`, `normals_1` and `quality_1` of label 1.

    Raises:
        HeartSegError: As `api.mesh_to_folder`.
    """
    from HeartSeg3DLib.api import mesh_to_folder  # brings VTK

    request = job.request
    folder, output, choices = Path(request["folder"]), Path(request["output"]), _choices(request)
    with output_folder(output):
        choices.check(output)
        labels = _label_map(folder)
        before = earlier_places(output, stem_of(choices.preset))
        meshed = mesh_to_folder(labels, output, choices, title=_title(request), accept=job.ask,
                                progress=lambda fraction, stage: job.progress(fraction * _MADE, stage),
                                writing=placing)
    job.progress(_MADE, "Handing over the surfaces")
    surfaces = _write_surfaces(folder, meshed, choices)
    job.progress(1.0, "Done")
    job.result(files=[str(path) for path in meshed.files], surfaces=surfaces, edge_mm=meshed.edge_mm,
               warnings=[*meshed.warnings, *removal_sentences(before)], seconds=meshed.seconds,
               quality=meshed.report.to_dict())


def _choices(request: dict[str, Any]) -> MeshChoices:
    from HeartSeg3DLib.api import MeshChoices
    from HeartSeg3DLib.meshing.cleaning import Pieces
    from HeartSeg3DLib.meshing.fibers import FiberAngles

    fibers = request.get("fibers")
    return MeshChoices(
        edge_mm=request.get("edge_mm"), volume=bool(request.get("volume")),
        walls_mm={int(cavity): float(wall) for cavity, wall in (request.get("walls_mm") or {}).items()},
        fibers=FiberAngles(*fibers) if fibers else None, preset=request.get("preset"),
        formats=tuple(request.get("formats") or ()), frame=request.get("frame") or "lps",
        pieces=Pieces(request.get("pieces") or Pieces.ASK.value), accept_failed=bool(request.get("accept_failed")),
        force=bool(request.get("force")))


def _label_map(folder: Path) -> sitk.Image:
    description = ScanDescription.read(folder)
    return description.load_frame(folder, 0)


def _title(request: dict[str, Any]) -> str:
    """Return what a person called the label map, as a name that is no path."""
    return re.sub(r"[/\\:]", "_", request.get("title") or "") or "segmentation"


def _write_surfaces(folder: Path, meshed: MeshedHeart, choices: MeshChoices) -> str:
    """Write the surface of each structure that the choices write, with a quality from 0 to 1 for each triangle."""
    from HeartSeg3DLib.meshing.display_surface import surface_alone

    wanted = choices.request(folder).labels
    arrays: dict[str, NDArray[Any]] = {}
    for value, triangles, quality in _structures(meshed.mesh):
        if wanted is None or value in wanted:
            surface = surface_alone(meshed.mesh.points, triangles)
            arrays[f"points_{value}"] = surface.points
            arrays[f"triangles_{value}"] = surface.triangles
            arrays[f"normals_{value}"] = surface.normals
            arrays[f"quality_{value}"] = quality.astype(np.float32)
    file = folder / "surfaces.npz"
    with replacing(file) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)
    return file.name


def _structures(mesh: SurfaceMesh | TetraMesh) -> Iterator[tuple[int, NDArray[np.integer], NDArray[np.float64]]]:
    """Return label, triangles (M, 3) and their quality (M,): of a surface their own, else of the tetrahedra behind."""
    from HeartSeg3DLib.meshing.mesh import SurfaceMesh
    from HeartSeg3DLib.meshing.quality.conformity import faces_of
    from HeartSeg3DLib.meshing.quality.shape import tetrahedron_shapes, triangle_scaled_jacobians

    if isinstance(mesh, SurfaceMesh):
        for value in mesh.values:
            triangles = mesh.closed_surface(value)
            yield value, triangles, triangle_scaled_jacobians(mesh.points[triangles])
        return
    for value in np.unique(mesh.labels).tolist():
        tetrahedra = mesh.tetrahedra[mesh.labels == value]
        faces = faces_of(tetrahedra)
        outer = faces.second < 0
        behind = tetrahedra[faces.first[outer]]
        yield value, faces.corners[outer], tetrahedron_shapes(mesh.points, behind).scaled_jacobians
