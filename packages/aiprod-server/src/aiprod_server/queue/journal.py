"""What is written down beside a job's state, in the same transaction: its events, and the webhook of its end.

Callers hold the job's row first. So the events of one job are numbered in the order of their commits, and a watcher
who asks for what follows the last one it saw misses none.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from aiprod_server.queue.jobs import State
from aiprod_server.tables import job_events, webhook_outbox


def write_event(
    connection: sa.Connection, job_id: str, kind: str, data: Mapping[str, Any] | None = None, *, now_s: float
) -> None:
    """Append an event to a job's stream."""
    connection.execute(sa.insert(job_events).values(job_id=job_id, at=now_s, kind=kind, data=dict(data or {})))


def write_end(connection: sa.Connection, job_id: str, state: State, reason: str | None = None, *, now_s: float) -> None:
    """Write the last event of a job, and the webhook that will tell of it."""
    write_event(connection, job_id, state, {"reason": reason} if reason else None, now_s=now_s)
    connection.execute(
        sa.insert(webhook_outbox).values(id=str(uuid.uuid4()), job_id=job_id, kind=f"job.{state}", created_at=now_s)
    )
