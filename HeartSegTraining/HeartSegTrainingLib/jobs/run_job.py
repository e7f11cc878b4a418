"""Runs one job in this process, without any package of the command line: what detached and cluster jobs start.

python -m HeartSegTrainingLib.jobs.run_job KIND CONFIG JOBDIR [--resume]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from HeartSeg3DLib.errors import CancelledError, HeartSegError

from .fold_folders import note_folds
from .job_folder import JobFolder
from .kinds import Kind, OneRun, kind_named


def run_job(kind: str, config_file: str | Path, job_dir: str | Path, *, resume: bool = False,
            begun: Callable[[JobFolder], None] = lambda job: None) -> Path:
    """Run a job to its end, one fold after the other where it has several; returns the checkpoint written last.

    Args:
        kind: ssl, ressl or finetune.
        config_file: Job file, or job.json of a folder.
        job_dir: Job folder.
        resume: Go on from the newest checkpoint, if there is one.
        begun: Called before each run, once its folder is there and nothing is prepared yet.

    Raises:
        CancelledError: Somebody stopped it; its checkpoint is written.
        HeartSegError: It failed; state.json says why.
    """
    chosen, folder = kind_named(kind), Path(job_dir)
    runs = chosen.runs(chosen.read_config(config_file), folder)
    checkpoint, has_folds = Path(), runs[0].folder != folder
    if has_folds and is_first_process():
        note_folds(folder, [run.folder for run in runs])
        for asked in (folder, *(run.folder for run in runs)):
            (asked / "STOP").unlink(missing_ok=True)  # it asked an earlier session to stop
    for run in runs:
        if has_folds and is_first_process() and (folder / "STOP").exists():
            raise CancelledError(f"The job stopped before {run.folder.name}.", "Go on with --resume.")
        done = _finished(run) if has_folds and resume else None
        checkpoint = done or _run(chosen, run, resume, begun)
    return checkpoint


def _finished(run: OneRun) -> Path | None:
    """Last checkpoint of a fold that is finished as it is asked for now; None for any other."""
    job = JobFolder(run.folder)
    state, asked = job.read_state() or {}, (job.read_job() or {}).get("config")
    if state.get("status") != "finished" or asked != json.loads(json.dumps(run.config.to_dict())):
        return None
    path = job.checkpoints / str(state.get("checkpoint"))
    return path if path.is_file() else None


def _run(kind: Kind, run: OneRun, resume: bool, begun: Callable[[JobFolder], None]) -> Path:
    from HeartSegTrainingLib.engine.trainer import Trainer

    trainer = Trainer(run.config, kind.make_task(run.config, run.folder), run.folder)
    begun(trainer.job)
    checkpoint = trainer.run(resume=resume)
    if is_first_process():
        raise_if_stopped(trainer.job)
    elif not trainer.finished:  # the first one says why
        raise CancelledError("The run stopped.", "Go on with --resume.")
    return checkpoint


def raise_if_stopped(job: JobFolder) -> None:
    """Raise if the last session of a job was stopped before the job's end.

    Raises:
        CancelledError: It was.
    """
    state = job.read_state() or {}
    if state.get("status") == "stopped":
        raise CancelledError(f"The run stopped at step {state['step']} ({state['reason']}); its checkpoint is written.",
                             "Go on with --resume.")


def is_first_process() -> bool:
    """Whether this process speaks for the run, known before the processes have joined."""
    return int(os.environ.get("RANK", "0")) == 0


def main(arguments: list[str] | None = None) -> int:
    """Run as a program; returns the exit code of the command line's contract."""
    parser = argparse.ArgumentParser(prog="run_job", description=__doc__)
    parser.add_argument("kind")
    parser.add_argument("config", type=Path)
    parser.add_argument("job_dir", type=Path)
    parser.add_argument("--resume", action="store_true")
    asked = parser.parse_args(arguments)
    try:
        run_job(asked.kind, asked.config, asked.job_dir, resume=asked.resume)
    except HeartSegError as error:
        if is_first_process() or error.code not in ("peer", "cancelled"):  # these are told once
            print(f"Error: {error.message}\n{error.remedy}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
