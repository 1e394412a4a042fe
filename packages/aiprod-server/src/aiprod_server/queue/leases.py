"""What a worker does with the queue: claim a job, keep it, remember its steps, end it. Knows no client's request.

A claim is a lease of 60 s. Every write of a worker says whose it is (job, attempt, worker, running) and renews the
lease in the transaction of what it protects; where no row answers, the worker has lost the job and nothing is written.
Claims, beats and progress do not wait for the disk: a crash that forgets a claim queues its job again, and the worker,
whose name the next holder does not bear, has lost it. Times are seconds since 1970 UTC, and come from the caller.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from aiprod_server.database import insert, writing
from aiprod_server.queue.jobs import Claim, JobLost, State
from aiprod_server.queue.journal import write_end, write_event
from aiprod_server.tables import charges, clients, job_steps, jobs

LEASE_S = 60.0
CLAIMED = ("client", "worker", "attempt", "max_attempts", "request")
FIRST_BACKOFF_S, LAST_BACKOFF_S = 5.0, 3600.0


def claim(engine: sa.Engine, worker: str, *, now_s: float) -> Claim | None:
    """The next job, now this worker's, or None where none may run.

    First a job whose lease has ended: its client's turn is spent already, and it still counts under its cap. Then, of
    the clients below their caps, the one with the most urgent job, and among equals the one that waited longest.

    Args:
        worker: a name that no other worker bears, nor did: of the machine and the process, and when it began.
    """
    while True:
        try:
            with writing(engine, durable=False) as connection:
                wanted = _lapsed(connection, now_s) or _waiting(connection, now_s)
                return None if wanted is None else _start(connection, wanted, worker, now_s)
        except _Overtaken:
            continue


def beat(engine: sa.Engine, claim: Claim, *, now_s: float) -> None:
    """Renew the lease.

    Raises:
        JobLost: the job is no longer this worker's.
    """
    with writing(engine, durable=False) as connection:
        _hold(connection, claim, now_s)


def report(engine: sa.Engine, claim: Claim, kind: str, data: Mapping[str, Any], *, now_s: float) -> None:
    """Add an event, such as progress, to the job's stream.

    Raises:
        JobLost: the job is no longer this worker's.
    """
    with writing(engine, durable=False) as connection:
        _hold(connection, claim, now_s)
        write_event(connection, claim.job_id, kind, data, now_s=now_s)


def finish_step(engine: sa.Engine, claim: Claim, name: str, sha256: str, *, now_s: float) -> None:
    """Remember that the step `name` made the file of this SHA-256, for this attempt and those that follow.

    Raises:
        JobLost: the job is no longer this worker's.
    """
    row = {"sha256": sha256, "attempt": claim.attempt, "finished_at": now_s}
    with writing(engine) as connection:
        _hold(connection, claim, now_s)
        connection.execute(
            insert(connection, job_steps)
            .values(job_id=claim.job_id, name=name, **row)
            .on_conflict_do_update(index_elements=["job_id", "name"], set_=row)
        )
        write_event(connection, claim.job_id, "step", {"name": name, "sha256": sha256}, now_s=now_s)


def complete(engine: sa.Engine, claim: Claim, *, device_s: float, cost_microeur: int, now_s: float) -> None:
    """End the job well: its state, its one charge and its webhook, all or none.

    Raises:
        JobLost: the job is no longer this worker's.
    """
    with writing(engine) as connection:
        _end(connection, claim, State.COMPLETED, None, now_s)
        connection.execute(
            sa.insert(charges).values(
                job_id=claim.job_id, client=claim.client, at=now_s, device_s=device_s, cost_microeur=cost_microeur
            )
        )


def fail(engine: sa.Engine, claim: Claim, reason: str, *, now_s: float) -> None:
    """End the job badly: another attempt would fail alike.

    Raises:
        JobLost: the job is no longer this worker's.
    """
    with writing(engine) as connection:
        _end(connection, claim, State.FAILED, reason, now_s)


def retry(engine: sa.Engine, claim: Claim, reason: str, *, now_s: float) -> State:
    """Put the job back for later, or end it as failed where its attempts are spent. The state that it then has.

    Raises:
        JobLost: the job is no longer this worker's.
    """
    if claim.attempt >= claim.max_attempts:
        fail(engine, claim, reason, now_s=now_s)
        return State.FAILED
    run_at = now_s + backoff_s(claim.attempt)
    with writing(engine) as connection:
        _hold(connection, claim, now_s, state=State.QUEUED, lease_until=None, run_at=run_at, reason=reason)
        write_event(connection, claim.job_id, "retry", {"reason": reason, "run_at": run_at}, now_s=now_s)
    return State.QUEUED


def backoff_s(attempt: int) -> float:
    """Seconds to wait after a failed attempt: 5, 20, 80 … an hour at most."""
    return min(FIRST_BACKOFF_S * 4.0 ** (attempt - 1), LAST_BACKOFF_S)


class _Overtaken(Exception):
    """Between our look and our turn another claimer started the client's job, or it was cancelled: look again."""


