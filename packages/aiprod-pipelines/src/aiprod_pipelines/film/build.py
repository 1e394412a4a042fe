"""The build: runs the tasks of a plan that nobody has made yet, several at once, and keeps what they make.

What is kept is never made again, so a build that was stopped in any way goes on where it was. Knows no film.
"""

import selectors
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from aiprod_core.errors import AiprodError
from aiprod_pipelines.film.artifacts import Artifacts, Record
from aiprod_pipelines.film.plan import Plan, Task
from aiprod_pipelines.film.worker import Worker


class BuildError(AiprodError):
    """A step that could not be made; all that was made before it is kept."""


class State(StrEnum):
    """Where a task stands."""

    WAITING = "waiting"
    RUNNING = "running"
    KEPT = "kept"  # found as it was made before
    MADE = "made"
    FAILED = "failed"


@dataclass(frozen=True)
class News:
    """What has become of a task. `share`: of it that is done, while it runs; `elapsed_s`: what making it took."""

    name: str
    state: State
    share: float = 0.0
    elapsed_s: float = 0.0


OnNews: TypeAlias = Callable[[News], None]


def build(
    plan: Plan, artifacts: Artifacts, *, workers: int, memory_bytes: int, on_news: OnNews
) -> Mapping[str, Record]:
    """Make every task of `plan` that is not kept, in at most so many processes and so much memory.

    Returns the artifact of each task. Raises `BuildError` at the first that fails, after those that run have ended.
    """
    kept = {}
    for task in plan:
        record = artifacts.find(task.step)
        if record is not None:
            kept[task.name] = record
            on_news(News(task.name, State.KEPT, 1.0, record.elapsed_s))
    if len(kept) < len(plan):
        site = _Site(plan, artifacts, kept, workers, memory_bytes, on_news)
        try:
            site.run()
        finally:
            site.close()
    return kept


class _Site:
    """A build in progress."""

    def __init__(
        self,
        plan: Plan,
        artifacts: Artifacts,
        kept: dict[str, Record],
        workers: int,
        memory_bytes: int,
        on_news: OnNews,
    ) -> None:
        self._plan, self._artifacts, self._kept = plan, artifacts, kept
        self._most_workers, self._memory_bytes, self._on_news = workers, memory_bytes, on_news
        self._workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()
        self._failure: str | None = None

    def run(self) -> None:
        """Until everything is made, or a task has failed and the others that ran have ended."""
        while True:
            if self._failure is None:
                self._start_what_can()
            busy = [worker for worker in self._workers if worker.task is not None]
            if not busy:
                break
            for ready, _ in self._selector.select():
                self._listen(ready.data)
        if self._failure is not None:
            raise BuildError(self._failure)

    def close(self) -> None:
        """Stop every worker; what they have not finished is not kept."""
        for worker in self._workers:
            worker.stop()
        self._selector.close()

    def _start_what_can(self) -> None:
        running = {worker.task.name: worker.task for worker in self._workers if worker.task is not None}
        for task in self._plan:
            if task.name in self._kept or task.name in running or any(o not in self._kept for o in task.made.values()):
                continue
            taken_bytes = sum(other.memory_bytes for other in running.values())
            if running and (len(running) >= self._most_workers or taken_bytes + task.memory_bytes > self._memory_bytes):
                return
            inputs: dict[str, Path] = {role: self._kept[other].file for role, other in task.made.items()}
            self._worker_for(task).start(task, inputs | dict(task.given), self._artifacts)
            running[task.name] = task
            self._on_news(News(task.name, State.RUNNING))

    def _worker_for(self, task: Task) -> Worker:
        """An idle worker, one that knows this kind of step before any other; else a new one."""
        idle = [worker for worker in self._workers if worker.task is None]
        knowing = [worker for worker in idle if task.step.kind in worker.kinds]
        if knowing or (idle and len(self._workers) >= self._most_workers):
            return (knowing or idle)[0]
        worker = Worker()
        self._workers.append(worker)
        self._selector.register(worker, selectors.EVENT_READ, worker)
        return worker

    def _listen(self, worker: Worker) -> None:
        task = worker.task
        answer = worker.answer()
        if answer is None:
            self._bury(worker, task)
        elif task is None:
            return
        elif "done" in answer:
            self._on_news(News(task.name, State.RUNNING, answer["done"] / max(answer["total"], 1)))
        elif "kept" in answer:
            record = self._artifacts.find(task.step)
            worker.task = None
            if record is None:
                self._fail(task, "it was made and is gone again; is something else clearing the artifacts?")
            else:
                self._kept[task.name] = record
                self._on_news(News(task.name, State.MADE, 1.0, record.elapsed_s))
        else:
            worker.task = None
            self._fail(task, answer["error"])

    def _bury(self, worker: Worker, task: Task | None) -> None:
        self._selector.unregister(worker)
        self._workers.remove(worker)
        status = worker.stop()
        if task is not None:
            self._fail(
                task,
                f"its process ended with status {status}; if the system stopped it for want of memory, "
                "try again with --workers 1 or a smaller size",
            )

    def _fail(self, task: Task, reason: str) -> None:
        self._on_news(News(task.name, State.FAILED))
        self._failure = self._failure or f"{task.name}: {reason}"
