"""Voxels out to the child process and its results back, in worker threads: the GUI thread only looks whether they end.

The threads touch arrays and files, never nodes of the scene.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.scene.volumes import ScanSource, lps_to_ras
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSeg3DLib.worker.scan_folder import RawFrame, ScanDescription

T = TypeVar("T")

_working: set[BackgroundTask[Any]] = set()


def work_in_background() -> bool:
    """Whether a background task has not ended.

    The event loop of 3D Slicer keeps Python's lock while it waits for events, and threads stand still meanwhile:
    whoever answers events must let them work now and then for as long as this is true.
    """
    return bool(_working)


class BackgroundTask(Generic[T]):
    """One function call in a thread of its own.

    Args:
        work: What to do; it must not touch the scene.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._result: T | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        _working.add(self)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # handed on by `result`, in the thread that asks
            self._error = error
        finally:
            _working.discard(self)

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return not self._thread.is_alive()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def result(self) -> T:
        """Return what the function returned, or raise what it raised; waits if it still works."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Surface:
    """The closed surface of one structure.

    Attributes:
        points: (N, 3) float32, RAS in mm.
        normals: (N, 3) float32, RAS; None without.
        offsets: (M + 1,) int64, where each triangle starts in `connectivity`.
        connectivity: (3 M,) int64, indices of points.
        quality: (M,) float32, shape of each triangle of a mesh from 0 to 1; None of other surfaces.
    """

    points: NDArray[np.float32]
    normals: NDArray[np.float32] | None
    offsets: NDArray[np.int64]
    connectivity: NDArray[np.int64]
    quality: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class FrameResult:
    """What the child process found in one frame.

    Attributes:
        index: Number of the frame, from 0.
        time_ms: Its time in ms, None where unknown.
        start: First voxel (x, y, z) of the box around all structures.
        labels: Label values [z, y, x] in that box, uint8; of size 0 where nothing was found.
        model_labels: A second copy, for the model's own result that editing leaves alone.
        values: The label values that occur.
        surfaces: By label value; empty if none were asked for.
        volumes_ml: By structure id, on the scan's own grid.
        marks: Trust marks, each with `id`, `level` and `sentence`.
        warnings: Sentences for the user.
        trust: `level` and `sentence` of the frame as a whole; empty where nobody judged it.
    """

    index: int
    time_ms: float | None
    start: tuple[int, int, int]
    labels: NDArray[np.uint8]
    model_labels: NDArray[np.uint8]
    values: tuple[int, ...]
    surfaces: Mapping[int, Surface]
    volumes_ml: Mapping[str, float]
    marks: tuple[Mapping[str, str], ...]
    warnings: tuple[str, ...]
    trust: Mapping[str, str] = field(default_factory=dict)


def write_scan(scan: ScanSource, modality: str, workspace: Workspace, cancelled: Callable[[], bool],
               progress: Callable[[float], None] = lambda fraction: None) -> None:
    """Write voxels and scan.json into the workspace; runs in a worker thread.

    Args:
        scan: Its voxels are read from the held views.
        modality: What the user chose, `auto` for what the scan says.
        workspace: Where to.
        cancelled: Asked between slabs.
        progress: Called with the share that is written, 0-1.

    Raises:
        DiskError: It does not fit.
        CancelledError: `cancelled` returned True.
    """
    workspace.require(scan.byte_count)
    frames = []
    for index, (voxels, time_ms) in enumerate(zip(scan.frames, scan.times_ms, strict=True)):
        frames.append(RawFrame(f"frame_{index:03d}.raw", time_ms))
        workspace.write_voxels(frames[-1].file, voxels, cancelled)
        progress((index + 1) / len(scan.frames))
    description = ScanDescription(
        # The user's name for the scan may be a patient's; messages of the child speak of "the scan".
        name="the scan", size=scan.size, spacing=scan.spacing, origin=scan.origin, direction=scan.direction,
        dtype=scan.frames[0].dtype.name, modality=scan.modality if modality == "auto" else modality,
        orientation_known=True, frames=tuple(frames),
    )
    description.write(workspace.folder)


def read_frame(folder: Path, event: Mapping[str, Any], scan: ScanSource) -> FrameResult:
    """Read what a `frame` event announces; runs in a worker thread.

    Raises:
        HeartSegError: The files do not hold what the event says.
    """
    try:
        size = tuple(int(count) for count in event["box"]["size"])
        start = tuple(int(place) for place in event["box"]["start"])
        labels = _read_labels(folder / event["labels"], size)
        index = int(event["index"])
        inside = all(first >= 0 and first + count <= whole
                     for first, count, whole in zip(start, size, scan.size, strict=True))
        if not inside:
            raise ValueError("the box lies outside the scan")
        file = event.get("surfaces")
        if scan.is_warped:
            start, labels = (0, 0, 0), on_whole_grid(scan.size, start, labels)
        return FrameResult(
            index=index, time_ms=scan.times_ms[index], start=(start[0], start[1], start[2]), labels=labels,
            model_labels=labels.copy(), values=tuple(int(value) for value in np.flatnonzero(_counts(labels)) if value),
            surfaces=read_surfaces(folder / file) if file else {}, volumes_ml=dict(event.get("volumes_ml", {})),
            marks=tuple(event.get("marks", ())), warnings=tuple(event.get("warnings", ())),
            trust=dict(event.get("trust") or {}),
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise HeartSegError("The result could not be read.",
                            "Segment again; if that fails too, send the report to the developers.") from error


def on_whole_grid(size: tuple[int, ...], start: tuple[int, ...], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return labels of a box on the whole grid of the scan, array [z, y, x].

    Where a transform that is not linear is hardened, Slicer takes the place of the result from the corners of the
    labelmap: of a tight box it would cut pieces off.
    """
    whole = np.zeros(size[::-1], np.uint8)
    whole[tuple(slice(first, first + count) for first, count in zip(start[::-1], labels.shape, strict=True))] = labels
    return whole


