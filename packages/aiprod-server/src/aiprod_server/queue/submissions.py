"""What a client does with the queue: submit, look, watch, cancel. Knows no worker; those are in `leases`.

Every function is one transaction, and takes the time from its caller, in seconds since 1970 UTC.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.database import insert, reading, writing
from aiprod_server.queue.jobs import Event, Job, KeyReused, State, UnknownJob
from aiprod_server.queue.journal import write_end, write_event
from aiprod_server.tables import clients, job_events, jobs

MAX_ATTEMPTS = 3
NAME_LENGTH, KEY_LENGTH = 64, 255
FIELDS = [jobs.c[name] for name in Job.__dataclass_fields__]


def submit(
    engine: sa.Engine,
    request: Mapping[str, Any],
    *,
    client: str,
    now_s: float,
    idempotency_key: str | None = None,
    priority: int = 0,
    run_at_s: float | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> Job:
    """Keep a job; the same request under the same key again is the same job, also when both come at once.

    Args:
        request: what to render, as JSON holds it.
        client: whose job it is, 1 to 64 characters; unknown clients are written down without a cap.
        idempotency_key: 1 to 255 characters, the client's own.
        priority: the smallest goes first.
        run_at_s: not before this moment; left out, at once.
        max_attempts: how often it may be started, at least 1.

    Raises:
        InputError: a request that is not JSON, a name, key or number out of its range.
        KeyReused: the key came before, with another request.
    """
    body = _canonical(request)
    _check(client, idempotency_key, max_attempts)
    job_id = f"job_{secrets.token_hex(12)}"
    row = {
        "id": job_id,
        "client": client,
        "state": State.QUEUED,
        "priority": priority,
        "request": dict(request),
        "fingerprint": hashlib.sha256(body).hexdigest(),
        "idempotency_key": idempotency_key,
        "submitted_at": now_s,
        "run_at": now_s if run_at_s is None else run_at_s,
        "attempt": 0,
        "max_attempts": max_attempts,
    }
    with writing(engine) as connection:
        _know(connection, client)
        fresh = connection.execute(
            insert(connection, jobs)
            .values(row)
            .on_conflict_do_nothing(index_elements=["client", "idempotency_key"])
            .returning(*FIELDS)
        ).one_or_none()
        if fresh is None:
            return _kept(connection, row)
        write_event(connection, job_id, State.QUEUED, now_s=now_s)
        return _job(fresh)


def job(engine: sa.Engine, job_id: str) -> Job:
    """A job as it stands.

    Raises:
        UnknownJob: no job has this id.
    """
    with reading(engine) as connection:
        return _look(connection, job_id)


def events(engine: sa.Engine, job_id: str, after: int = 0) -> tuple[Event, ...]:
    """The events of a job whose id is above `after`, oldest first.

    Raises:
        UnknownJob: no job has this id.
    """
    wanted = sa.select(job_events.c.id, job_events.c.at, job_events.c.kind, job_events.c.data)
    with reading(engine) as connection:
        _look(connection, job_id)
        rows = connection.execute(
            wanted.where(job_events.c.job_id == job_id, job_events.c.id > after).order_by(job_events.c.id)
        )
        return tuple(Event(**row._mapping) for row in rows)


def cancel(engine: sa.Engine, job_id: str, *, now_s: float) -> State:
    """Cancel a job that has not ended; its worker learns it at its next write. The state that the job then has.

    Raises:
        UnknownJob: no job has this id.
    """
    with writing(engine) as connection:
        cancelled = connection.execute(
            sa.update(jobs)
            .where(jobs.c.id == job_id, jobs.c.state.in_((State.QUEUED, State.RUNNING)))
            .values(state=State.CANCELLED, lease_until=None, finished_at=now_s)
        )
        if cancelled.rowcount:
            write_end(connection, job_id, State.CANCELLED, now_s=now_s)
        return _look(connection, job_id).state


def cap(engine: sa.Engine, client: str, max_running: int | None) -> None:
    """Let a client have at most so many jobs running at once; None lifts the cap.

    Raises:
        InputError: a name out of its range, or a negative number.
    """
    _check(client, None, 1)
    if max_running is not None and max_running < 0:
        raise InputError(f"got a cap of {max_running} running jobs, expected 0 or more, or none")
    with writing(engine) as connection:
        _know(connection, client)
        connection.execute(sa.update(clients).where(clients.c.name == client).values(max_running=max_running))


def _know(connection: sa.Connection, client: str) -> None:
    connection.execute(insert(connection, clients).values(name=client).on_conflict_do_nothing())


def _kept(connection: sa.Connection, row: Mapping[str, Any]) -> Job:
    """The job that came before under the key of `row`."""
    kept = connection.execute(
        sa.select(*FIELDS, jobs.c.fingerprint).where(
            jobs.c.client == row["client"], jobs.c.idempotency_key == row["idempotency_key"]
        )
    ).one()
    if kept.fingerprint != row["fingerprint"]:
        raise KeyReused(
            f"idempotency key {row['idempotency_key']!r} came before with another request; expected the same one, "
            "or a new key"
        )
    return _job(kept)


def _look(connection: sa.Connection, job_id: str) -> Job:
    row = connection.execute(sa.select(*FIELDS).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise UnknownJob(f"no job {job_id!r}; check the id")
    return _job(row)


def _job(row: sa.Row[*tuple[Any, ...]]) -> Job:
    named = {column.name: row._mapping[column.name] for column in FIELDS}
    return Job(**named | {"state": State(named["state"])})


def _canonical(request: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(dict(request), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"got a request that JSON cannot hold: {error}") from error


def _check(client: str, idempotency_key: str | None, max_attempts: int) -> None:
    if not 1 <= len(client) <= NAME_LENGTH:
        raise InputError(f"got a client's name of {len(client)} characters, expected 1 to {NAME_LENGTH}")
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= KEY_LENGTH:
        raise InputError(f"got an idempotency key of {len(idempotency_key)} characters, expected 1 to {KEY_LENGTH}")
    if max_attempts < 1:
        raise InputError(f"got {max_attempts} attempts at most, expected 1 or more")
