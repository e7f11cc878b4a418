"""What a batch can work on: volumes and sequences of the scene, and scans in files and folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
import vtk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging.dicom_header import NotDicomError, read_dicom_header
from HeartSeg3DLib.imaging.header import kind_of, suffix_of
from HeartSeg3DLib.scene.text import _

WAITING, RUNNING, DONE, WARNING, FAILED, CANCELLED = "waiting", "running", "done", "warning", "failed", "cancelled"

_SEGMENTATION = ".seg.nrrd"
_LOOKED_AT = 5
"""Files of a folder that are opened to see whether it holds DICOM; a few others may lie beside the slices."""


@dataclass(eq=False)
class BatchJob:
    """One scan of a batch and what became of it.

    Attributes:
        name: What the list shows.
        node: The vtkMRMLScalarVolumeNode or vtkMRMLSequenceNode, for scans of the scene.
        source: Image file or folder of DICOM files, for scans on disk.
        stem: Name of the output file without its ending, for scans on disk.
        state: `waiting`, `running`, `done`, `warning` (done, but to be looked at), `failed` or `cancelled`.
        fraction: Progress, 0-1.
        message: Why it failed or what to look at; empty otherwise.
        result: The vtkMRMLSegmentationNode, or the file that was written.
    """

    name: str
    node: Any = None
    source: Path | None = None
    stem: str = ""
    state: str = WAITING
    fraction: float = 0.0
    message: str = ""
    result: Any = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in (WAITING, RUNNING)


def scene_jobs() -> list[BatchJob]:
    """Return a job for every volume and sequence of volumes of the scene.

    Raises:
        InputError: There is none.
    """
    jobs = [BatchJob(node.GetName(), node) for node in _scans()]
    if not jobs:
        raise InputError(_("The scene holds no volume."), _("Load scans first, or choose a folder."))
    return jobs


def selected_jobs() -> list[BatchJob]:
    """Return a job for each scan that is selected in the subject hierarchy, alone or through its patient or study.

    Raises:
        InputError: No scan is selected.
    """
    chosen = vtk.vtkIdList()
    slicer.qSlicerSubjectHierarchyPluginHandler.instance().currentItems(chosen)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    items: set[int] = set()
    for index in range(chosen.GetNumberOfIds()):
        inside = vtk.vtkIdList()
        hierarchy.GetItemChildren(chosen.GetId(index), inside, True)
        items |= {chosen.GetId(index), *(inside.GetId(place) for place in range(inside.GetNumberOfIds()))}
    nodes = {hierarchy.GetItemDataNode(item) for item in items} - {None}
    jobs = [BatchJob(node.GetName(), node) for node in _scans() if node in nodes or _shown_by(node) in nodes]
    if not jobs:
        raise InputError(_("No scan is selected."), _("Select volumes, studies or patients in the Data module."))
    return jobs


def folder_jobs(folder: Path) -> list[BatchJob]:
    """Return a job for every scan in a folder and in the folders right below it.

    An image file is a scan; a folder that holds DICOM files is one, whatever lies below it. Segmentations
    (.seg.nrrd) are passed over.

    Raises:
        InputError: The folder is missing, cannot be read or holds no scan.
    """
    folder = Path(folder)
    try:
        sources = list(_sources(folder))
    except OSError as error:
        raise InputError(_("The folder {folder} cannot be read.").format(folder=folder),
                         _("Check the path and your rights there.")) from error
    if not sources:
        raise InputError(_("The folder {folder} holds no scan.").format(folder=folder),
                         _("Choose a folder with image files or with folders of DICOM files."))
    stems = _stems(sources)
    return [BatchJob(source.name, source=source, stem=stem) for source, stem in zip(sources, stems, strict=True)]


def _scans() -> list[Any]:
    """Volumes and sequences of volumes; a volume that only shows a sequence counts as the sequence."""
    sequences = [node for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode")
                 if node.GetDataNodeClassName() == "vtkMRMLScalarVolumeNode" and not node.GetHideFromEditors()]
    shown = {_shown_by(sequence) for sequence in sequences}
    volumes = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
               if node.GetClassName() == "vtkMRMLScalarVolumeNode" and not node.GetHideFromEditors()
               and node not in shown]
    return volumes + sequences


def _shown_by(node: Any) -> Any:
    """The volume through which a browser shows a sequence; None for volumes and for sequences that nobody plays."""
    if not node.IsA("vtkMRMLSequenceNode"):
        return None
    browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForSequenceNode(node)
    return browser.GetProxyNode(node) if browser is not None else None


def _sources(folder: Path) -> Iterator[Path]:
    entries = sorted(folder.iterdir())
    yield from filter(_is_image, entries)
    if _holds_dicom(entries):
        yield folder
        return
    for inside in (entry for entry in entries if entry.is_dir()):
        files = sorted(inside.iterdir())
        yield from filter(_is_image, files)
        if _holds_dicom(sorted(inside.rglob("*"))):
            yield inside


def _is_image(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and suffix_of(path) != _SEGMENTATION and bool(kind_of(path))


def _holds_dicom(entries: list[Path]) -> bool:
    files = [path for path in entries if path.is_file() and not path.name.startswith(".") and not kind_of(path)]
    return any(_is_dicom(path) for path in files[:_LOOKED_AT])


def _is_dicom(path: Path) -> bool:
    try:
        read_dicom_header(path)
    except (NotDicomError, InputError):
        return False
    return True


def _stems(sources: list[Path]) -> list[str]:
    """Names of the outputs without endings, with the folder's name before them where two would be alike."""
    stems = [source.name[:len(source.name) - len(suffix_of(source))] if _is_image(source) else source.name
             for source in sources]
    alike = Counter(stems)
    stems = [f"{source.parent.name}_{stem}" if alike[stem] > 1 else stem
             for source, stem in zip(sources, stems, strict=True)]
    alike = Counter(stems)
    return [f"{stem}_{number}" if alike[stem] > 1 else stem for number, stem in enumerate(stems, start=1)]
