"""`heartseg index`: an index of data sets, its checks, folds and store."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from HeartSeg3DLib.cli.command_run import CommandRun, command_run
from HeartSeg3DLib.cli.options import ForceOption, JsonOption, QuietOption
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSegTrainingLib.cli.index_words import say_findings, say_split
from HeartSegTrainingLib.cli.preprocess_command import preprocess_command

if TYPE_CHECKING:
    from HeartSegTrainingLib.datasets import Built, Index

index_app = typer.Typer(no_args_is_help=True, help="Index data sets, check and split them, prepare them for training.")
index_app.command("preprocess")(preprocess_command)


class Grouping(StrEnum):
    """What stays whole when cases are split."""

    subject = "subject"
    site = "site"


class Exchange(StrEnum):
    """Other programs' formats."""

    nnunet = "nnunet"
    msd = "msd"
    monai = "monai"


class Kind(StrEnum):
    """Modalities."""

    ct = "ct"
    mr = "mr"


IndexArgument = Annotated[Path, typer.Argument(metavar="INDEX.jsonl", show_default=False, help="Index.")]
OutOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="INDEX.jsonl", show_default=False, help="Index to write.")
]


@index_app.command("datasets")
def datasets_command(as_json: JsonOption = False) -> None:
    """List the data sets whose layout is known, and where that was read."""
    with command_run("index datasets", as_json=as_json) as run:
        from HeartSegTrainingLib.datasets import LAYOUTS

        rows, entries = [], []
        for layout in LAYOUTS.values():
            state = "from a source" if layout.verified else "unverified"
            rows.append((layout.name, layout.modality.upper(), state, layout.licence, layout.title))
            entries.append({"name": layout.name, "title": layout.title, "modality": layout.modality,
                            "verified": layout.verified, "source": layout.source, "licence": layout.licence,
                            "commercial_use": layout.commercial, "note": layout.note,
                            "values": {str(value): id_ for value, id_ in layout.values.items()},
                            "shares_people_with": layout.overlaps})
        run.table({"Name": "left", "For": "left", "Layout": "left", "Licence": "left", "Data set": "left"}, rows)
        run.say("Unverified: nobody read how this data set is laid out. Check the first cases by eye.")
        run.report({"datasets": entries})


