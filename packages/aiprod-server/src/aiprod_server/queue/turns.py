"""Whose turn it is: which waiting job is started next. Knows no worker and no lease; `leases` starts what it finds.

Of the clients below their caps and within their budgets, the one with the most urgent job, and among equals the one
that waited longest. Everything works in its caller's transaction.
"""

from typing import Any

import sqlalchemy as sa

from aiprod_server.queue.clients import WITHIN_BUDGET, month
from aiprod_server.tables import QUEUED, RUNNING, clients, jobs


class Overtaken(Exception):
    """Between our look and our turn another claimer started the client's job, or it was cancelled: look again."""


def next_job(connection: sa.Connection, now_s: float) -> sa.Select[Any] | None:
    """Where the first job is found of the client whose turn it is; the turn is then spent.

    Raises:
        Overtaken: somebody else was faster.
    """
    turn = _look(connection, _TURN, now_s)
    if turn is None:
        return None
    _spend(connection, turn, now_s)
    return _READY.params(now=now_s, whose=turn.name)


def next_alike(connection: sa.Connection, batch_key: str, now_s: float) -> sa.Select[Any] | None:
    """As `next_job`, of the jobs of a batch that were never started; none goes before a more urgent job of any other.

    A job that was started before is rendered alone: should it kill its worker, it takes others with it once at most.

    Raises:
        Overtaken: somebody else was faster.
    """
    turn = _look(connection, _ALIKE_TURN, now_s, batch=batch_key)
    if turn is None:
        return None
    first = _look(connection, _TURN, now_s)
    if first is not None and first.priority < turn.priority:
        return None
    _spend(connection, turn, now_s)
    return _ALIKE_READY.params(now=now_s, whose=turn.name, batch=batch_key)


def _look(connection: sa.Connection, turn: sa.Select[Any], now_s: float, **asked: str) -> sa.Row[Any] | None:
    found = connection.execute(turn, {"now": now_s, "month": month(now_s), **asked}).one_or_none()
    return None if found is None or found.priority is None else found


def _spend(connection: sa.Connection, turn: sa.Row[Any], now_s: float) -> None:
    """Take the client's turn.

    The look gave caps, budgets and `started` of one moment. Where `started` is unchanged now, nobody else has started a
    job of this client since, and its cap holds exactly; its budget is asked once more, since charges change it.
    """
    taken = connection.execute(
        sa.update(clients)
        .where(clients.c.name == turn.name, clients.c.started == turn.started, WITHIN_BUDGET)
        .values(last_started=now_s, started=turn.started + 1),
        {"month": month(now_s)},
    )
    if taken.rowcount == 0:
        raise Overtaken


def _first_ready(
    *columns: sa.ColumnElement[Any], client: sa.ColumnElement[str], of: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    """The first job `of` some of a client's, in the order of the index `ix_jobs_waiting` or `ix_jobs_alike`."""
    return (
        sa.select(*columns)
        .where(QUEUED, jobs.c.client == client, of, jobs.c.run_at <= sa.bindparam("now"))
        .order_by(jobs.c.priority, jobs.c.submitted_at, jobs.c.id)
        .limit(1)
    )


def _whose_turn(of: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The client to serve next, by its first job `of` some."""
    running = (
        sa.select(jobs.c.client, sa.func.count().label("jobs"))
        .where(RUNNING)
        .group_by(jobs.c.client)
        .subquery("running")
    )
    below_cap = sa.or_(clients.c.max_running.is_(None), sa.func.coalesce(running.c.jobs, 0) < clients.c.max_running)
    urgency = _first_ready(jobs.c.priority, client=clients.c.name, of=of).correlate(clients).scalar_subquery()
    priority = urgency.label("priority")  # null where the client has nothing ready
    return (
        sa.select(clients.c.name, clients.c.started, priority)
        .outerjoin(running, running.c.client == clients.c.name)
        .where(below_cap, WITHIN_BUDGET)
        .order_by(priority.nulls_last(), clients.c.last_started, clients.c.started, clients.c.name)
        .limit(1)
    )


_ANY = sa.true()
_ALIKE = sa.and_(jobs.c.batch_key == sa.bindparam("batch"), jobs.c.attempt == 0)
_TURN, _ALIKE_TURN = _whose_turn(_ANY), _whose_turn(_ALIKE)
_READY, _ALIKE_READY = (
    _first_ready(jobs.c.id, client=sa.bindparam("whose"), of=of).with_for_update(skip_locked=True)
    for of in (_ANY, _ALIKE)
)
