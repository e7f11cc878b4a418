"""What scripts and the panel call to segment, to measure and to mesh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from HeartSeg3DLib.scene import volume_table
from HeartSeg3DLib.scene.run_settings import RunSettings
from HeartSeg3DLib.scene.segmentation_run import SegmentationRun
from HeartSeg3DLib.scene.volumes import scan_of


class HeartSegLogic:
    """Segments volumes and sequences of the scene; works with and without Slicer's main window."""

    def start_segmentation(self, node: Any, target: Any = None, *,
                           before_update: Callable[[], None] | None = None, **settings: Any) -> SegmentationRun:
        """Start to segment in the background and return the run; call its `step` until it has finished.

        Args:
            node: vtkMRMLScalarVolumeNode, or vtkMRMLSequenceNode of such.
            target: vtkMRMLSegmentationNode to update; a new one if None.
            before_update: Called right before the target changes.
            settings: As in `RunSettings`.

        Raises:
            InputError: It is no scan that can be segmented.
            UsageError: A setting has an impossible value.
        """
        run = SegmentationRun(scan_of(node), target, RunSettings(**settings), before_update)
        run.start()
        return run

    def segment(self, node: Any, target: Any = None, wait: bool = True, *,
                progress: Callable[[float, str], None] | None = None, **settings: Any) -> Any:
        """Segment and return the segmentation, with its table of volumes; without `wait` return the run.

        Args:
            node: vtkMRMLScalarVolumeNode, or vtkMRMLSequenceNode of such.
            target: vtkMRMLSegmentationNode to update; a new one if None.
            wait: Whether to wait for the end.
            progress: Called with (fraction 0-1, stage) while waiting.
            settings: As in `RunSettings`.

        Raises:
            HeartSegError: With a sentence and a remedy; the scene is as it was.
        """
        run = self.start_segmentation(node, target, **settings)
        if not wait:
            return run
        segmentation = run.wait(progress)
        volume_table.update_table(segmentation)
        return segmentation

    def volumes(self, segmentation: Any) -> dict[str, float]:
        """Return the volume of each structure in mL by its id, parent transforms included."""
        return volume_table.volumes(segmentation)

    def function(self, segmentation: Any, **facts: Any) -> Any:
        """Return ejection fraction and the like of a segmented sequence.

        Args:
            segmentation: What `segment` returned for a sequence.
            facts: heart_rate, height_cm, weight_kg, end_diastole, end_systole.
        """
        from HeartSeg3DLib.scene import function_result  # brings plots, which one volume does not need

        return function_result.function_of(segmentation, **facts)

    def start_mesh(self, segmentation: Any, folder: Path | str, **settings: Any) -> Any:
        """Start to mesh in the background and return the `mesh_run.MeshRun`; call its `step` until it has finished.

        Args:
            segmentation: vtkMRMLSegmentationNode of any origin.
            folder: Where the mesh goes; made if its parent is there.
            settings: As in `mesh_settings.MeshSettings`.

        Raises:
            UsageError: A setting has an impossible value.
            InputError: Nothing in the segmentation is known as a structure of the heart.
        """
        from HeartSeg3DLib.scene import mesh_run, mesh_settings  # nobody else needs what they bring

        run = mesh_run.MeshRun(segmentation, Path(folder), mesh_settings.MeshSettings(**settings))
        run.start()
        return run

    def mesh(self, segmentation: Any, folder: Path | str, *,
             progress: Callable[[float, str], None] | None = None, **settings: Any) -> Any:
        """Mesh a segmentation, show its surfaces as models, and return the `mesh_run.Mesh`.

        Args:
            segmentation: vtkMRMLSegmentationNode of any origin.
            folder: Where the mesh goes; made if its parent is there.
            progress: Called with (fraction 0-1, stage) while waiting.
            settings: As in `mesh_settings.MeshSettings`.

        Raises:
            HeartSegError: With a sentence and a remedy; nothing half-written is left.
        """
        return self.start_mesh(segmentation, folder, **settings).wait(progress)
