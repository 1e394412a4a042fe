"""What a worker does with the queue: claim a job, keep it, remember its steps, end it. Knows no client's request.

A claim is a lease of 60 s. Every write of a worker says whose it is (job, attempt, worker, running) and renews the
lease in the transaction of what it protects; where no row answers, the worker has lost the job and nothing is written.
Claims, beats and progress do not wait for the disk: a crash that forgets a claim queues its job again, and the worker,
whose name the next holder does not bear, has lost it. Times are seconds since 1970 UTC, and come from the caller.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.database import insert, writing
from aiprod_server.queue import turns
from aiprod_server.queue.clients import SPENT_S, month
from aiprod_server.queue.jobs import Claim, JobLost, State
from aiprod_server.queue.journal import write_end, write_event
from aiprod_server.tables import RUNNING, charges, clients, job_steps, jobs

LEASE_S = 60.0
CLAIMED = [jobs.c[name] for name in Claim.__dataclass_fields__ if name not in ("job_id", "steps")]
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
                wanted = _lapsed(connection, now_s) or turns.next_job(connection, now_s)
                return None if wanted is None else _start(connection, wanted, worker, now_s)
        except turns.Overtaken:
            continue


def claim_alike(engine: sa.Engine, claim: Claim, *, most: int, now_s: float) -> list[Claim]:
    """Other waiting jobs that can be rendered together with the claimed one, now the same worker's.

    Clients take turns among them under their caps and budgets, as in `claim`, and none goes before a job of another
    kind that is more urgent. A job that was started before is rendered alone.

    Args:
        most: how many others at most.
    """
    found: list[Claim] = []
    while claim.batch_key is not None and claim.attempt == 1 and len(found) < most:
        try:
            with writing(engine, durable=False) as connection:
                wanted = turns.next_alike(connection, claim.batch_key, now_s)
                if wanted is None:
                    break
                found.append(_start(connection, wanted, claim.worker, now_s))
        except turns.Overtaken:
            continue
    return found


def beat(engine: sa.Engine, claim: Claim, *, now_s: float) -> None:
    """Renew the lease.

    Raises:
        JobLost: the job is no longer this worker's.
    """
    with writing(engine, durable=False) as connection:
        _hold(connection, claim, now_s)


def report(
    engine: sa.Engine, claim: Claim, kind: str, data: Mapping[str, Any], *, now_s: float, share: float | None = None
) -> None:
    """Add an event, such as progress, to the job's stream.

    Args:
        share: how much of the job is done, 0 to 1; left out, as much as before.

    Raises:
        InputError: a share out of its range.
        JobLost: the job is no longer this worker's.
    """
    if share is not None and not 0 <= share <= 1:
        raise InputError(f"got {share} of a job done, expected 0 to 1")
    with writing(engine, durable=False) as connection:
        _hold(connection, claim, now_s, **({} if share is None else {"progress": share}))
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


def complete(
    engine: sa.Engine,
    claim: Claim,
    *,
    device_s: float,
    cost_microeur: int,
    now_s: float,
    result: Mapping[str, Any] | None = None,
    expires_at: float | None = None,
) -> None:
    """End the job well: its state, its result, its one charge and its webhook, all or none.

    Args:
        device_s: what is charged, and counts under the client's budget of this month.
        result: what the client is told, as JSON: files by role, and what they are.
        expires_at: when its files may go; left out, never.

    Raises:
        JobLost: the job is no longer this worker's.
    """
    result = dict(result or {})
    with writing(engine) as connection:
        told = {"result": result, "expires_at": expires_at, "progress": 1.0}
        _end(connection, claim, State.COMPLETED, result, now_s, **told)
        connection.execute(
            sa.insert(charges).values(
                job_id=claim.job_id, client=claim.client, at=now_s, device_s=device_s, cost_microeur=cost_microeur
            )
        )
        # Last, since claims of this client wait from here on until the disk has it.
        connection.execute(
            sa.update(clients)
            .where(clients.c.name == claim.client)
            .values(spent_device_s=SPENT_S + device_s, spent_month=month(now_s)),
            {"month": month(now_s)},
        )


def fail(engine: sa.Engine, claim: Claim, reason: str, *, now_s: float) -> None:
    """End the job badly: another attempt would fail alike.

    Raises:
        JobLost: the job is no longer this worker's.
    """
    with writing(engine) as connection:
        _end(connection, claim, State.FAILED, {"reason": reason}, now_s, reason=reason)


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


def release(engine: sa.Engine, claim: Claim, *, now_s: float) -> None:
    """Put the job back at once, since its worker is stopped; one more attempt is allowed, as if this one were none.

    The number of the attempt is spent, though: it tells this claim from the next one of the same worker.

    Raises:
        JobLost: the job is no longer this worker's.
    """
    again = {"state": State.QUEUED, "lease_until": None, "run_at": now_s, "max_attempts": jobs.c.max_attempts + 1}
    with writing(engine) as connection:
        _hold(connection, claim, now_s, **again)
        write_event(connection, claim.job_id, State.QUEUED, now_s=now_s)


def backoff_s(attempt: int) -> float:
    """Seconds to wait after a failed attempt: 5, 20, 80 … an hour at most."""
    return min(FIRST_BACKOFF_S * 4.0 ** (attempt - 1), LAST_BACKOFF_S)


def _lapsed(connection: sa.Connection, now_s: float) -> str | None:
    """A running job whose lease has ended; those that have spent their attempts are ended on the way."""
    lapsed = (
        sa.select(jobs.c.id, jobs.c.attempt, jobs.c.max_attempts)
        .where(RUNNING, jobs.c.lease_until < now_s)
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
        write_end(connection, row.id, State.FAILED, {"reason": reason}, now_s=now_s)
    return None


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
        .returning(jobs.c.id.label("job_id"), *CLAIMED)
    ).one_or_none()
    if row is None:
        raise turns.Overtaken
    write_event(connection, row.job_id, State.RUNNING, {"attempt": row.attempt}, now_s=now_s)
    return Claim(steps=_steps(connection, row.job_id) if row.attempt > 1 else {}, **row._mapping)


def _steps(connection: sa.Connection, job_id: str) -> dict[str, str]:
    found = connection.execute(sa.select(job_steps.c.name, job_steps.c.sha256).where(job_steps.c.job_id == job_id))
    return {step.name: step.sha256 for step in found}


def _end(
    connection: sa.Connection, claim: Claim, state: State, told: Mapping[str, Any], now_s: float, **values: Any
) -> None:
    _hold(connection, claim, now_s, state=state, lease_until=None, finished_at=now_s, **({"reason": None} | values))
    write_end(connection, claim.job_id, state, told, now_s=now_s)


def _hold(connection: sa.Connection, claim: Claim, now_s: float, **values: Any) -> None:
    """Write to the job's row as the worker that holds it, renewing its lease where `values` do not end it."""
    held = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == claim.job_id, jobs.c.attempt == claim.attempt, jobs.c.worker == claim.worker)
        .where(RUNNING)
        .values({"lease_until": now_s + LEASE_S} | values)
    )
    if held.rowcount == 0:
        raise JobLost(f"{claim.job_id}: attempt {claim.attempt} no longer holds this job; stop its work")
