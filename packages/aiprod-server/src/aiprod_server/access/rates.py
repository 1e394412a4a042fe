"""How many requests a client may make in a minute, counted in this process: a shield, not an account.

Several gateways each count what they see. Quotas that must be exact (jobs, device time) are the queue's.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 60.0
ROUNDING = 1e-6  # of a request, or a second: who waits as long as told is not told again
MOST_CLIENTS = 10_000  # remembered, before those that were quiet are forgotten


@dataclass
class _Counts:
    """Requests in the window `number` since the start of the count, and in the one before."""

    number: int
    now: int = 0
    before: int = 0


class Rates:
    """A sliding window of every client, for one event loop: the minute before counts by the share that is still in it.

    Of the library `limits`, whose store in memory does the same, each request would start a thread.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._clients: dict[str, _Counts] = {}

    def take(self, client: str, per_min: int) -> int | None:
        """Count a request of `client`, who may make `per_min` a minute: None, or whole seconds to wait."""
        number, share = divmod(self._monotonic() / WINDOW_S, 1)
        counts = self._counts(client, int(number))
        if counts.before * (1 - share) + counts.now + 1 <= per_min + ROUNDING:
            counts.now += 1
            return None
        return max(math.ceil(WINDOW_S * _wait(counts, share, per_min) - ROUNDING), 1)

    def _counts(self, client: str, number: int) -> _Counts:
        counts = self._clients.get(client)
        if counts is None:
            if len(self._clients) >= MOST_CLIENTS:
                self._clients = {name: kept for name, kept in self._clients.items() if kept.number >= number - 1}
            counts = self._clients[client] = _Counts(number)
        elif counts.number != number:
            counts.before = counts.now if counts.number == number - 1 else 0
            counts.number, counts.now = number, 0
        return counts


def _wait(counts: _Counts, share: float, per_min: int) -> float:
    """Windows from now, `share` into this one, until one more request fits, if none comes in between."""
    if per_min < 1:
        return 1.0  # never; but limits change
    room = per_min - 1 - counts.now
    if room >= 0:
        return 1 - room / counts.before - share
    return 1 - share + max(1 - (per_min - 1) / counts.now, 0)
