"""`heartseg train`: training runs in job folders, and model packages from them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from HeartSeg3DLib.cli.command_run import command_run
from HeartSeg3DLib.cli.options import JsonOption, QuietOption
from HeartSeg3DLib.cli.progress import ProgressDisplay
from HeartSeg3DLib.errors import CancelledError, UsageError

if TYPE_CHECKING:
    from HeartSegTrainingLib.finetuning import FinetuneConfig

train_app = typer.Typer(no_args_is_help=True, help="Train models, and make packages of them.")

_LOOK_EVERY_S = 5.0


@train_app.command("finetune")
def finetune_command(
    job: Annotated[Path, typer.Argument(metavar="JOB.toml", show_default=False, help="What to do.")],
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="JOBDIR", show_default=False,
                     help="Job folder; without it NAME-job beside NAME.toml."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and draw one sample; train nothing.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint of the folder.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a segmentation network on generated hearts.

    Ctrl-C, or a file STOP in the job folder, ends the run after a checkpoint; --resume goes on exactly there.
    """
    with command_run("train finetune", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.imaging import check_output_folder
        from HeartSegTrainingLib.finetuning import FinetuneConfig

        config = FinetuneConfig.from_toml(job)
        folder = job.with_name(f"{job.stem}-job") if out is None else out
        if dry_run:
            facts = check_run(config)
            for name, value in facts.items():
                run.say(f"{name.replace('_', ' ')}: {value}")
            run.say("Nothing was trained or written, apart from scenes that were missing.")
            run.say_note()
            run.report({"folder": str(folder), "dry_run": facts})
            return
        check_output_folder(folder if folder.exists() else folder.parent)
        with run.progress() as progress:
            progress(0.0, "Preparing the scenes")
            result = _train(config, folder, resume, progress)
        run.say(f"Trained to step {result['step']}; checkpoint {result['checkpoint']} in {folder}")
        run.say(f"Make a model of it with: heartseg train export {folder} -o PACKAGE_DIR")
        run.say_note()
        run.report({"folder": str(folder), **result})


@train_app.command("export")
def export_command(
    folder: Annotated[Path, typer.Argument(metavar="JOBDIR", show_default=False, help="Job folder of a run.")],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="PACKAGE_DIR", show_default=False, help="New package folder.")
    ],
    card: Annotated[
        Path | None,
        typer.Option(metavar="CARD.toml", help="What the run cannot know: id, title, conventions, figures, licence."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make a model package of the newest checkpoint of a run, running or not."""
    with command_run("train export", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.finetuning.release import export_package, read_card_table

        if not (folder / "job.json").is_file():
            raise UsageError(f"{folder} is not a job folder.", "Give the folder that `heartseg train finetune` made.")
        package = export_package(folder, out, read_card_table(card) if card is not None else {})
        run.say(f"Model package: {package}")
        run.say(f"Use it with `heartseg segment --model {package}`, or import it: heartseg models import {package}")
        run.say_note()
        run.report({"package": str(package)})


def check_run(config: FinetuneConfig) -> dict[str, Any]:
    """Do everything that a run does before its first step, and describe what it would train on what.

    Raises:
        HeartSegError: Something in the job cannot work.
    """
    import numpy as np

    from HeartSegTrainingLib.engine.precision import training_device
    from HeartSegTrainingLib.finetuning.samples import SampleDataset
    from HeartSegTrainingLib.finetuning.task import registered_network
    from HeartSegTrainingLib.generator.training_data import sampler_factory

    device = training_device(config.device)
    network = registered_network(config)
    dataset = SampleDataset(sampler_factory(config.data, config.window), config.seed, network.config.classes,
                            config.window)
    image, labels = dataset[0][:2]
    parameters = sum(weight.numel() for weight in network.parameters())
    length = f"{config.steps} steps" if config.steps is not None else f"{config.minutes:g} minutes"
    return {"network": config.network, "parameters": parameters, "classes": network.config.classes,
            "device": str(device), "length": length, "batch": config.batch, "window": tuple(image.shape[1:]),
            "labels_of_first_sample": np.unique(labels.numpy()).tolist()}


def _train(config: FinetuneConfig, folder: Path, resume: bool, progress: ProgressDisplay) -> dict[str, Any]:
    """Train until the end and return the last state.

    Raises:
        CancelledError: Somebody stopped the run; its checkpoint is written.
    """
    from HeartSegTrainingLib.engine.trainer import Trainer
    from HeartSegTrainingLib.finetuning.task import task_maker
    from HeartSegTrainingLib.generator.training_data import sampler_factory

    trainer = Trainer(config, task_maker(config, sampler_factory(config.data, config.window)), folder)
    with _watching(trainer.job.state_file, progress):
        trainer.run(resume=resume)
    state = _read_state(trainer.job.state_file)
    if state["status"] == "stopped":
        raise CancelledError(f"The run stopped at step {state['step']} ({state['reason']}); its checkpoint is written.",
                             "Go on with --resume.")
    return state


@contextmanager
def _watching(state_file: Path, progress: ProgressDisplay) -> Iterator[None]:
    """Show the state that a run writes, as any other program would see it."""
    done = threading.Event()
    earlier = state_file.stat().st_mtime_ns if state_file.exists() else 0

    def watch() -> None:
        while not done.wait(_LOOK_EVERY_S):
            if state_file.exists() and state_file.stat().st_mtime_ns != earlier:
                _show_state(_read_state(state_file), progress)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _show_state(state: dict[str, Any], progress: ProgressDisplay) -> None:
    if "progress" in state:
        loss = f", loss {state['loss']:.3f}" if "loss" in state else ""
        progress(state["progress"], f"Step {state['step']}{loss}")


def _read_state(state_file: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(state_file.read_text("utf-8"))
    return state