@index_app.command("build")
def build_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", show_default=False,
                            help="Data set (`heartseg index datasets`), or nnunet, msd, monai for these formats.")
    ],
    source: Annotated[Path, typer.Argument(metavar="FOLDER", show_default=False, help="Where it was unpacked.")],
    out: OutOption,
    values: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Meaning of further label values: columns value,structure.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Headers only: no label values, no checksums.")] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Index a data set as it was distributed.

    Broken cases go to quarantine.jsonl beside the index; a label value that is not known stops the work.
    """
    with command_run("index build", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.datasets import LAYOUTS, update_quarantine

        _check_index_output(out, force=force)
        with run.progress() as progress:
            built = _build(name, source, values, quick, progress)
        (record,) = built.index.datasets.values()
        with run.writing():
            built.index.write(out)
            listed = update_quarantine(out, built.quarantined, rebuilt=[record.name])
        if not record.verified:
            run.warn(f"The layout of {name} is unverified: it was not read from a source. Look at some cases.")
        if note := LAYOUTS[name].note if name in LAYOUTS else "":
            run.say(note)
        _say_built(run, built, out, listed)


def _build(name: str, source: Path, values: Path | None, quick: bool, progress: Any) -> Built:
    from HeartSegTrainingLib.datasets import build_index, layout_of
    from HeartSegTrainingLib.datasets.exchange import IMPORTS

    if name in IMPORTS:
        return IMPORTS[name](source, values=values, quick=quick, progress=progress)
    return build_index(source, layout_of(name), values=values, quick=quick, progress=progress)


def _say_built(run: CommandRun, built: Built, out: Path, listed: Path | None) -> None:
    entries = built.index.entries
    counts = {"cases": len(entries), "labelled": sum(bool(entry.present) for entry in entries),
              "people": len({entry.person for entry in entries}),
              "unusable_as_distributed": sum(not entry.usable for entry in entries),
              "quarantined": len(built.quarantined), "empty_label_maps": len(built.empty)}
    run.say(f"{counts['cases']} cases of {counts['people']} people, {counts['labelled']} with labels: {out}")
    for problem in sorted({entry.problem for entry in entries if entry.problem}):
        run.warn(f"{sum(entry.problem == problem for entry in entries)} cases cannot be used as distributed. {problem}")
    if built.empty:
        run.warn(f"{len(built.empty)} label maps are empty, so their images count as unlabelled "
                 f"({', '.join(built.empty[:3])}).")
    if built.quarantined:
        first = built.quarantined[0]
        run.warn(f"{len(built.quarantined)} cases were put aside in {listed}; the first is {first.id}: {first.reason}")
    run.report({"index": str(out), **counts, "quarantine": str(listed) if listed else None})


@index_app.command("check")
def check_command(
    path: IndexArgument,
    voxels: Annotated[bool, typer.Option("--voxels", help="Read every image and label map whole.")] = False,
    checksums: Annotated[bool, typer.Option("--checksums", help="Compare files with their checksums.")] = False,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Move broken cases out of the index into quarantine.jsonl.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check files, people in splits, labels, orientations and licences.

    Ends with exit code 3 where something is broken and stays in the index, or contradicts itself.
    """
    with command_run("index check", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.datasets import check_index, put_aside, update_quarantine

        index = _read(path)
        with run.progress() as progress:
            findings = check_index(index, voxels=voxels, checksums=checksums, progress=progress)
        aside: list[Any] = []
        if quarantine:
            kept, aside = put_aside(index, findings)
            with run.writing():
                update_quarantine(path, aside)
                if aside:
                    kept.write(path)
        bad = sum(finding.kind == "error" or (finding.kind == "broken" and not quarantine) for finding in findings)
        say_findings(run, findings, len(index.entries), len(aside))
        code = InputError.exit_code if bad else 0
        run.report({"cases": len(index.entries), "quarantined": len(aside), "findings": [
            {"kind": one.kind, "about": one.about, "sentence": one.sentence, "remedy": one.remedy}
            for one in findings]}, code)
    if code:
        raise typer.Exit(code)


@index_app.command("merge")
def merge_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="INDEX.jsonl...", show_default=False, help="Indexes of different data sets.")
    ],
    out: OutOption,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Put several indexes into one. Split it again afterwards."""
    with command_run("index merge", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.datasets import merged

        _check_index_output(out, force=force)
        whole = merged([_read(path) for path in paths])
        with run.writing():
            whole.write(out)
        run.say(f"{len(whole.entries)} cases of {len(whole.datasets)} data sets: {out}")
        run.report({"index": str(out), "cases": len(whole.entries), "datasets": sorted(whole.datasets)})


@index_app.command("split")
def split_command(
    path: IndexArgument,
    folds: Annotated[int, typer.Option(metavar="N", min=2, max=100, help="Folds.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and cases give the same folds.")] = 0,
    by: Annotated[
        Grouping, typer.Option(help="subject spreads each hospital over all folds, site keeps it in one.")
    ] = Grouping.subject,
    hold_out: Annotated[
        list[str] | None, typer.Option("--hold-out", metavar="NAME", help="Data set that is for testing alone.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="INDEX.jsonl", show_default=False,
                                  help="Where to write; without it the index is replaced.")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Assign people to folds or to testing, and keep test people out of pretraining.

    Images of one person, and copies of one image in several data sets, stay together.
    """
    with command_run("index split", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.datasets import SplitRequest, split_index

        index = _read(path)
        if out is not None:
            _check_index_output(out, force=force)
        split, report = split_index(index, SplitRequest(folds, seed, by.value, tuple(hold_out or ())))
        if out is None and index.note and not force and split.entries != index.entries:
            raise UsageError(f"{path.name} is split already ({index.note}), and the folds would change.",
                             "Write to another file with -o, or use --force if nothing was trained with them.")
        with run.writing():
            split.write(out or path)
        say_split(run, report, split, out or path)


@index_app.command("export")
def export_command(
    format: Annotated[Exchange, typer.Argument(show_default=False, help="For which program.")],
    path: IndexArgument,
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR|JSON", show_default=False,
                           help="New folder; for monai the list to write.")
    ],
    structures: Annotated[
        str, typer.Option(metavar="LIST", help="Structures, such as LV,MYO,RV; without it what all cases share.")
    ] = "",
    modality: Annotated[Kind | None, typer.Option(show_default=False, help="Only ct or only mr.")] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the cases for nnU-Net v2, the Decathlon's tools or MONAI."""
    with command_run("index export", as_json=as_json, quiet=quiet) as run:
        from HeartSegTrainingLib.datasets.exchange import EXPORTS

        if format is Exchange.monai:
            _check_index_output(out, force=False, kinds=(".json",))
        index, wanted = _read(path), _structures(structures)
        with run.progress() as progress:
            export = EXPORTS[format.value](index, out, structures=wanted, modality=modality.value if modality else "",
                                           progress=progress)
        run.say(f"{len(export.training)} labelled and {len(export.testing)} other cases: {out}")
        run.say(f"Label values: {', '.join(f'{value} {name}' for name, value in export.values.items())}"
                if format is not Exchange.monai else "Label values stay those of the data set.")
        run.report({"output": str(out), "training": len(export.training), "testing": len(export.testing),
                    "structures": export.structures})


def _read(path: Path) -> Index:
    from HeartSegTrainingLib.datasets import Index

    return Index.read(path)


def _structures(text: str) -> tuple[str, ...]:
    from HeartSeg3DLib.anatomy import BY_ID

    wanted = tuple(part.strip().upper() for part in text.split(",") if part.strip())
    unknown = [id_ for id_ in wanted if id_ not in BY_ID]
    if unknown:
        raise UsageError(f"There is no structure {', '.join(unknown)}.", f"Known are {', '.join(BY_ID)}.")
    return wanted


def _check_index_output(out: Path, *, force: bool, kinds: tuple[str, ...] = (".jsonl",)) -> None:
    from HeartSeg3DLib.imaging import check_output

    check_output(out, force=force, kinds=kinds)
