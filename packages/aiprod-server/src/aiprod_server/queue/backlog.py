"""How much waits for the devices, and how long for one who comes now. Writes nothing."""

from dataclasses import dataclass

import sqlalchemy as sa

from aiprod_server.database import reading
from aiprod_server.queue.workers import UNSEEN_S
from aiprod_server.tables import QUEUED, RUNNING, jobs, workers


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """`devices` that work or could; jobs `running` and `queued`, and the device time that each of both still needs.

    A job of which no estimate is known counts as the mean of the others.
    """

    devices: int
    running: int
    queued: int
    running_s: float
    queued_s: float

    @property
    def wait_s(self) -> float | None:
        """Until a job that is queued now is begun, if all is done in turn; None where no device is there."""
        if not self.devices:
            return None
        if not self.queued and self.running < self.devices:
            return 0.0
        return (self.queued_s + self.running_s) / self.devices


def backlog(engine: sa.Engine, *, now_s: float) -> Backlog:
    """What stands before the devices at this moment; jobs that wait for a later one are left out."""
    left_s = jobs.c.estimate_s * (1 - jobs.c.progress)
    figures = (sa.func.count(), sa.func.count(left_s), sa.func.coalesce(sa.func.sum(left_s), 0.0))
    there = sa.select(sa.func.count()).where(workers.c.seen_at >= now_s - UNSEEN_S, ~workers.c.draining)
    with reading(engine) as connection:
        running, running_known, running_s = connection.execute(sa.select(*figures).where(RUNNING)).one()
        queued, queued_known, queued_s = connection.execute(
            sa.select(*figures).where(QUEUED, jobs.c.run_at <= now_s)
        ).one()
        devices = connection.execute(there).scalar_one()
    known = running_known + queued_known
    mean_s = (running_s + queued_s) / known if known else 0.0
    return Backlog(
        devices=devices,
        running=running,
        queued=queued,
        running_s=running_s + mean_s * (running - running_known),
        queued_s=queued_s + mean_s * (queued - queued_known),
    )
