"""Draws slice and 3D views of the scene into pictures, with Slicer's own displayable managers and without a screen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import slicer
import vtk

_BACKGROUND_3D = (0.757, 0.765, 0.91), (0.455, 0.471, 0.745)
_SLICE_MANAGERS = ("vtkMRMLSegmentationsDisplayableManager2D", "vtkMRMLModelSliceDisplayableManager")
_THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
)


class _Canvas:
    """A window that nobody sees. The interactor has to exist before the displayable managers."""

    def __init__(self, size: tuple[int, int]) -> None:
        os.environ.pop("DISPLAY", None)  # without it VTK draws through EGL
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetSize(*size)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.Initialize()

    def add_managers(self, factory: Any, node: Any, names: tuple[str, ...]) -> Any:
        """The displayable managers that draw what the node of a view shows."""
        factory.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        for name in names:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        group = slicer.vtkMRMLDisplayableManagerGroup()
        group.SetRenderer(self.renderer)
        group.Initialize(factory, self.renderer)
        group.SetMRMLDisplayableNode(node)
        return group

    def save(self, path: Any) -> None:
        """Draw and write a PNG file."""
        self.window.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.ReadFrontBufferOff()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        writer = vtk.vtkPNGWriter()
        writer.SetFileName(str(path))
        writer.SetInputConnection(grabber.GetOutputPort())
        writer.Write()


def draw_slice(name: str, path: Any, size: tuple[int, int] = (400, 400), fit: bool = True) -> None:
    """Write a picture of the slice view ``Red``, ``Green`` or ``Yellow``: the whole volume, or as it is now."""
    logic = slicer.app.layoutManager().sliceWidget(name).sliceLogic()
    node = logic.GetSliceNode()
    node.SetDimensions(*size, 1)
    if fit:
        logic.FitSliceToBackground()
        logic.SnapSliceOffsetToIJK()
    canvas = _Canvas(size)
    mapper = vtk.vtkImageMapper()
    mapper.SetColorWindow(255)
    mapper.SetColorLevel(127.5)
    mapper.SetInputConnection(logic.GetImageDataConnection())
    image = vtk.vtkActor2D()
    image.SetMapper(mapper)
    image.GetProperty().SetDisplayLocationToBackground()
    canvas.renderer.AddViewProp(image)
    group = canvas.add_managers(slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance(), node, _SLICE_MANAGERS)
    camera = canvas.renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    camera.SetParallelScale(size[1] / 2)
    camera.SetFocalPoint(size[0] / 2, size[1] / 2, 0)
    camera.SetPosition(size[0] / 2, size[1] / 2, 1)
    canvas.save(path)
    group.SetMRMLDisplayableNode(None)


def draw_3d(path: Any, size: tuple[int, int] = (400, 400), azimuth: float = 30.0, elevation: float = 15.0) -> None:
    """Write a picture of the 3D view, turned from the front by the angles in degrees."""
    node = slicer.app.layoutManager().threeDWidget(0).mrmlViewNode()
    node.SetBoxVisible(False)
    node.SetAxisLabelsVisible(False)
    canvas = _Canvas(size)
    canvas.renderer.SetGradientBackground(True)
    canvas.renderer.SetBackground(*_BACKGROUND_3D[0])
    canvas.renderer.SetBackground2(*_BACKGROUND_3D[1])
    group = canvas.add_managers(
        slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance(), node, _THREE_D_MANAGERS
    )
    canvas.window.Render()
    camera = canvas.renderer.GetActiveCamera()
    camera.SetFocalPoint(0, 0, 0)
    camera.SetPosition(0, 1, 0)
    camera.SetViewUp(0, 0, 1)
    camera.Azimuth(azimuth)
    camera.Elevation(elevation)
    canvas.renderer.ResetCamera()
    camera.Zoom(1.3)
    canvas.save(path)
    group.SetMRMLDisplayableNode(None)
