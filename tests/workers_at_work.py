"""Workers in threads of a test: what they are asked, what came of it, and how long that is waited for."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from aiprod_server.queue import submissions
from aiprod_server.queue.jobs import Job, State
from aiprod_server.worker.worker import Worker

WAIT_S = 30.0


def until(holds: Callable[[], Any]) -> None:
    """Wait for something to hold; it is an error if it never does."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@dataclass
class Queue:
    """A client of the queue."""

    engine: sa.Engine

    def submit(self, *acts: list[Any], **asked: Any) -> str:
        """The id of a job that does `acts`."""
        return submissions.submit(
            self.engine, {"acts": list(acts)}, client=asked.pop("client", "ada"), now_s=time.time(), **asked
        ).id

    def job(self, job_id: str) -> Job:
        return submissions.job(self.engine, job_id)

    def ended(self, job_id: str) -> Job:
        """The job, once it has ended."""
        until(lambda: self.job(job_id).state in (State.COMPLETED, State.FAILED, State.CANCELLED))
        return self.job(job_id)

    def events(self, job_id: str) -> list[tuple[str, dict[str, Any]]]:
        return [(event.kind, dict(event.data)) for event in submissions.events(self.engine, job_id)]


@dataclass
class Running:
    """A worker at work; `errors` are those that an operator would see: source, kind, message, trace, job."""

    worker: Worker
    thread: threading.Thread
    errors: list[tuple[str, str, str, str, str | None]] = field(default_factory=list)

    def close(self) -> None:
        self.worker.close()
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()
