"""List, check and clear what the steps of films have made and kept."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from aiprod_pipelines.commands.folders import CACHE_ROOT, CacheRoot, artifacts_folder
from aiprod_pipelines.commands.sizes import parse_size, said
from aiprod_pipelines.film.artifacts import Artifacts

EPILOG = """
[bold]Examples[/bold]

aiprod artifacts list

aiprod artifacts gc --max-size 5GiB

aiprod artifacts verify --remove
"""
KEY_SHOWN = 12

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", epilog=EPILOG)
Folder = Annotated[
    Path | None, typer.Option("--artifacts", envvar="AIPROD_ARTIFACTS", help="The folder; left out: in the cache.")
]


@app.callback()
def artifacts() -> None:
    """List, check and clear what the steps of films have made and kept. The films themselves are not touched."""


@app.command("list")
def list_artifacts(
    folder: Folder = None,
    cache_root: CacheRoot = CACHE_ROOT,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Print every artifact, the longest unused first, and what they take in all."""
    store = Artifacts(folder or artifacts_folder(cache_root))
    records = list(store.records())
    if as_json:
        for record in records:
            facts = {"key": record.step.key, "kind": record.step.kind, "size_bytes": record.size_bytes}
            typer.echo(json.dumps(facts | {"file": str(record.file), "used_at": record.used_at}))
        return
    table = Table("key", "kind", "size", "made in", "used", box=None, pad_edge=False)
    for record in records:
        table.add_row(
            record.step.key[:KEY_SHOWN],
            record.step.kind,
            said(record.size_bytes),
            f"{record.elapsed_s:.1f} s",
            _ago(time.time() - record.used_at),
        )
    Console().print(table)
    typer.echo(f"{len(records)} artifacts, {said(sum(record.size_bytes for record in records))}, in {store.root}")


@app.command("gc")
def collect(
    max_size: Annotated[
        int, typer.Option(parser=parse_size, metavar="SIZE", help="The most to keep, such as 5GiB; 0 keeps nothing.")
    ],
    folder: Folder = None,
    cache_root: CacheRoot = CACHE_ROOT,
) -> None:
    """Remove the longest unused until no more than SIZE is left; what a build used in the last ten minutes stays."""
    store = Artifacts(folder or artifacts_folder(cache_root))
    gone = store.collect(max_size)
    left_bytes = sum(record.size_bytes for record in store.records())
    typer.echo(f"removed {len(gone)}, {said(sum(record.size_bytes for record in gone))}; {said(left_bytes)} are left")


@app.command("verify")
def verify(
    remove: Annotated[bool, typer.Option("--remove", help="Remove what is damaged; it is then made again.")] = False,
    folder: Folder = None,
    cache_root: CacheRoot = CACHE_ROOT,
) -> None:
    """Compare every artifact with the digest that it was kept under; exit code 1 where one is damaged."""
    store = Artifacts(folder or artifacts_folder(cache_root))
    whole = {record.step.key for record in store.records()}
    damaged = list(store.damaged())
    for record in damaged:
        typer.echo(f"damaged: {record.step.key[:KEY_SHOWN]} {record.step.kind} {record.file}")
        if remove:
            store.remove(record)
    typer.echo(f"{len(whole) - len(damaged)} of {len(whole)} artifacts are whole")
    if damaged:
        raise typer.Exit(1)


def _ago(elapsed_s: float) -> str:
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if elapsed_s >= seconds:
            return f"{elapsed_s / seconds:.0f} {unit} ago"
    return "now"
