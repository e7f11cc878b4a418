"""The curves of a run: metrics.csv always, TensorBoard's files if asked for."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

from HeartSeg3DLib.errors import UsageError

from .job_folder import JobFolder, disk_errors, write_atomically

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class CurveWriter:
    """Adds a line of figures to metrics.csv every few steps.

    Args:
        job: The job's folder.
        tensorboard: Write TensorBoard's files beside it.

    Raises:
        UsageError: TensorBoard is asked for and not installed.
    """

    def __init__(self, job: JobFolder, *, tensorboard: bool = False) -> None:
        self.job = job
        self._summary = _summary_writer(job) if tensorboard else None

    def write(self, row: dict[str, float | int]) -> None:
        """Add a line; a figure that no line had before adds a column to all of them."""
        columns = read_header(self.job)
        missing = [name for name in row if name not in columns]
        if missing:
            self._rewrite([*columns, *missing])
            columns += missing
        file = self.job.metrics_file
        with disk_errors(file), open(file, "a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, columns, restval="nan").writerow(row)
        if self._summary is not None:
            for name, value in row.items():
                if name != "step" and not math.isnan(value):
                    self._summary.add_scalar(name, value, row["step"])
            self._summary.flush()

    def close(self) -> None:
        """Write out what TensorBoard's writer still holds."""
        if self._summary is not None:
            self._summary.close()

    def _rewrite(self, columns: list[str]) -> None:
        rows = read_curves(self.job)
        lines = [",".join(columns), *(",".join(row.get(name, "nan") for name in columns) for row in rows)]
        write_atomically(self.job.metrics_file, ("\r\n".join(lines) + "\r\n").encode())


def read_header(job: JobFolder) -> list[str]:
    """Names of the figures, empty before the first line."""
    if not job.metrics_file.exists():
        return []
    with open(job.metrics_file, newline="", encoding="utf-8") as stream:
        return next(csv.reader(stream), [])


def read_curves(job: JobFolder) -> list[dict[str, str]]:
    """Whole lines of metrics.csv as text by name; a torn last line is left out."""
    if not job.metrics_file.exists():
        return []
    header, *lines = job.metrics_file.read_text("utf-8").splitlines(keepends=True) or [""]
    names = header.strip().split(",")
    whole = [line.strip().split(",") for line in lines if line.endswith("\n")]
    return [dict(zip(names, values, strict=True)) for values in whole if len(values) == len(names)]


def drop_curves_after(job: JobFolder, step: int) -> None:
    """Forget the lines that a resumed run will write again, and a torn last line."""
    if not job.metrics_file.exists():
        return
    names = read_header(job)
    kept = [row for row in read_curves(job) if int(row["step"]) <= step]
    lines = [",".join(names), *(",".join(row[name] for name in names) for row in kept)]
    write_atomically(job.metrics_file, ("\r\n".join(lines) + "\r\n").encode())


def _summary_writer(job: JobFolder) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("TensorBoard is not installed.",
                         "Install it (pip install tensorboard), or set tensorboard = false.") from error
    return SummaryWriter(str(job.path / "tensorboard"))
