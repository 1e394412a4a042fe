"""Watch a job of a service until its end."""

from typing import Annotated

import typer

from aiprod_server.commands.following import follow, print_events
from aiprod_server.commands.remote import OWN_SERVER, JobId, Server, end, leaving, studio

EPILOG = """
[bold]Examples[/bold]

aiprod watch job_0123456789abcdef01234567

aiprod watch job_0123456789abcdef01234567 --json | jq .kind
"""

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog=EPILOG)
def watch(
    job_id: JobId,
    after: Annotated[int, typer.Option(min=0, help="Id of the last event known; 0 for all there are.")] = 0,
    server: Server = OWN_SERVER,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every event as one JSON object a line, but for previews.")
    ] = False,
) -> None:
    """Show a job until its end: exit code 0 if it is completed, else 1. Ctrl-C leaves it as it is."""
    with studio(server) as client:
        if not as_json:
            end(follow(client, job_id, after=after), as_json=False)
            return
        with leaving(f"the job goes on: `aiprod watch {job_id}` shows it again"):
            print_events(client.watch(job_id, after=after))
            if client.job(job_id).state != "completed":
                raise typer.Exit(1)
