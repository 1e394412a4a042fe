"""The service in figures for those who run it: what waits, what was done and earned, what failed, who works.

Read from the database when it is asked for; what a day earned is added up from its charges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from aiprod_server.database import reading
from aiprod_server.money.cost_log import stored
from aiprod_server.monitoring import error_log
from aiprod_server.monitoring.error_log import LoggedError
from aiprod_server.monitoring.requests import percentile
from aiprod_server.queue import listing, workers
from aiprod_server.queue.jobs import State
from aiprod_server.queue.workers import Worker
from aiprod_server.tables import charges, jobs

DAY_S, HOUR_S = 86_400.0, 3600.0
LATEST = 1000  # jobs of which waits are told


@dataclass(frozen=True, kw_only=True)
class Revenue:
    """Of one day (ISO 8601, UTC), client and tier."""

    day: str
    client: str
    tier: str
    jobs: int
    device_s: float
    cost_microeur: int


@dataclass(frozen=True, kw_only=True)
class Stats:
    """`completed_hour`, `utilisation`: of the last hour, the latter the share of the devices' time that was charged.

    `wait_p50_s`, `wait_p95_s`: from ready to started, of the latest jobs; None where none was started.
    """

    jobs: dict[State, int]
    completed_hour: int
    completed_day: int
    wait_p50_s: float | None
    wait_p95_s: float | None
    utilisation: float | None
    revenue: tuple[Revenue, ...]
    errors: tuple[LoggedError, ...]
    workers: tuple[Worker, ...]
    stored_bytes: dict[str, int]  # by client


def stats(engine: sa.Engine, *, now_s: float, since_s: float) -> Stats:
    """The service as it stands, and what it earned since a moment."""
    there = workers.present(engine, now_s)
    with reading(engine) as connection:
        hour, day = (_charged(connection, now_s - span_s) for span_s in (HOUR_S, DAY_S))
        waits_s = sorted(_waits_s(connection))
        revenue = _revenue(connection, since_s)
        held = stored(connection, now_s)
    return Stats(
        jobs=listing.counts(engine),
        completed_hour=hour[0],
        completed_day=day[0],
        wait_p50_s=percentile(waits_s, 0.50) if waits_s else None,
        wait_p95_s=percentile(waits_s, 0.95) if waits_s else None,
        utilisation=min(hour[1] / (len(there) * HOUR_S), 1.0) if there else None,
        revenue=revenue,
        errors=error_log.top(engine),
        workers=tuple(there),
        stored_bytes=held,
    )


def _charged(connection: sa.Connection, since_s: float) -> tuple[int, float]:
    """Jobs and device seconds that were charged since."""
    wanted = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(charges.c.device_s), 0.0))
    count, device_s = connection.execute(wanted.where(charges.c.at >= since_s)).one()
    return count, device_s


def _waits_s(connection: sa.Connection) -> Sequence[float]:
    ready_at = sa.case((jobs.c.run_at > jobs.c.submitted_at, jobs.c.run_at), else_=jobs.c.submitted_at)
    wanted = (
        sa.select(jobs.c.started_at - ready_at)
        .where(jobs.c.finished_at.is_not(None), jobs.c.started_at.is_not(None))
        .order_by(jobs.c.finished_at.desc())
        .limit(LATEST)
    )
    return connection.execute(wanted).scalars().all()


def _revenue(connection: sa.Connection, since_s: float) -> tuple[Revenue, ...]:
    # A cast to a whole number rounds on PostgreSQL and cuts on SQLite: what was rounded up is taken back.
    exact = charges.c.at / DAY_S
    near = sa.cast(exact, sa.BigInteger)
    day = (near - sa.case((near > exact, 1), else_=0)).label("day")
    alike = (day, charges.c.client, jobs.c.tier)
    wanted = (
        sa.select(
            *alike,
            sa.func.count().label("jobs"),
            sa.func.sum(charges.c.device_s).label("device_s"),
            sa.func.sum(charges.c.cost_microeur).label("cost_microeur"),
        )
        .join(jobs, jobs.c.id == charges.c.job_id)
        .where(charges.c.at >= since_s)
        .group_by(*alike)
        .order_by(*alike)
    )
    return tuple(
        Revenue(
            day=datetime.fromtimestamp(row.day * DAY_S, UTC).date().isoformat(),
            client=row.client,
            tier=row.tier,
            jobs=row.jobs,
            device_s=row.device_s,
            cost_microeur=int(row.cost_microeur),
        )
        for row in connection.execute(wanted)
    )
