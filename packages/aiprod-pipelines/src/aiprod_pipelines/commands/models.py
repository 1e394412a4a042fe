"""List, verify, install and measure the weights on this machine."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from aiprod_core.models.sizes import model_sizes
from aiprod_pipelines import output
from aiprod_pipelines.commands.folders import ModelsRoot
from aiprod_pipelines.commands.options import ModelName
from aiprod_pipelines.sovereignty import provision

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


@app.callback(epilog="[bold]Example[/bold]: aiprod models verify aiprod-sovereign")
def models() -> None:
    """Weights on this machine: what is here, whether it is whole, how to bring more."""


@app.command("list")
def list_models(root: ModelsRoot = None) -> None:
    """List the folders of weights that `aiprod generate --model NAME` finds."""
    table = Table("name", "version", "files", "MB", "folder", box=None)
    for folder in provision.available(root):
        manifest = provision.read_manifest(folder)
        names = provision.read_checksums(folder)
        size_bytes = sum((folder / name).stat().st_size for name in names if (folder / name).is_file())
        table.add_row(manifest.name, manifest.version, str(len(names)), f"{size_bytes / 1e6:.1f}", str(folder))
    if not table.row_count:
        provision.locate(environment=root)  # says where it looked and what to do
    Console().print(table)


@app.command()
def verify(name: ModelName = provision.DEFAULT_MODEL, root: ModelsRoot = None) -> None:
    """Check every file of a folder of weights against its SHA-256; exit code 1 for a single wrong bit."""
    folder = provision.locate(name, environment=root)
    digests = provision.verify(folder)
    typer.echo(f"{folder}: {len(digests)} files are whole")


@app.command()
def checksums(
    name: ModelName = provision.DEFAULT_MODEL,
    root: ModelsRoot = None,
    write: Annotated[bool, typer.Option("--write", help="Seal the folder: write them to CHECKSUMS.sha256.")] = False,
) -> None:
    """Print the SHA-256 of every file of a folder of weights, as sha256sum does."""
    folder = provision.locate(name, environment=root)
    lines = provision.checksum_lines(folder)
    if write:
        output.save({folder / provision.CHECKSUMS: lines.encode()})
    typer.echo(lines, nl=False)


@app.command()
def install(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder of weights, e.g. on a drive carried here.")
    ],
    to: Annotated[Path, typer.Option(help="Folder of models to copy it into.")] = provision.OWN,
) -> None:
    """Verify a folder of weights and copy it to where `--model NAME` finds it."""
    target = provision.install(folder, to)
    typer.echo(f"{target}: installed; use it with --model {target.name}")


@app.command()
def sizes(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Count the parameters of every model at every size, without allocating any."""
    counted = model_sizes()
    if as_json:
        typer.echo(json.dumps([vars(size) for size in counted]))
        return
    table = Table("model", "size", "parameters", "target", box=None)
    for size in counted:
        table.add_row(size.name, size.size, f"{size.parameters:,}", str(size.target))
    Console().print(table)
