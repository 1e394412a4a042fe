"""The time that all machines of a service agree on: that of its database, not of the machine that asks.

Leases are written by one machine and judged by another, so one clock must time both. The database's is read at the
start and every minute; in between it is carried on by this machine's count of seconds, which nobody sets. So a machine
whose clock is wrong, or jumps, loses no lease and takes none.
"""

import logging
import math
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from aiprod_server.database import reading

AGAIN_S = 60.0  # machines' quartzes part by a few milliseconds in this time
TRIES = 3  # the quickest answer says the time best (Cristian, Probabilistic clock synchronization, 1989)

log = logging.getLogger(__name__)


def counted_s() -> float:
    """Seconds since some moment; those that the machine slept through too, where its system counts them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Clock:
    """Called, it says the time in seconds since 1970 UTC, and never less than it said before.

    SQLite has no clock of its own: there it is this machine's, read at the start only, since all processes of a machine
    share its count of seconds. Setting the machine's clock ends no lease of those that run; they learn the new time
    when they are started anew.

    Args:
        engine: a database that answers; where it does not answer later, the clock goes on by itself.
        counted_s: this machine's count of seconds.
    """

    def __init__(self, engine: sa.Engine, *, counted_s: Callable[[], float] = counted_s) -> None:
        self._engine, self._counted_s = engine, counted_s
        self._telling, self._asking = threading.Lock(), threading.Lock()
        self._last_s = 0.0
        if engine.dialect.name == "sqlite":
            self._offset_s, self._again_at = time.time() - counted_s(), math.inf
        else:
            self._offset_s, self._again_at = self._measured(), counted_s() + AGAIN_S

    def __call__(self) -> float:
        if self._counted_s() >= self._again_at and self._asking.acquire(blocking=False):
            try:  # one thread asks, and the others need not wait
                self._ask()
            finally:
                self._asking.release()
        with self._telling:
            self._last_s = max(self._last_s, self._offset_s + self._counted_s())
            return self._last_s

    def _ask(self) -> None:
        self._again_at = self._counted_s() + AGAIN_S
        try:
            self._offset_s = self._measured()
        except SQLAlchemyError as error:
            log.warning("the database does not tell the time (%s); going on by this machine", type(error).__name__)

    def _measured(self) -> float:
        """What to add to the count for the database's time, which is taken to be half a round trip old."""
        tells = sa.select(sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double))
        tries = []
        with reading(self._engine) as connection:
            for _ in range(TRIES):
                asked = self._counted_s()
                told_s = connection.execute(tells).scalar_one()
                answered = self._counted_s()
                tries.append((answered - asked, told_s - (asked + answered) / 2))
        return min(tries)[1]
