"""Bring what a job of a service made to this machine."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from aiprod_server.client import Client, File
from aiprod_server.commands.remote import OWN_SERVER, JobId, Server, leaving, on_stderr, studio

EPILOG = """
[bold]Examples[/bold]

aiprod download job_0123456789abcdef01234567 -o cat.mp4

aiprod download job_0123456789abcdef01234567 --variant receipt -o cat.mp4.receipt.json
"""

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog=EPILOG)
def download(
    job_id: JobId,
    path: Annotated[Path | None, typer.Option("-o", "--output-path", help="Left out: the job's id, here.")] = None,
    variant: Annotated[
        Literal["video", "thumbnail", "receipt", "qa"], typer.Option(help="Which of the job's files.")
    ] = "video",
    server: Server = OWN_SERVER,
    as_json: Annotated[bool, typer.Option("--json", help="Print the file as one JSON object.")] = False,
) -> None:
    """Write a file of a completed job, whole and proven by its SHA-256; what was begun before goes on."""
    with studio(server) as client:
        if path is None:
            result = client.job(job_id).result
            files = result.files if result is not None else {}
            path = Path(f"{job_id}-{files[variant].name}" if variant in files else job_id)
        file = bring(client, job_id, path, variant)
    typer.echo(file.model_dump_json() if as_json else f"{path}: {file.size_bytes} bytes, SHA-256 {file.sha256}")


def bring(client: Client, job_id: str, path: Path, variant: str) -> File:
    """Download with a live bar on stderr."""
    console = on_stderr()
    columns = (TextColumn(path.name, markup=False), BarColumn(bar_width=30), DownloadColumn(), TransferSpeedColumn())
    again = f"aiprod download {job_id} --variant {variant} -o {path}"
    with (
        leaving(f"what came is kept, and `{again}` goes on"),
        Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task(path.name, total=None)
        return client.download(
            job_id,
            path,
            variant=variant,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