def _read_labels(file: Path, size: tuple[int, ...]) -> NDArray[np.uint8]:
    labels = np.empty(size[::-1], np.uint8)
    if file.stat().st_size != labels.nbytes:
        raise ValueError("the file has another size than its box")
    if labels.nbytes:
        with open(file, "rb", buffering=0) as stream:  # releases the GIL, unlike reading into small pieces
            rest = labels.data.cast("B")
            while rest:
                rest = rest[stream.readinto(rest):]
    return labels


def _counts(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    counts = np.zeros(256, np.int64)
    for plane in labels:  # a slice at a time: counting converts its input to eight bytes a voxel
        counts += np.bincount(plane.ravel(), minlength=256)
    return counts


def read_surfaces(file: Path) -> dict[int, Surface]:
    """Read the surfaces that the child process handed over, by label value; runs in a worker thread.

    Raises:
        OSError, ValueError, KeyError: The file is not what was announced.
    """
    surfaces = {}
    with np.load(file, allow_pickle=False) as arrays:
        for name in arrays.files:
            kind, value = name.split("_")
            if kind != "points":
                continue
            triangles = np.asarray(arrays[f"triangles_{value}"], np.int64)
            normals, quality = f"normals_{value}", f"quality_{value}"
            surfaces[int(value)] = Surface(
                points=lps_to_ras(np.asarray(arrays[name], np.float32)),
                normals=lps_to_ras(np.asarray(arrays[normals], np.float32)) if normals in arrays.files else None,
                offsets=np.arange(0, triangles.size + 1, 3, dtype=np.int64),
                connectivity=np.ascontiguousarray(triangles.ravel()),
                quality=np.asarray(arrays[quality], np.float32) if quality in arrays.files else None,
            )
    return surfaces
