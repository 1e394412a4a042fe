"""What is written down beside a job's state, in the same transaction: its events, and the webhook of its end.

Callers hold the job's row first. So the events of one job are numbered in the order of their commits, and a watcher
who asks for what follows the last one it saw misses none.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from aiprod_server.queue.jobs import State
from aiprod_server.tables import clients, job_events, jobs, webhook_outbox


def write_event(
    connection: sa.Connection, job_id: str, kind: str, data: Mapping[str, Any] | None = None, *, now_s: float
) -> None:
    """Append an event to a job's stream."""
    connection.execute(_EVENT, {"job_id": job_id, "at": now_s, "kind": kind, "data": dict(data or {})})


def write_end(
    connection: sa.Connection, job_id: str, state: State, data: Mapping[str, Any] | None = None, *, now_s: float
) -> None:
    """Write the last event of a job and, where anybody wants to be told, the webhook that will tell of it."""
    write_event(connection, job_id, state, data, now_s=now_s)
    told = sa.select(
        sa.literal(str(uuid.uuid4())), jobs.c.id, sa.literal(f"job.{state}"), _URL, sa.literal(now_s), sa.literal(now_s)
    )
    connection.execute(
        sa.insert(webhook_outbox).from_select(
            ["id", "job_id", "kind", "url", "created_at", "next_at"],
            told.join_from(jobs, clients).where(jobs.c.id == job_id, _URL.is_not(None)),
        )
    )


_EVENT = sa.insert(job_events)
# The job's own place, else its client's, unless the receiver there said that it wants no more.
_URL = sa.func.coalesce(
    jobs.c.webhook_url, sa.case((clients.c.webhook_disabled_at.is_(None), clients.c.webhook_url), else_=None)
)
