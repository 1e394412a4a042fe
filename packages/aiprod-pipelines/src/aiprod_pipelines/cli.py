"""The `aiprod` command, assembled from the entry-point group `aiprod.commands`.

Each package names its commands there; a command's module is imported only when that command runs, and its one line in
`aiprod --help` is the first line of the module's docstring, read without importing it. So help is there at once.
"""

import ast
from collections.abc import Sequence
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from aiprod_core.errors import AiprodError
from aiprod_pipelines.sovereignty.offline import set_offline_variables

GROUP = "aiprod.commands"
EXAMPLES = """
A sovereign film studio: a sentence or a screenplay in, a finished film out. Offline, on this machine, our own models.

[bold]Examples[/bold]

  aiprod film "A red cat walks on a beach, then it jumps. At night a blue robot dances in the city." -o film.mp4

  aiprod film film.yaml -o film.mp4 --watch

  aiprod generate "a red cat walking to the right on a beach by day under a clear sky" --seed 7 --output-path cat.mp4

  aiprod replay cat.mp4.receipt.json

  aiprod models verify
"""


class LazyCommands(TyperGroup):
    """A group whose commands are imported when they are run, not when they are listed."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return sorted(entry_points())

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """The line of help for `cmd_name`; `resolve_command` gives what runs."""
        entry = entry_points().get(cmd_name)
        return None if entry is None else TyperCommand(cmd_name, help=first_line(entry), rich_markup_mode=None)

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if command is None else load(entry_points()[args[0]]), rest

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except AiprodError as error:
            typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as interrupt:
            typer.echo("stopped; no film was written", err=True)
            raise typer.Exit(130) from interrupt


@cache
def entry_points() -> dict[str, metadata.EntryPoint]:
    """Command name → entry point, of every installed package; a name whose module is absent is left out."""
    return {entry.name: entry for entry in metadata.entry_points(group=GROUP) if _source(entry) is not None}


def first_line(entry: metadata.EntryPoint) -> str:
    """First line of the docstring of the command's module, read without importing the module."""
    source = _source(entry)
    tree = ast.parse(source.read_bytes()) if source else ast.Module([], [])
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def load(entry: metadata.EntryPoint) -> Any:
    """The runnable command behind an entry point that names a typer app."""
    return typer.main.get_command(entry.load())


def _source(entry: metadata.EntryPoint) -> Path | None:
    try:
        spec = util.find_spec(entry.module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None


app = typer.Typer(cls=LazyCommands, rich_markup_mode="rich", pretty_exceptions_enable=False, no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aiprod {metadata.version('aiprod-pipelines')}")
        raise typer.Exit


@app.callback(help=EXAMPLES)
def studio(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before any command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `aiprod` with `arguments`, by default those of the process.

    Exit code 0 done, 1 an error said in one line, 2 wrong usage, 130 stopped with Ctrl-C.
    """
    set_offline_variables()
    app(arguments, prog_name="aiprod")


if __name__ == "__main__":
    main()
