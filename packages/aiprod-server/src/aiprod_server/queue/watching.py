"""What happened to jobs since it was last asked, for any number of jobs in one query. Knows no watcher.

The events of one job are numbered in the order of their commits (see `journal`), those of different jobs are not: so
every job has a place of its own, and one place for all of them would miss events.
"""

from collections.abc import Mapping

import sqlalchemy as sa

from aiprod_server.database import reading
from aiprod_server.queue.jobs import Event
from aiprod_server.tables import job_events


def news(engine: sa.Engine, places: Mapping[str, int], *, most: int) -> dict[str, list[Event]]:
    """The events above the place of each job, the lowest ids first, `most` of them together.

    Args:
        places: job id → id of the last event known; 0 for none. A job that does not exist has no events.

    Returns:
        The jobs that have any. Where the limit cut, every job still has all its events up to its last one here.
    """
    if not places:
        return {}
    known = sa.values(sa.column("job_id", sa.String), sa.column("place", sa.BigInteger), name="known")
    known_rows = known.data(list(places.items())).cte("known")
    wanted = (
        sa.select(job_events.c.job_id, job_events.c.id, job_events.c.at, job_events.c.kind, job_events.c.data)
        .join(known_rows, sa.and_(job_events.c.job_id == known_rows.c.job_id, job_events.c.id > known_rows.c.place))
        .order_by(job_events.c.id)
        .limit(most)
    )
    found: dict[str, list[Event]] = {}
    with reading(engine) as connection:
        for row in connection.execute(wanted):
            found.setdefault(row.job_id, []).append(Event(id=row.id, at=row.at, kind=row.kind, data=row.data))
    return found
