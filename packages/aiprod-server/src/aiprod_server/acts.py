"""What operators and owners of keys do to clients, jobs and workers: each act with its entry in the audit log.

Act and entry are one transaction. Knows the audit log and the queue's own functions; who may act is for the route or
the command to ask. Keys have the same in `keys`.
"""

import hashlib
from pathlib import Path
from typing import Unpack
from urllib.parse import urlsplit

import sqlalchemy as sa

from aiprod_server.access import audit_log
from aiprod_server.access.audit import Fact
from aiprod_server.access.audit_log import Author
from aiprod_server.database import writing
from aiprod_server.queue import clients, submissions, workers
from aiprod_server.queue.clients import Changes, Limits
from aiprod_server.queue.jobs import State
from aiprod_server.webhooks.message import SigningSecret


def set_limits(engine: sa.Engine, client: str, *, author: Author, now_s: float, **changes: Unpack[Changes]) -> Limits:
    """Change some of a client's limits; all of them, as they then are. Raises as `clients.set_limits` does."""
    # Whole numbers and text only: a float has more than one spelling, and a seal needs one.
    facts: dict[str, Fact] = {name: None if limit is None else str(limit) for name, limit in changes.items()}
    with writing(engine) as connection:
        limits = clients.write_limits(connection, client, **changes)
        facts = {"client": client, **facts}
        audit_log.append(connection, "limits changed", facts, author=author, now_s=now_s)
    return limits


def set_webhook(
    engine: sa.Engine, client: str, url: str, secret: SigningSecret, *, author: Author, now_s: float
) -> None:
    """Name where the ends of a client's jobs are told; `url` is one that `addresses.checked` has let pass."""
    with writing(engine) as connection:
        clients.write_webhook(connection, client, url, secret.text)
        # The host alone: what follows it is often a token.
        facts: dict[str, Fact] = {"client": client, "host": urlsplit(url).hostname}
        audit_log.append(connection, "webhook set", facts, author=author, now_s=now_s)


def drop_webhook(engine: sa.Engine, client: str, *, author: Author, now_s: float) -> None:
    """Tell the ends of a client's jobs nowhere; what still waits is given up, since nothing signs it any more."""
    with writing(engine) as connection:
        clients.write_webhook(connection, client, None, None)
        audit_log.append(connection, "webhook removed", {"client": client}, author=author, now_s=now_s)


def cancel_job(engine: sa.Engine, job_id: str, *, author: Author, now_s: float) -> State:
    """Cancel a job of any client; the state that it then has. Raises `UnknownJob`."""
    with writing(engine) as connection:
        state = submissions.write_cancel(connection, job_id, now_s=now_s)
        facts: dict[str, Fact] = {"job": job_id, "state": str(state)}
        audit_log.append(connection, "job cancelled by an operator", facts, author=author, now_s=now_s)
    return state


def drain_worker(engine: sa.Engine, name: str, *, author: Author, now_s: float) -> None:
    """Have a worker end what it has, and take nothing new. Raises `UnknownWorker`."""
    with writing(engine) as connection:
        workers.write_drain(connection, name)
        audit_log.append(connection, "worker drained", {"worker": name}, author=author, now_s=now_s)


def note_configuration(engine: sa.Engine, path: Path, *, author: Author, now_s: float) -> None:
    """Write down with which orchestration's file a gateway begins, by its SHA-256."""
    facts: dict[str, Fact] = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    audit_log.note(engine, "configuration loaded", facts, author=author, now_s=now_s)
