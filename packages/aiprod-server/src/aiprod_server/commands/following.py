"""A job as it goes on, in a live bar on stderr: its stage, how far it is, and how fast. Previews are passed over."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from aiprod_server.client import Client, Event, Job
from aiprod_server.commands.remote import leaving, on_stderr

STAGE_CHARS = 28


def follow(client: Client, job_id: str, *, after: int = 0) -> Job:
    """Show a job until its end, on a terminal as a bar, elsewhere as a line for every stage; the job, ended.

    A broken connection is taken up again. Ctrl-C ends the command, and not the job.
    """
    with leaving(f"the job goes on: `aiprod watch {job_id}` shows it again, `aiprod cancel {job_id}` ends it"):
        _show(client.watch(job_id, after=after))
        return client.job(job_id)


def print_events(events: Iterable[Event]) -> None:
    """Print each event as one line of JSON, but for previews."""
    for event in events:
        if event.kind != "preview":
            typer.echo(json.dumps({"id": event.id, "kind": event.kind, "at": event.at, **event.data}))


def _show(events: Iterable[Event]) -> None:
    console = on_stderr()
    columns = (
        TextColumn(f"{{task.description:<{STAGE_CHARS}}}", markup=False),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("queued", total=1.0, rate="")
        rate, said = Rate(), ""
        for event in events:
            words = words_of(event)
            if words and words != said and not console.is_terminal:
                typer.echo(words, err=True)
            said = words or said
            rate.hear(event)
            progress.update(task, description=said[:STAGE_CHARS], completed=event.data.get("share"), rate=str(rate))


def words_of(event: Event) -> str:
    """What an event says of where the job is; "" for one that says nothing of it."""
    data: Mapping[str, Any] = event.data
    match event.kind:
        case "running" if data.get("attempt", 1) > 1:
            return f"running, attempt {data['attempt']}"
        case "progress":
            return str(data["stage"])
        case "retry":
            return f"to be tried again: {data['reason']}"
        case "state":
            return str(data["state"])
        case "queued" | "running" | "completed" | "failed" | "cancelled":
            return event.kind
        case _:
            return ""


class Rate:
    """Steps a second within a stage, by the times of the events: also right for one who comes late."""

    def __init__(self) -> None:
        self._stage = ""
        self._first_done = self._done = 0
        self._first_s = self._at_s = 0.0

    def hear(self, event: Event) -> None:
        """Take in an event; only progress has steps."""
        if event.kind != "progress":
            return
        done = int(event.data["done"])
        if event.data["stage"] != self._stage or done < self._done:
            self._stage, self._first_done, self._first_s = str(event.data["stage"]), done, event.at
        self._done, self._at_s = done, event.at

    def __str__(self) -> str:
        steps, seconds = self._done - self._first_done, self._at_s - self._first_s
        if steps <= 0 or seconds <= 0:
            return ""
        return f"{steps / seconds:.1f} steps/s" if steps >= seconds else f"{seconds / steps:.1f} s/step"
