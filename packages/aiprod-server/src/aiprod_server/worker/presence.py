"""How a worker shows that it is there, with what its machine has: in the table of workers, every 15 s."""

import time
from collections.abc import Callable

import sqlalchemy as sa

from aiprod_server.monitoring import gpu
from aiprod_server.queue import workers

SEEN_S = 15.0


class Presence:
    """That of one device. `drains`: it is to end what it has, and to take nothing new, as an operator may ask."""

    def __init__(self, engine: sa.Engine, clock: Callable[[], float], *, name: str, machine: str, device: str) -> None:
        self.drains = False
        self._engine, self._clock = engine, clock
        self._name, self._machine, self._device = name, machine, device
        self._shown_s: float | None = None

    def show(self, drains: bool) -> None:
        """Be seen, where it is time to, and as one that `drains` at once."""
        if drains and not self.drains and self._shown_s is not None:
            workers.drain(self._engine, self._name)
            self.drains = True
        moment_s = time.monotonic()
        if self._shown_s is not None and moment_s - self._shown_s < SEEN_S:
            return
        if self._shown_s is None:
            self._appear()
        else:
            try:
                self.drains |= workers.seen(self._engine, self._name, self._clock())
            except workers.UnknownWorker:  # the database was away for a day
                self._appear()
        gpu.report(self._engine, self._name, gpu.of_this_machine())
        self._shown_s = moment_s

    def leave(self) -> None:
        """Be there no more."""
        workers.leave(self._engine, self._name)

    def _appear(self) -> None:
        workers.appear(self._engine, self._name, self._machine, self._device, self._clock())
