"""The crew of a build: hands that make steps, hired when there is work for them, and kept for the next build."""

import selectors
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from aiprod_pipelines.film.artifacts import Artifacts
from aiprod_pipelines.film.plan import Task
from aiprod_pipelines.film.worker import Worker

HEAVY = frozenset({"shot"})  # kinds whose code alone takes a share of a gigabyte: nobody loads it on the off chance


class Hand(Protocol):
    """Who makes one step at a time: a process (`Worker`), or a place on a cluster. Each word is as `Worker` has it."""

    task: Task | None
    kinds: set[str]

    def fileno(self) -> int: ...

    def start(self, task: Task, inputs: Mapping[str, Path], artifacts: Artifacts) -> None: ...

    def prepare(self, kinds: Collection[str]) -> None: ...

    def answer(self) -> dict[str, Any] | None: ...

    def stop(self) -> int: ...


class Crew:
    """At most `most` hands, each of them as `hire` brings it. As a context, they are sent home at its end."""

    def __init__(self, most: int, *, hire: Callable[[], Hand] = Worker) -> None:
        self.most = most
        self._new = hire
        self._workers: list[Hand] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in [*self._workers]:
            self.dismiss(worker)
        self._selector.close()

    @property
    def running(self) -> dict[str, Task]:
        """The tasks that are being made, by name."""
        return {worker.task.name: worker.task for worker in self._workers if worker.task is not None}

    def worker_for(self, task: Task) -> Hand:
        """An idle worker, one that knows this kind of step before any other; else a new one."""
        idle = [worker for worker in self._workers if worker.task is None]
        knowing = [worker for worker in idle if task.step.kind in worker.kinds]
        if knowing or (idle and len(self._workers) >= self.most):
            return (knowing or idle)[0]
        return self._hire()

    def prepare(self, kinds: Collection[str]) -> None:
        """Let who has nothing to do get ready for steps of `kinds`; hire the last free hand for that."""
        if len(self._workers) < self.most:
            self._hire()
        for worker in self._workers:
            unknown = set(kinds) - worker.kinds - HEAVY
            if worker.task is None and unknown:
                worker.prepare(unknown)

    def listen(self) -> Iterator[Hand]:
        """Wait until workers have something to say."""
        for ready, _ in self._selector.select():
            yield ready.data

    def dismiss(self, worker: Hand) -> int:
        """Stop a worker, whatever it does; returns its exit status."""
        self._selector.unregister(worker)
        self._workers.remove(worker)
        return worker.stop()

    def dismiss_busy(self) -> None:
        """Stop those in the middle of something: what they make is not wanted any more."""
        for worker in [worker for worker in self._workers if worker.task is not None]:
            self.dismiss(worker)

    def _hire(self) -> Hand:
        worker = self._new()
        self._workers.append(worker)
        self._selector.register(worker, selectors.EVENT_READ, worker)
        return worker
