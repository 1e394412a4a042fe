"""How a worker ends: it takes nothing new, has some time for what it holds, and then gives it back."""

import math
import threading
import time


class Closing:
    """Shared by the slots of a worker; asked to close by a signal, from any thread.

    Args:
        drain_s: time for what is held, from the first asking on. A second asking ends it.
    """

    def __init__(self, drain_s: float) -> None:
        self._drain_s = drain_s
        self._asked = threading.Event()
        self._until_s = 0.0

    def ask(self) -> None:
        """Close; asked again, at once."""
        self._until_s = time.monotonic() + (0.0 if self._asked.is_set() else self._drain_s)
        self._asked.set()

    def is_asked(self) -> bool:
        """Whether to take nothing new."""
        return self._asked.is_set()

    def late_s(self) -> float:
        """Seconds since the time to drain ended: negative before that, and without end while nobody asks."""
        return time.monotonic() - self._until_s if self._asked.is_set() else -math.inf

    def wait(self, timeout_s: float) -> None:
        """Wait for that long, or until asked."""
        self._asked.wait(timeout_s)
