"""Write a sentence or a screenplay as a storyboard of shots, a YAML file to edit and to build with `aiprod film`."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aiprod_core.errors import InputError
from aiprod_pipelines import output
from aiprod_pipelines.film.local_scenarist import local_storyboard_of
from aiprod_pipelines.film.scenarist import Wishes, storyboard_of
from aiprod_pipelines.film.screenplay import Screenplay
from aiprod_pipelines.film.screenplay_file import read_screenplay, source_of
from aiprod_pipelines.film.shot_prompt import shot_prompt
from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_pipelines.film.storyboard_file import SCHEMA_FILE, check_storyboard, json_schema, to_yaml

RULES, LOCAL = "rules", "local:"
YAML_SUFFIXES = (".yaml", ".yml")
EPILOG = """
[bold]Examples[/bold]

aiprod storyboard "A red cat walks on the beach at sunset, then it jumps over a ball" -o film.yaml

aiprod storyboard screenplay.fountain --duration 60 -o film.yaml

aiprod storyboard script.md --scenarist local:models/mistral-7b-instruct -o film.yaml

aiprod storyboard film.yaml --check
"""

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


class Fallback(StrEnum):
    """Who writes the storyboard where a language model cannot."""

    NONE = "none"
    RULES = "rules"


@app.command(epilog=EPILOG)
def storyboard(
    words: Annotated[
        str | None,
        typer.Argument(
            metavar="PROMPT|FILE",
            help="What the film tells; or a screenplay, .fountain or .md; or, to check it, a storyboard.",
            show_default=False,
        ),
    ] = None,
    output_path: Annotated[
        Path | None, typer.Option("--output-path", "-o", help="The .yaml to write; left out: it goes to stdout.")
    ] = None,
    shots: Annotated[int | None, typer.Option(help="How many shots.", show_default=False)] = None,
    duration_s: Annotated[
        float | None, typer.Option("--duration", help="Seconds of all shots together.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The film's seed.", show_default=False)] = None,
    scenarist: Annotated[
        str, typer.Option(help="Who writes it: rules, or local:PATH, a folder with an instruct model.")
    ] = RULES,
    fallback: Annotated[Fallback, typer.Option(help="Who writes it where the model fails.")] = Fallback.NONE,
    check: Annotated[
        bool, typer.Option("--check", help="Read a storyboard and say all that is wrong with it.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of storyboards, for editors.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the storyboard, or what is wrong, as JSON.")] = False,
) -> None:
    """Write PROMPT, or the screenplay in FILE, as a storyboard: shots with prompts, cameras, lengths and dialogue."""
    if schema:
        typer.echo(json_schema(), nl=False)
        return
    if not words:
        raise typer.BadParameter("got nothing, expected a sentence or a file", param_hint="PROMPT|FILE")
    if check:
        _check(Path(words), as_json)
        return
    if output_path is not None:
        _may_write(output_path, force)
    board = _written(words, Wishes(shots=shots, duration_s=duration_s, seed=seed), scenarist, fallback)
    if output_path is not None:
        schema_path = output_path.with_name(SCHEMA_FILE.name)
        output.save({output_path: to_yaml(board, output_path.name).encode(), schema_path: json_schema().encode()})
    if as_json:
        typer.echo(board.model_dump_json(by_alias=True, exclude_unset=True, indent=2))
    elif output_path is None:
        typer.echo(to_yaml(board), nl=False)
    else:
        show(board, Console())
        typer.echo(f"{output_path}: {len(board.shots)} shots; build it: aiprod film {output_path}")


def show(board: Storyboard, console: Console) -> None:
    """Print the shots as a table."""
    table = Table("shot", "s", "what is seen and said", "camera", "into", box=None, pad_edge=False)
    for shot in board.shots:
        lines = ["[italic]" + escape(f"{line.who or 'narrator'}: {line.line}") + "[/italic]" for line in shot.dialogue]
        seen = escape(shot.prompt or str(shot.clip or shot_prompt(board, shot)))
        entered = shot.transition.kind if shot.transition is not None else "cut"
        length = "" if shot.duration_s is None else f"{shot.duration_s:g}"
        table.add_row(shot.id, length, "\n".join([seen, *lines]), shot.camera or "static", entered)
    console.print(table)


def _written(words: str, wishes: Wishes, scenarist: str, fallback: Fallback) -> Storyboard:
    if Path(words).suffix.lower() in YAML_SUFFIXES:
        raise InputError(
            f"{words}: this is a storyboard already; build it with 'aiprod film', or check it with --check"
        )
    source = source_of(words)
    told: str | Screenplay = read_screenplay(source) if isinstance(source, Path) else source
    if scenarist == RULES:
        return storyboard_of(told, wishes)
    if not scenarist.startswith(LOCAL):
        raise InputError(f"scenarist: got {scenarist!r}, expected rules or local:PATH; choose one")
    try:
        text = source.read_text(encoding="utf-8-sig") if isinstance(source, Path) else source
        return local_storyboard_of(text, Path(scenarist.removeprefix(LOCAL)), wishes)
    except InputError as error:
        if fallback is Fallback.NONE:
            raise
        typer.echo(f"note: written by rules; {error}", err=True)
        return storyboard_of(told, wishes)


def _check(path: Path, as_json: bool) -> None:
    if path.suffix.lower() not in YAML_SUFFIXES:
        raise InputError(f"{path}: got {path.suffix or 'no suffix'}, expected a storyboard, .yaml; name one")
    read = check_storyboard(path)
    problems = [] if isinstance(read, Storyboard) else read
    if as_json:
        facts = [{"line": one.line, "field": one.field, "message": one.message} for one in problems]
        typer.echo(json.dumps({"file": str(path), "problems": facts}))
    else:
        for problem in problems:
            typer.echo(f"error: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
    if isinstance(read, Storyboard) and not as_json:
        show(read, Console())
        typer.echo(f"{path}: {len(read.shots)} shots, nothing wrong")


def _may_write(path: Path, force: bool) -> None:
    if path.suffix.lower() not in YAML_SUFFIXES:
        raise InputError(f"{path}: got {path.suffix or 'no suffix'}, expected .yaml; add it")
    if path.exists() and not force:
        raise InputError(f"{path}: it is there already, expected a new name; choose one, or --force to write over it")
    output.check_writable(path)
