"""Every day (UTC) of every client in one row: jobs, files that lay there at its end, and what both cost.

A day is written when it is over, all clients in one transaction, and never again: whoever comes second changes nothing.
So any number of gateways may close the same days, and one that was off for a week closes the week.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from aiprod_server.database import insert, reading, writing
from aiprod_server.money.tariff import Tariff
from aiprod_server.queue.jobs import State
from aiprod_server.tables import charges, cost_log, jobs

LATE_S = 300.0  # after midnight, until all that ended before it is written
DAY_S = 86_400.0
FETCHED = 1000  # rows of files at a time

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DayOfClient:
    """A row. `day`: ISO 8601; `jobs`: those that were charged; money in micro-euros."""

    day: str
    client: str
    jobs: int
    device_s: float
    render_microeur: int
    stored_bytes: int
    storage_microeur: int


class CostLog:
    """Closes days. Asked often, it looks at the database once a day."""

    def __init__(self, engine: sa.Engine, tariff: Tariff) -> None:
        self._engine, self._tariff = engine, tariff
        self._next: date | None = None  # no day before it is open

    def close_days(self, now_s: float) -> list[date]:
        """Write every day that is over and not yet written; which ones."""
        today = _day(now_s - LATE_S)
        if self._next is not None and self._next >= today:
            return []
        first = _first_open(self._engine)
        closed = []
        while first is not None and first < today:
            self._close(first)
            closed.append(first)
            first += timedelta(days=1)
        self._next = today
        if closed:
            logger.info("the costs of %s to %s are written", closed[0], closed[-1])
        return closed

    def _close(self, day: date) -> None:
        start_s = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
        with writing(self._engine) as connection:
            charged = _charged(connection, start_s, start_s + DAY_S)
            held = stored(connection, start_s + DAY_S)
            rows = [
                {
                    "day": day.isoformat(),
                    "client": client,
                    "jobs": 0,
                    "device_s": 0.0,
                    "render_microeur": 0,
                    **charged.get(client, {}),
                    "stored_bytes": held.get(client, 0),
                    "storage_microeur": self._tariff.storage_microeur(held.get(client, 0), day),
                }
                for client in sorted(charged.keys() | held.keys())
            ]
            if rows:
                connection.execute(insert(connection, cost_log).on_conflict_do_nothing(), rows)


def rows(engine: sa.Engine, *, since: date, until: date, client: str | None = None) -> tuple[DayOfClient, ...]:
    """What was written of the days in [since, until), by day and client; of all clients, or of one."""
    wanted = sa.select(*(cost_log.c[name] for name in DayOfClient.__dataclass_fields__)).where(
        cost_log.c.day >= since.isoformat(), cost_log.c.day < until.isoformat()
    )
    if client is not None:
        wanted = wanted.where(cost_log.c.client == client)
    with reading(engine) as connection:
        found = connection.execute(wanted.order_by(cost_log.c.day, cost_log.c.client))
        return tuple(DayOfClient(**row._mapping) for row in found)


def stored(connection: sa.Connection, at_s: float) -> dict[str, int]:
    """Client → bytes of the files of its jobs that lay there at this moment."""
    wanted = sa.select(jobs.c.client, jobs.c.result["files"]).where(
        jobs.c.state == State.COMPLETED,
        jobs.c.finished_at < at_s,
        sa.or_(jobs.c.deleted_at.is_(None), jobs.c.deleted_at >= at_s),
        sa.or_(jobs.c.expires_at.is_(None), jobs.c.expires_at >= at_s),
    )
    held: dict[str, int] = {}
    for client, files in connection.execute(wanted.execution_options(yield_per=FETCHED)):
        held[client] = held.get(client, 0) + _size_bytes(files or {})
    return {client: size_bytes for client, size_bytes in held.items() if size_bytes}


def _first_open(engine: sa.Engine) -> date | None:
    """The day after the last that is written, or that of the first job's end; None where none ended."""
    with reading(engine) as connection:
        last = connection.execute(sa.select(sa.func.max(cost_log.c.day))).scalar_one()
        if last is not None:
            return date.fromisoformat(last) + timedelta(days=1)
        ended_at = connection.execute(sa.select(sa.func.min(charges.c.at))).scalar_one()
    return None if ended_at is None else _day(ended_at)


def _charged(connection: sa.Connection, since_s: float, until_s: float) -> dict[str, dict[str, Any]]:
    """Client → what its jobs that ended in this time cost."""
    wanted = (
        sa.select(
            charges.c.client,
            sa.func.count().label("jobs"),
            sa.func.sum(charges.c.device_s).label("device_s"),
            sa.func.sum(charges.c.cost_microeur).label("render_microeur"),
        )
        .where(charges.c.at >= since_s, charges.c.at < until_s)
        .group_by(charges.c.client)
    )
    found = {}
    for row in connection.execute(wanted).mappings():
        facts = dict(row) | {"render_microeur": int(row["render_microeur"])}  # PostgreSQL sums to a decimal
        found[facts.pop("client")] = facts
    return found


def _size_bytes(files: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(file["size_bytes"] for file in files.values())


def _day(at_s: float) -> date:
    return datetime.fromtimestamp(at_s, UTC).date()
