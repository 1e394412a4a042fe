"""A database that goes away for a while: what is asked of it is tried later and later, and nothing ends for it."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

LOG = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_S, LAST_S = 0.2, 10.0  # between two tries


class Patience:
    """One asker's, called `name` in the log."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._wait_s = FIRST_S
        self._not_before_s = 0.0

    def tried(self, ask: Callable[[], T]) -> T | None:
        """What the database answers; None while it is away: it refuses, breaks off, starts up, is locked or full."""
        if time.monotonic() < self._not_before_s:
            return None
        try:
            answer = ask()
        except DBAPIError as error:
            if not _is_away(error):
                raise
            said = " ".join(str(error.orig).split())
            LOG.warning("%s: the database is away, tried again in %.1f s: %s", self._name, self._wait_s, said)
            self._not_before_s = time.monotonic() + self._wait_s
            self._wait_s = min(2 * self._wait_s, LAST_S)
            return None
        self._wait_s = FIRST_S
        return answer


def _is_away(error: DBAPIError) -> bool:
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
