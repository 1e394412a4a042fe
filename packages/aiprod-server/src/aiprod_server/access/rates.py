"""How many requests a client may make in a minute, counted in this process: a shield, not an account.

Several gateways each count what they see. Quotas that must be exact (jobs, device time) are the queue's.
"""

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter


class Rates:
    """The requests of the last minute of every client, in constant memory a client."""

    def __init__(self) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def take(self, client: str, per_min: int) -> int | None:
        """Count a request of `client`, who may make `per_min` a minute: None, or seconds to wait."""
        limit = RateLimitItemPerMinute(per_min)
        if per_min > 0 and self._limiter.hit(limit, client):
            return None
        return max(math.ceil(self._limiter.get_window_stats(limit, client).reset_time - time.time()), 1)
