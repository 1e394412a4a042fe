"""What a client does with the queue: submit, look, watch, cancel, delete. Knows no worker; those are in `leases`.

Every function is one transaction, and takes the time from its caller, in seconds since 1970 UTC.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from aiprod_core.errors import InputError
from aiprod_server.database import reading, writing
from aiprod_server.queue.clients import SPENT_S, know, month, until_next_month_s
from aiprod_server.queue.jobs import ENDED, Event, Job, KeyReused, NotEnded, QuotaExceeded, State, UnknownJob
from aiprod_server.queue.journal import write_end, write_event
from aiprod_server.tables import QUEUED, clients, job_events, jobs

MAX_ATTEMPTS = 3
KEY_LENGTH = 255
FULL_RETRY_S = 30.0  # when to ask again where a queue is full: nobody knows when one of its jobs will start
LOCK = 0x5155  # of PostgreSQL's advisory locks, ours: clients with a cap submit one job at a time
UNKNOWN = "no job {!r}; check the id"
FIELDS = [jobs.c[name] for name in Job.__dataclass_fields__]

# Made once: to make them for every job takes longer than the database does.
_ALLOWANCE = sa.select(clients.c.max_queued, clients.c.budget_device_s, SPENT_S).where(
    clients.c.name == sa.bindparam("client")
)
_KEEP = {
    name: fresh(jobs).on_conflict_do_nothing(index_elements=["client", "idempotency_key"]).returning(*FIELDS)
    for name, fresh in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}


def submit(
    engine: sa.Engine,
    request: Mapping[str, Any],
    *,
    client: str,
    now_s: float,
    asked: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    priority: int = 0,
    run_at_s: float | None = None,
    max_attempts: int = MAX_ATTEMPTS,
    kind: str = "clip",
    tier: str = "standard",
    batch_key: str | None = None,
    estimate_s: float | None = None,
    webhook_url: str | None = None,
) -> Job:
    """Keep a job; the same request under the same key again is the same job, also when both come at once.

    Args:
        request: what to render, as JSON holds it.
        client: whose job it is, 1 to 64 characters; unknown clients are written down without a limit.
        asked: what the client sent, where `request` says more, such as a seed drawn for it: by this, a request under
            a key that came before is the same or another. Left out, `request`.
        idempotency_key: 1 to 255 characters, the client's own.
        priority: the smallest goes first.
        run_at_s: not before this moment; left out, at once.
        max_attempts: how often it may be started, at least 1.
        batch_key: jobs of one key may be rendered together; left out, alone.
        estimate_s: of device time, as the client was told.
        webhook_url: where its end is told; left out, where its client's are.

    Raises:
        InputError: a request that is not JSON, a name, key or number out of its range.
        KeyReused: the key came before, with another request.
        QuotaExceeded: as many of the client's jobs wait as may, or its budget of this month is spent.
    """
    body = _canonical(request)
    fingerprint = body if asked is None else _canonical(asked)
    _check(idempotency_key, max_attempts)
    job_id = f"job_{secrets.token_hex(12)}"
    row = {
        "id": job_id,
        "client": client,
        "state": State.QUEUED,
        "priority": priority,
        "kind": kind,
        "tier": tier,
        "batch_key": batch_key,
        "estimate_s": estimate_s,
        "webhook_url": webhook_url,
        "request": dict(request),
        "fingerprint": hashlib.sha256(fingerprint).hexdigest(),
        "idempotency_key": idempotency_key,
        "submitted_at": now_s,
        "run_at": now_s if run_at_s is None else run_at_s,
        "attempt": 0,
        "max_attempts": max_attempts,
    }
    with writing(engine) as connection:
        max_queued, spent = _allowance(connection, client, now_s)
        fresh = connection.execute(_KEEP[connection.dialect.name], row).one_or_none()
        if fresh is None:
            return _kept(connection, row)
        if spent is not None:
            raise spent
        if max_queued is not None:
            _refuse_if_full(connection, client, max_queued)
        write_event(connection, job_id, State.QUEUED, now_s=now_s)
        return as_job(fresh)


def job(engine: sa.Engine, job_id: str, client: str | None = None) -> Job:
    """A job as it stands.

    Args:
        client: who asks, and sees only its own; None is the service itself.

    Raises:
        UnknownJob: no job of this client has this id, or it is deleted.
    """
    with reading(engine) as connection:
        return _look(connection, job_id, client)


def events(engine: sa.Engine, job_id: str, after: int = 0, client: str | None = None) -> tuple[Event, ...]:
    """The events of a job whose id is above `after`, oldest first.

    Raises:
        UnknownJob: no job of this client has this id, or it is deleted.
    """
    wanted = sa.select(job_events.c.id, job_events.c.at, job_events.c.kind, job_events.c.data)
    with reading(engine) as connection:
        _look(connection, job_id, client)
        rows = connection.execute(
            wanted.where(job_events.c.job_id == job_id, job_events.c.id > after).order_by(job_events.c.id)
        )
        return tuple(Event(**row._mapping) for row in rows)


def cancel(engine: sa.Engine, job_id: str, *, now_s: float, client: str | None = None) -> State:
    """Cancel a job that has not ended; its worker learns it at its next write. The state that the job then has.

    Raises:
        UnknownJob: no job of this client has this id, or it is deleted.
    """
    with writing(engine) as connection:
        return write_cancel(connection, job_id, now_s=now_s, client=client)


def write_cancel(connection: sa.Connection, job_id: str, *, now_s: float, client: str | None = None) -> State:
    """`cancel`, in the caller's transaction."""
    cancelled = connection.execute(
        sa.update(jobs)
        .where(*_visible(job_id, client), jobs.c.state.not_in(ENDED))
        .values(state=State.CANCELLED, lease_until=None, finished_at=now_s)
    )
    if cancelled.rowcount:
        write_end(connection, job_id, State.CANCELLED, now_s=now_s)
    return _look(connection, job_id, client).state


