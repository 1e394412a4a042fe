"""What the commands share that speak with a service: where it is, the key to it, and how a job is told."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from aiprod_core.errors import InputError
from aiprod_server.client import Client, Job

KEY = "AIPROD_KEY"
OWN_SERVER = "http://127.0.0.1:8000"
INTERRUPTED = 130  # as shells have it for Ctrl-C

Server = Annotated[str, typer.Option(envvar="AIPROD_SERVER", metavar="URL", help="Where the service answers.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job, as `aiprod submit` said it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the job as one JSON object.")]


@contextmanager
def studio(server: str) -> Iterator[Client]:
    """The client of `server` with the key of the environment: an option would show it to all users of the machine.

    Raises:
        InputError: there is no key.
    """
    key = os.environ.get(KEY, "")
    if not key:
        raise InputError(f"{KEY}: got no key of the service, expected one as `aiprod keys create` prints it; export it")
    with Client(server, key) as client:
        yield client


@contextmanager
def leaving(words: str) -> Iterator[None]:
    """Ctrl-C ends the command, not the job: `words` say how to go on."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        typer.echo(f"\n{words}", err=True)
        raise typer.Exit(INTERRUPTED) from interrupt


def say(job: Job, as_json: bool) -> None:
    """Print a job on stdout, and what was asked for but made otherwise on stderr."""
    typer.echo(job.model_dump_json() if as_json else line_of(job))
    if not as_json:
        for field, (asked, made) in job.snapped.items():
            typer.secho(f"{field}: asked for {asked}, made {made}, the nearest there is", fg="yellow", err=True)


def end(job: Job, as_json: bool) -> None:
    """Print a job that has ended; exit code 1 unless it ended well."""
    say(job, as_json)
    if job.state != "completed":
        raise typer.Exit(1)


def line_of(job: Job) -> str:
    """A job in a line."""
    facts = [f"{job.id} {job.state}"]
    if job.reason and job.state != "completed":
        facts.append(job.reason)
    if job.state == "running":
        facts.append(f"{job.progress:.0%}")
    if job.state == "queued" and job.estimate_s is not None:
        facts.append(f"about {job.estimate_s:.0f} s of a device")
    if job.result is not None and job.result.duration_s is not None:
        facts.append(f"{job.result.duration_s:.1f} s long")
    if job.result is not None and job.result.device_s is not None:
        facts.append(f"{job.result.device_s:.1f} s of a device")
    if job.state == "completed" and job.expires_at is not None:
        facts.append(f"kept until {datetime.fromtimestamp(job.expires_at):%d %B %H:%M}")
    return ", ".join(facts)


def on_stderr() -> Console:
    """Where progress goes, so that stdout stays for results."""
    return Console(stderr=True)
