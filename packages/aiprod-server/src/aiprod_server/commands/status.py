"""Say how a job of a service stands, or list them."""

from datetime import datetime
from itertools import islice
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from aiprod_server.client import Job
from aiprod_server.commands.remote import OWN_SERVER, Server, say, studio

EPILOG = """
[bold]Examples[/bold]

aiprod status

aiprod status --state running --json

aiprod status job_0123456789abcdef01234567
"""
WIDTHS = {"job": 28, "submitted": 12, "kind": 4, "tier": 8, "state": 9, "": 4}  # what is cut short is the prompt

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog=EPILOG)
def status(
    job_id: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Id of a job; the newest if left out.")] = None,
    state: Annotated[
        Literal["queued", "running", "completed", "failed", "cancelled"] | None, typer.Option(help="Only such jobs.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to list.")] = 20,
    server: Server = OWN_SERVER,
    as_json: Annotated[bool, typer.Option("--json", help="Print every job as one JSON object a line.")] = False,
) -> None:
    """Say how one job stands, or list the newest ones."""
    with studio(server) as client:
        if job_id is not None:
            say(client.job(job_id), as_json)
            return
        jobs = list(islice(client.jobs(state=state), limit))
    if as_json:
        for job in jobs:
            typer.echo(job.model_dump_json())
    else:
        Console().print(_table(jobs))


def _table(jobs: list[Job]) -> Table:
    narrow = (Column(name, no_wrap=True, min_width=width) for name, width in WIDTHS.items())
    table = Table(*narrow, Column("prompt", no_wrap=True), box=None)
    for job in jobs:
        when = datetime.fromtimestamp(job.created_at).strftime("%d %b %H:%M")
        share = f"{job.progress:.0%}" if job.state == "running" else ""
        prompt = " ".join(str(job.request.get("prompt") or "").split())
        table.add_row(job.id, when, job.kind, job.tier, job.state, share, Text(prompt))
    return table
