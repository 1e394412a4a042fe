"""Cancel a job of a service, and free its device."""

import typer

from aiprod_server.commands.remote import OWN_SERVER, AsJson, JobId, Server, say, studio

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog="[bold]Example[/bold]: aiprod cancel job_0123456789abcdef01234567")
def cancel(job_id: JobId, server: Server = OWN_SERVER, as_json: AsJson = False) -> None:
    """Cancel a job that has not ended; one that has stays as it is, and the exit code is 1."""
    with studio(server) as client:
        job = client.cancel(job_id)
    say(job, as_json)
    if job.state != "cancelled":
        raise typer.Exit(1)
