"""What a gateway does beside its requests, every few seconds: each chore in a thread of its own, so that none waits.

Any number of gateways do the same chores at once; each chore sees to it that this does no harm.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

OnError = Callable[[Exception], object]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Chore:
    """`do` is called every `every_s` seconds, and again at once where it returns True: there is more to do."""

    name: str
    every_s: float
    do: Callable[[], object]


class Housekeeping:
    """The chores of a process, from `start` to `stop`. An error of one goes to `on_error`, and the chore goes on."""

    def __init__(self, chores: Sequence[Chore], on_error: OnError) -> None:
        self.chores, self._on_error = chores, on_error
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=(chore,), name=f"chore: {chore.name}", daemon=True)
            for chore in chores
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, most_s: float = 5.0) -> None:
        """Begin nothing more, and wait for what is being done; a chore that takes longer ends with the process."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(most_s)

    def _keep(self, chore: Chore) -> None:
        more = False
        while not (self._stopped.is_set() if more else self._stopped.wait(chore.every_s)):
            try:
                more = chore.do() is True
            except Exception as error:
                more = False
                logger.warning("the chore %s failed: %s", chore.name, type(error).__name__)
                self._tell(error)

    def _tell(self, error: Exception) -> None:
        try:
            self._on_error(error)
        except Exception as lost:  # the database is down, perhaps, for both
            logger.warning("an error could not be written down: %s", type(lost).__name__)
