"""`heartseg models`: the models on this computer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from HeartSeg3DLib.cli.command_run import CommandRun, command_run, error_entry
from HeartSeg3DLib.cli.options import JsonOption, QuietOption
from HeartSeg3DLib.errors import ModelError

if TYPE_CHECKING:
    from HeartSeg3DLib.api.verifying import VerifiedModel
    from HeartSeg3DLib.models import ModelStore, StoredModel

models_app = typer.Typer(no_args_is_help=True, help="List, show, check, import and remove models.")

IdArgument = Annotated[str, typer.Argument(metavar="ID", show_default=False, help="Name of the model.")]


@models_app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the models on this computer."""
    with command_run("models list", as_json=as_json) as run:
        store = _store()
        models = store.list()
        if models:
            run.table({"Id": "left", "Version": "left", "Use": "left", "For": "left", "Voxel": "right",
                       "From": "left", "Title": "left"}, [_row(model) for model in models])
            for model in models:
                if model.card is None:
                    run.say(f"'{model.id}' cannot be used: {model.problem} {model.remedy}")
        else:
            run.say("No models are installed. Import one with: heartseg models import FILE")
        run.say(f"Imported models are kept in {store.root}")
        run.say_note()
        run.report({"models": [_entry(model) for model in models], "folder": str(store.root)})


@models_app.command("show")
def show_command(
    model: Annotated[str, typer.Argument(metavar="ID|DIR", show_default=False, help="Name or package folder.")],
    as_json: JsonOption = False,
) -> None:
    """Show what a model was made for, what it learned from, and what was measured."""
    with command_run("models show", as_json=as_json) as run:
        found = _store().resolve(model)
        assert found.card is not None
        card = found.card.to_dict()
        run.say(f"{card['title']} ({found.id} {card['version']})")
        run.say(f"Folder: {found.folder}")
        for name, value in card.items():
            if name not in ("title", "id", "version"):
                _say_entry(run, name, value)
        run.say_note()
        run.report({"model": _entry(found), "card": card})


@models_app.command("verify")
def verify_command(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", show_default=False, help="Models; all without it.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check that models, and the files by which their results are judged, are complete and unaltered (SHA-256)."""
    with command_run("models verify", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.api.verifying import verify_model

        store = _store()
        names = ids or [model.id for model in store.list()]
        if not names:
            raise ModelError("No models are installed.", "Import one with: heartseg models import FILE")
        results: list[dict[str, Any]] = []
        failed = 0
        for name in names:
            try:
                found = verify_model(name, store)
            except ModelError as error:
                run.trouble(error, name)
                results.append({"id": name, "unaltered": False, "judged": False, "error": error_entry(error)})
                failed = error.exit_code
            else:
                run.say(f"{name}: complete and unaltered{_judged_words(found)}")
                results.append({"id": name, "unaltered": True, "judged": found.judged})
        run.report({"models": results}, failed)
    if failed:
        raise typer.Exit(failed)


@models_app.command("import")
def import_command(
    package: Annotated[Path, typer.Argument(metavar="DIR|ZIP", show_default=False, help="Model package.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model of the same name.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Import a model package from a folder or zip file, checked before it counts as installed."""
    with command_run("models import", as_json=as_json, quiet=quiet) as run:
        from HeartSeg3DLib.api.verifying import verify_trust

        with run.writing():
            model = _store().import_from(package, replace=replace)
        run.say(f"Imported {model.id} into {model.folder}")
        try:
            verify_trust(model)
        except ModelError as error:
            run.warn(f"{error.message} Results will not be judged. {error.remedy}")
        run.report({"model": _entry(model)})


@models_app.command("remove")
def remove_command(model: IdArgument, as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Remove an imported model; those that come with HeartSeg stay."""
    with command_run("models remove", as_json=as_json, quiet=quiet) as run:
        with run.writing():
            _store().remove(model)
        run.say(f"Removed {model}")
        run.report({"removed": model})


def _store() -> ModelStore:
    from HeartSeg3DLib.models import ModelStore

    return ModelStore()


def _row(model: StoredModel) -> tuple[str, ...]:
    origin = "HeartSeg" if model.shipped else "imported"
    card = model.card
    if card is None:
        return model.id, "", "", "", "", origin, "(cannot be used, see below)"
    return (model.id, card.version, card.role, "+".join(name.upper() for name in card.modalities),
            f"{card.spacing_mm:g} mm", origin, card.title)


def _entry(model: StoredModel) -> dict[str, Any]:
    card = model.card
    known = {} if card is None else {"version": card.version, "title": card.title, "role": card.role}
    return {"id": model.id, "folder": str(model.folder), "shipped": model.shipped, "problem": model.problem,
            "remedy": model.remedy, **known}


def _judged_words(found: VerifiedModel) -> str:
    """Return what is to be said of a checked model's results; nothing of one that only finds the heart."""
    if not found.segments:
        return ""
    return "; its results are judged" if found.judged else "; its results are not judged, as it has no trust.json"


def _say_entry(run: CommandRun, name: str, value: Any) -> None:
    """Print an entry of a card: tables with one line an entry, everything else on one line."""
    title = name.replace("_", " ").capitalize()
    if isinstance(value, dict):
        run.say(f"{title}:{'' if value else ' -'}")
        for key, inner in value.items():
            run.say(f"  {key.replace('_', ' ')}: {_text(inner)}")
    else:
        run.say(f"{title}: {_text(value)}")


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)) and not any(isinstance(item, (list, tuple, dict)) for item in value):
        return ", ".join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=list)
