"""What there is: a client's jobs by the page, and how many the service has of each state. Writes nothing."""

from dataclasses import dataclass

import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.database import reading
from aiprod_server.queue.jobs import Job, State, UnknownJob
from aiprod_server.queue.submissions import FIELDS, UNKNOWN, as_job
from aiprod_server.tables import QUEUED, RUNNING, jobs

MOST = 100  # jobs of a page


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some of a client's jobs, and whether more follow the last of them."""

    jobs: tuple[Job, ...]
    has_more: bool


def page(
    engine: sa.Engine,
    *,
    client: str,
    after: str | None = None,
    limit: int = 20,
    newest_first: bool = True,
    state: State | None = None,
    kind: str | None = None,
) -> Page:
    """A client's jobs in the order of their submission, but for deleted ones.

    A page begins where the one before ended, so what is submitted or deleted between two pages moves no other job.

    Args:
        after: id of the last job of the page before, which may be deleted by now.
        limit: jobs of this page, 1 to 100.

    Raises:
        InputError: a limit out of its range.
        UnknownJob: no job of this client has the id `after`.
    """
    if not 1 <= limit <= MOST:
        raise InputError(f"limit: got {limit}, expected 1 to {MOST}")
    place = sa.tuple_(jobs.c.submitted_at, jobs.c.id)
    order = [column.desc() if newest_first else column for column in (jobs.c.submitted_at, jobs.c.id)]
    wanted = sa.select(*FIELDS).where(jobs.c.client == client, jobs.c.deleted_at.is_(None))
    if state is not None:
        wanted = wanted.where(jobs.c.state == state)
    if kind is not None:
        wanted = wanted.where(jobs.c.kind == kind)
    with reading(engine) as connection:
        if after is not None:
            last = connection.execute(
                sa.select(jobs.c.submitted_at, jobs.c.id).where(jobs.c.id == after, jobs.c.client == client)
            ).one_or_none()
            if last is None:
                raise UnknownJob(UNKNOWN.format(after))
            there = sa.tuple_(*(sa.literal(value) for value in last))
            wanted = wanted.where(place < there if newest_first else place > there)
        rows = connection.execute(wanted.order_by(*order).limit(limit + 1)).all()
    return Page(jobs=tuple(as_job(row) for row in rows[:limit]), has_more=len(rows) > limit)


def counts(engine: sa.Engine) -> dict[State, int]:
    """How many jobs of all clients are in each state; deleted ones count as they ended."""
    each = sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)
    wanted = sa.union_all(*(each.where(of) for of in (QUEUED, RUNNING, jobs.c.finished_at.is_not(None))))
    with reading(engine) as connection:
        found = {State(state): number for state, number in connection.execute(wanted)}
    return {state: found.get(state, 0) for state in State}


def oldest_queued_at(engine: sa.Engine) -> float | None:
    """When the job was submitted that waits longest; None where none waits."""
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.min(jobs.c.submitted_at)).where(QUEUED)).scalar_one()