def delete(engine: sa.Engine, job_id: str, *, now_s: float, client: str | None = None) -> Job:
    """Hide a job that has ended, and free its idempotency key; its charge stays. The caller removes its files.

    Raises:
        UnknownJob: no job of this client has this id, or it is deleted.
        NotEnded: it is queued or running.
    """
    with writing(engine) as connection:
        hidden = connection.execute(
            sa.update(jobs)
            .where(*_visible(job_id, client), jobs.c.state.in_(ENDED))
            .values(deleted_at=now_s, idempotency_key=None)
            .returning(*FIELDS)
        ).one_or_none()
        if hidden is None:
            state = _look(connection, job_id, client).state
            raise NotEnded(f"job {job_id!r} is {state}, expected one that has ended; cancel it first")
        return as_job(hidden)


def as_job(row: sa.Row[*tuple[Any, ...]]) -> Job:
    """The job of a row that has `FIELDS`."""
    named = {column.name: row._mapping[column.name] for column in FIELDS}
    return Job(**named | {"state": State(named["state"])})


def _allowance(connection: sa.Connection, client: str, now_s: float) -> tuple[int | None, QuotaExceeded | None]:
    """How many jobs of a client may wait, and why it may submit none at all, if so.

    A client with a cap on waiting jobs submits one job at a time until the transaction ends, so that two at once do not
    both find the last place. SQLite has one writer at a time anyway.
    """
    row = connection.execute(_ALLOWANCE, {"client": client, "month": month(now_s)}).one_or_none()
    if row is None:
        know(connection, client)
        return None, None
    max_queued, budget_s, spent_s = row
    if max_queued is not None and connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK, sa.func.hashtext(client))))
    if budget_s is None or spent_s < budget_s:
        return max_queued, None
    return max_queued, QuotaExceeded(
        f"{client}: {spent_s:.1f} of {budget_s:.1f} s of devices are spent this month; submit again next month (UTC), "
        "or ask the operator for more",
        retry_after_s=until_next_month_s(now_s),
    )


def _refuse_if_full(connection: sa.Connection, client: str, max_queued: int) -> None:
    """Refuse the job just written if it is one too many."""
    waiting = connection.execute(
        sa.select(sa.func.count()).select_from(jobs).where(QUEUED, jobs.c.client == client)
    ).scalar_one()
    if waiting > max_queued:
        raise QuotaExceeded(
            f"{client}: {waiting - 1} jobs wait, expected fewer than {max_queued}; submit again when one has started",
            retry_after_s=FULL_RETRY_S,
        )


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
    return as_job(kept)


def _visible(job_id: str, client: str | None) -> list[sa.ColumnElement[bool]]:
    """What holds for a job that `client` may see; None sees everyone's."""
    seen = [jobs.c.id == job_id, jobs.c.deleted_at.is_(None)]
    return seen if client is None else [*seen, jobs.c.client == client]


def _look(connection: sa.Connection, job_id: str, client: str | None) -> Job:
    row = connection.execute(sa.select(*FIELDS).where(*_visible(job_id, client))).one_or_none()
    if row is None:
        raise UnknownJob(UNKNOWN.format(job_id))
    return as_job(row)


def _canonical(request: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(dict(request), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"got a request that JSON cannot hold: {error}") from error


def _check(idempotency_key: str | None, max_attempts: int) -> None:
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= KEY_LENGTH:
        raise InputError(f"got an idempotency key of {len(idempotency_key)} characters, expected 1 to {KEY_LENGTH}")
    if max_attempts < 1:
        raise InputError(f"got {max_attempts} attempts at most, expected 1 or more")
