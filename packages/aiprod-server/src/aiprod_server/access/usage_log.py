"""Who asked what of the API, and how it was answered: gathered in memory, written many at once, summed by day.

A request does not wait for its row. A gateway that is killed forgets what it had not yet written: a second's requests
where somebody writes every second, as the housekeeping does. Charges do not come from here. Knows no content: neither
bodies nor addresses nor ids of jobs.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.database import reading, writing
from aiprod_server.tables import usage_log

BATCH = 500  # rows that are worth a transaction before the second is over
MOST_WAITING = 100_000  # while the database does not answer; of more, the oldest go
DAY_S = 86_400
LENGTHS = {column.name: column.type.length for column in usage_log.c if isinstance(column.type, sa.String)}


@dataclass(frozen=True, kw_only=True)
class Use:
    """One request. `at`: seconds since 1970; `route`: its pattern, without ids; `key_id`: or the subject of a token."""

    at: float
    client: str
    key_id: str
    method: str
    route: str
    status: int
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a client asked of a route on a day (ISO 8601, UTC). `errors`: answers of 400 and more."""

    day: str
    client: str
    method: str
    route: str
    requests: int
    errors: int
    duration_s: float


class Waiting:
    """Requests that are not yet in the database. `many` is set as soon as they are worth a transaction."""

    def __init__(self) -> None:
        self.many = threading.Event()
        self._uses: deque[Use] = deque(maxlen=MOST_WAITING)
        self._writing = threading.Lock()

    def add(self, use: Use) -> None:
        """Keep a request until it is written; from any thread, and without waiting."""
        self._uses.append(use)
        if len(self._uses) >= BATCH:
            self.many.set()

    def flush(self, engine: sa.Engine) -> int:
        """Write what waits, in one transaction; how many rows. An error of the database leaves them waiting."""
        with self._writing, self._taken() as uses:
            if uses:
                with writing(engine, durable=False) as connection:
                    connection.execute(sa.insert(usage_log), [_row(use) for use in uses])
        return len(uses)

    @contextmanager
    def _taken(self) -> Iterator[list[Use]]:
        self.many.clear()
        uses = [self._uses.popleft() for _ in range(len(self._uses))]
        try:
            yield uses
        except BaseException:
            room = MOST_WAITING - len(self._uses)
            self._uses.extendleft(reversed(uses[-room:] if room else []))
            raise


def summary(engine: sa.Engine, *, since_s: float, until_s: float, client: str | None = None) -> tuple[Usage, ...]:
    """What was asked in [since, until), by day, client and route; of all clients, or of one.

    Raises:
        InputError: an end before its beginning.
    """
    if until_s < since_s:
        raise InputError(f"usage: got an end ({until_s:.0f}) before its beginning ({since_s:.0f}); exchange them")
    # A cast to a whole number rounds on PostgreSQL and cuts on SQLite: what was rounded up is taken back.
    exact = usage_log.c.at / DAY_S
    near = sa.cast(exact, sa.BigInteger)
    day = (near - sa.case((near > exact, 1), else_=0)).label("day")
    alike = (day, usage_log.c.client, usage_log.c.method, usage_log.c.route)
    wanted = (
        sa.select(
            *alike,
            sa.func.count().label("requests"),
            sa.func.count().filter(usage_log.c.status >= 400).label("errors"),
            sa.func.sum(usage_log.c.duration_s).label("duration_s"),
        )
        .where(usage_log.c.at >= since_s, usage_log.c.at < until_s)
        .group_by(*alike)
        .order_by(*alike)
    )
    if client is not None:
        wanted = wanted.where(usage_log.c.client == client)
    with reading(engine) as connection:
        rows = connection.execute(wanted).all()
    return tuple(Usage(**dict(row._mapping) | {"day": _iso(row.day)}) for row in rows)


def forget(engine: sa.Engine, *, before_s: float) -> int:
    """Remove what is older; how many rows."""
    with writing(engine) as connection:
        return connection.execute(sa.delete(usage_log).where(usage_log.c.at < before_s)).rowcount


def _row(use: Use) -> dict[str, object]:
    """A row whose texts fit their columns: PostgreSQL refuses what does not, and with it all others of the batch."""
    row = asdict(use)
    return row | {name: row[name][:length] for name, length in LENGTHS.items()}


def _iso(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat()
