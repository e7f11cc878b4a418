"""The command line of HeartSeg; the training library adds its commands to it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from HeartSeg3DLib import __version__
from HeartSeg3DLib.cli.demo_command import demo_command
from HeartSeg3DLib.cli.measure_command import measure_command
from HeartSeg3DLib.cli.mesh_command import MeshCommand, mesh_command
from HeartSeg3DLib.cli.models_command import models_app
from HeartSeg3DLib.cli.segment_command import segment_command

_LEFTOVER = "Value error, "
"""What pydantic, by which newer typers check choices, puts before the sentence of the check."""


class PlainWords(TyperGroup):
    """Says of a wrong option what is wrong, without words of the library that found it."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as problem:
            problem.message = problem.message.removeprefix(_LEFTOVER)
            raise


def create_app() -> typer.Typer:
    """Return the command line with the commands of this library."""
    app = typer.Typer(
        name="heartseg", invoke_without_command=True, callback=_heartseg, add_completion=False,
        cls=PlainWords, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command("demo")(demo_command)
    app.command("segment")(segment_command)
    app.command("measure")(measure_command)
    app.command("mesh", cls=MeshCommand)(mesh_command)
    app.add_typer(models_app, name="models")
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"HeartSeg {__version__}")
        raise typer.Exit


def _heartseg(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Whole-heart segmentation of CT and MR scans. For research, not a medical device.

    Try it with: heartseg demo
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
