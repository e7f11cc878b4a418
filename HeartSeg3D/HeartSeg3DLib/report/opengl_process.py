"""Program that draws a heart with OpenGL; `opengl_view` starts it with a folder that holds its request.

It uses numpy and VTK alone, writes `picture.npy` (uint8 [y, x, rgb]) into the folder and ends with 0, or with anything
else where OpenGL does not work.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  # what vtkRenderingCore draws with
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkLight,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkRenderWindow,
    vtkWindowToImageFilter,
)

# VTK's x, y, z are the picture's right, up and towards the viewer.
_LIGHTS = (((-0.45, 0.61, 0.65), 0.80), ((0.87, 0.10, 0.48), 0.30), ((0.0, 0.0, 1.0), 0.30))
_WALL_OPACITY = 0.18
_BEHIND_THE_CHAMBER = (0.0, 250.0)
"""Polygon offset of about half a voxel: where wall and chamber end in the same surface, it is the chamber's."""
_GROOVE_VOXELS = 16.0
"""Reach of the shade in grooves between structures."""


def surface_actor(field: NDArray[np.float32], structure: dict[str, Any], surface: float) -> vtkActor:
    """Return the surface of one smooth structure [depth, down, right]."""
    depth, down, right = structure["start"]
    upright = np.ascontiguousarray(field[::-1, ::-1])
    image = vtkImageData()
    image.SetDimensions(upright.shape[::-1])
    image.SetOrigin(right, -(down + upright.shape[1] - 1), -(depth + upright.shape[0] - 1))
    image.GetPointData().SetScalars(numpy_to_vtk(upright.ravel(), deep=True))
    contour = vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, surface)
    contour.ComputeNormalsOn()
    contour.ComputeScalarsOff()
    mapper = vtkPolyDataMapper()
    mapper.SetInputConnection(contour.GetOutputPort())
    actor = vtkActor()
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetInterpolationToPhong()
    look.SetColor(*structure["color"])
    look.SetAmbient(0.18)
    look.SetDiffuse(0.86)
    look.SetSpecular(0.28)
    look.SetSpecularPower(30)
    if structure["see_through"]:
        look.SetOpacity(_WALL_OPACITY)
        look.BackfaceCullingOn()
        mapper.SetResolveCoincidentTopologyToPolygonOffset()
        mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(*_BEHIND_THE_CHAMBER)
    return actor


def stage(size: list[int], background: list[float]) -> vtkRenderer:
    """Return an empty stage with lights and a camera that sees a field of (depth, down, right) grid points."""
    renderer = vtkRenderer()
    renderer.SetBackground(*background)
    renderer.UseFXAAOn()
    renderer.UseSSAOOn()
    renderer.SetSSAORadius(_GROOVE_VOXELS)
    renderer.SetSSAOBias(0.5)
    renderer.SetSSAOKernelSize(32)
    renderer.SSAOBlurOn()
    for position, intensity in _LIGHTS:
        light = vtkLight()
        light.SetLightTypeToCameraLight()
        light.SetPosition(*position)
        light.SetFocalPoint(0, 0, 0)
        light.SetIntensity(intensity)
        renderer.AddLight(light)
    depth, down, right = size
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    camera.SetParallelScale(down / 2)
    camera.SetFocalPoint((right - 1) / 2, -(down - 1) / 2, -depth / 2)
    camera.SetPosition((right - 1) / 2, -(down - 1) / 2, depth)
    return renderer


def draw(folder: Path) -> NDArray[np.uint8]:
    """Draw what the folder asks for; returns colors [y, x, rgb]."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    renderer = stage(request["size"], request["background"])
    for number, structure in enumerate(request["structures"]):
        field = np.load(folder / f"{number}.npy", allow_pickle=False)
        renderer.AddActor(surface_actor(field, structure, request["surface"]))
    renderer.ResetCameraClippingRange()
    rows, columns = request["pixels"]
    window = vtkRenderWindow()
    window.SetOffScreenRendering(True)
    window.SetMultiSamples(0)
    window.SetSize(columns, rows)
    window.AddRenderer(renderer)
    window.Render()
    capture = vtkWindowToImageFilter()
    capture.SetInput(window)
    capture.ReadFrontBufferOff()
    capture.Update()
    colors = vtk_to_numpy(capture.GetOutput().GetPointData().GetScalars()).reshape(rows, columns, 3)
    return colors[::-1]


def main() -> int:
    """Draw and save; a picture of one color means that nothing was drawn."""
    folder = Path(sys.argv[1])
    colors = draw(folder)
    if (colors == colors[0, 0]).all():
        return 1
    np.save(folder / "picture.npy", colors, allow_pickle=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