def _lapsed(connection: sa.Connection, now_s: float) -> str | None:
    """A running job whose lease has ended; those that have spent their attempts are ended on the way."""
    lapsed = (
        sa.select(jobs.c.id, jobs.c.attempt, jobs.c.max_attempts)
        .where(jobs.c.state == State.RUNNING, jobs.c.lease_until < now_s)
        .order_by(jobs.c.lease_until)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    while (row := connection.execute(lapsed).one_or_none()) is not None:
        if row.attempt < row.max_attempts:
            return str(row.id)
        reason = f"its worker was lost {row.attempt} times; no attempt is left"
        connection.execute(
            sa.update(jobs)
            .where(jobs.c.id == row.id)
            .values(state=State.FAILED, lease_until=None, finished_at=now_s, reason=reason)
        )
        write_end(connection, row.id, State.FAILED, reason, now_s=now_s)
    return None


def _waiting(connection: sa.Connection, now_s: float) -> sa.Select[Any] | None:
    """Where the first job is found of the client whose turn it is; the turn is then spent.

    The look gives caps and `started` at one moment. `started` is unchanged when the turn is taken, so nobody else has
    started a job of this client since, and its cap holds exactly.
    """
    turn = connection.execute(_TURN, {"now": now_s}).one_or_none()
    if turn is None or turn.priority is None:
        return None
    taken = connection.execute(
        sa.update(clients)
        .where(clients.c.name == turn.name, clients.c.started == turn.started)
        .values(last_started=now_s, started=turn.started + 1)
    )
    if taken.rowcount == 0:
        raise _Overtaken
    return _READY.params(now=now_s, whose=turn.name)


def _start(connection: sa.Connection, wanted: str | sa.Select[Any], worker: str, now_s: float) -> Claim:
    job_id = wanted if isinstance(wanted, str) else wanted.scalar_subquery()
    row = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == job_id)
        .values(
            state=State.RUNNING,
            attempt=jobs.c.attempt + 1,
            worker=worker,
            lease_until=now_s + LEASE_S,
            started_at=now_s,
        )
        .returning(jobs.c.id.label("job_id"), *(jobs.c[name] for name in CLAIMED))
    ).one_or_none()
    if row is None:
        raise _Overtaken
    write_event(connection, row.job_id, State.RUNNING, {"attempt": row.attempt}, now_s=now_s)
    return Claim(steps=_steps(connection, row.job_id) if row.attempt > 1 else {}, **row._mapping)


def _steps(connection: sa.Connection, job_id: str) -> dict[str, str]:
    found = connection.execute(sa.select(job_steps.c.name, job_steps.c.sha256).where(job_steps.c.job_id == job_id))
    return {step.name: step.sha256 for step in found}


def _end(connection: sa.Connection, claim: Claim, state: State, reason: str | None, now_s: float) -> None:
    _hold(connection, claim, now_s, state=state, lease_until=None, finished_at=now_s, reason=reason)
    write_end(connection, claim.job_id, state, reason, now_s=now_s)


def _hold(connection: sa.Connection, claim: Claim, now_s: float, **values: Any) -> None:
    """Write to the job's row as the worker that holds it, renewing its lease where `values` do not end it."""
    held = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == claim.job_id, jobs.c.attempt == claim.attempt, jobs.c.worker == claim.worker)
        .where(jobs.c.state == State.RUNNING)
        .values({"lease_until": now_s + LEASE_S} | values)
    )
    if held.rowcount == 0:
        raise JobLost(f"{claim.job_id}: attempt {claim.attempt} no longer holds this job; stop its work")


def _first_ready(*columns: sa.ColumnElement[Any], client: sa.ColumnElement[str]) -> sa.Select[Any]:
    """The first job of a client in the order of the index `ix_jobs_waiting`."""
    return (
        sa.select(*columns)
        .where(jobs.c.state == State.QUEUED, jobs.c.client == client, jobs.c.run_at <= sa.bindparam("now"))
        .order_by(jobs.c.priority, jobs.c.submitted_at, jobs.c.id)
        .limit(1)
    )


def _whose_turn() -> sa.Select[Any]:
    """The client to serve next: below its cap, with the most urgent job, the longest without a start."""
    running = (
        sa.select(jobs.c.client, sa.func.count().label("jobs"))
        .where(jobs.c.state == State.RUNNING)
        .group_by(jobs.c.client)
        .subquery("running")
    )
    urgency = _first_ready(jobs.c.priority, client=clients.c.name).correlate(clients).scalar_subquery()
    below_cap = sa.or_(clients.c.max_running.is_(None), sa.func.coalesce(running.c.jobs, 0) < clients.c.max_running)
    priority = urgency.label("priority")  # null where the client has nothing ready
    return (
        sa.select(clients.c.name, clients.c.started, priority)
        .outerjoin(running, running.c.client == clients.c.name)
        .where(below_cap)
        .order_by(priority.nulls_last(), clients.c.last_started, clients.c.started, clients.c.name)
        .limit(1)
    )


_TURN = _whose_turn()
_READY = _first_ready(jobs.c.id, client=sa.bindparam("whose")).with_for_update(skip_locked=True)
