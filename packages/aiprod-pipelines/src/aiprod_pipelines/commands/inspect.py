"""Say what a checkpoint contains, from its header alone: models, layers, types, sizes, configuration."""

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from aiprod_core.inspection import Component, Inspection
from aiprod_core.inspection import inspect as look

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

SHOWN_SETTINGS = 24  # lines of a configuration in the table; JSON and markdown have all
LONGEST_VALUE = 60


class Format(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


@app.command(epilog="[bold]Example[/bold]: aiprod inspect ltx-2-19b-dev.safetensors --format markdown > report.md")
def inspect(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .safetensors file, one of its shards or its index, or a folder.")
    ],
    written_as: Annotated[Format, typer.Option("--format", help="How to write the report.")] = Format.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Say what a checkpoint contains: components, family, blocks, attention, types, parameters, bytes, configuration.

    Only headers are read: a file of any size takes a moment, and nothing in it is run.
    """
    found = look(path)
    if as_json or written_as is Format.JSON:
        typer.echo(json.dumps(as_dict(found), indent=2))
    elif written_as is Format.MARKDOWN:
        typer.echo(markdown(found), nl=False)
    else:
        _show(found, Console())


def as_dict(found: Inspection) -> dict[str, Any]:
    """The inspection as JSON holds it."""
    return {
        "path": str(found.path),
        "files": [str(file) for file in found.files],
        "parameters": found.parameters,
        "bytes": found.size_bytes,
        "components": [dataclasses.asdict(component) for component in found.components],
    }


def markdown(found: Inspection) -> str:
    """The inspection as a report to keep."""
    lines = [
        f"# {found.path.name}",
        "",
        f"{found.parameters:,} parameters, {gigabytes(found.size_bytes)}, {len(found.files)} file(s).",
        "",
        "| component | family | tensors | parameters | size | types |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(row(component))} |" for component in found.components]
    for component in found.components:
        lines += ["", f"## {component.name}", ""]
        lines += [f"- {line}" for line in layers(component)]
        if component.metadata:
            lines += ["", "```json", json.dumps(component.metadata, indent=2), "```"]
    return "\n".join(lines) + "\n"


def row(component: Component) -> tuple[str, ...]:
    """A component's line in the summary."""
    types = ", ".join(
        f"{name} {100 * count / max(component.parameters, 1):.0f} %" for name, count in component.dtypes.items()
    )
    size = gigabytes(component.size_bytes)
    return component.name, component.family, f"{component.tensors:,}", f"{component.parameters:,}", size, types


def layers(component: Component) -> list[str]:
    """Its blocks and its attention layers, a line each."""
    blocks = [f"{count} × {name}" for name, count in component.blocks.items()]
    attention = [f"{a.count} × {a.kind}, {a.width} → {a.inner}" for a in component.attention]
    return [*(["blocks: " + ", ".join(blocks)] if blocks else []), *(f"attention: {line}" for line in attention)]


def gigabytes(size_bytes: int) -> str:
    """A size in the unit that suits it, powers of ten."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= scale:
            return f"{size_bytes / scale:.1f} {unit}"
    return f"{size_bytes} B"


def settings(metadata: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested metadata as dotted names and short values."""
    found: list[tuple[str, str]] = []
    for name, value in metadata.items():
        if isinstance(value, dict):
            found += settings(value, f"{prefix}{name}.")
        else:
            shown = str(value)
            shown = shown if len(shown) <= LONGEST_VALUE else f"{shown[:LONGEST_VALUE]}…"
            found.append((f"{prefix}{name}", shown))
    return found


def _show(found: Inspection, console: Console) -> None:
    table = Table("component", "family", "tensors", "parameters", "size", "types", box=None)
    for component in found.components:
        table.add_row(*row(component))
    console.print(table)
    if len(found.components) > 1:
        console.print(f"\nin all {found.parameters:,} parameters, {gigabytes(found.size_bytes)}")
    for component in found.components:
        told = settings(component.metadata)
        console.print(f"\n[bold]{component.name}[/bold]")
        for line in layers(component):
            console.print(f"  {line}", highlight=False)
        for name, value in told[:SHOWN_SETTINGS]:
            console.print(f"  {name} = {value}", highlight=False, markup=False)
        if len(told) > SHOWN_SETTINGS:
            console.print(f"  … and {len(told) - SHOWN_SETTINGS} more; --format json has all of them")
