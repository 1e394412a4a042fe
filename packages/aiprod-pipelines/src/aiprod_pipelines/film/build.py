"""The build: runs the tasks of a plan that nobody has made yet, several at once, and keeps what they make.

What is kept is never made again, so a build that was stopped in any way goes on where it was. Knows no film.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from aiprod_core.errors import AiprodError
from aiprod_pipelines.film.artifacts import Artifacts, Record
from aiprod_pipelines.film.crew import Crew, Hand
from aiprod_pipelines.film.plan import Plan, Task


class BuildError(AiprodError):
    """A step that could not be made; all that was made before it is kept."""


class StepBroken(BuildError):
    """A step that ended in a way that nobody foresaw, or for want of room: made again, it may do better."""


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


def build(plan: Plan, artifacts: Artifacts, crew: Crew, *, memory_bytes: int, on_news: OnNews) -> Mapping[str, Record]:
    """Make every task of `plan` that is not kept, with `crew` and in so much memory.

    Returns the artifact of each task. Raises `BuildError` at the first that fails, after those that run have ended;
    `StepBroken` where the same build may do better another time.
    """
    site = _Site(plan, artifacts, crew, memory_bytes, on_news)
    site.look_around()
    try:
        site.run()
    finally:
        crew.dismiss_busy()
    return site.kept


class _Site:
    """A build in progress."""

    def __init__(self, plan: Plan, artifacts: Artifacts, crew: Crew, memory_bytes: int, on_news: OnNews) -> None:
        self.kept: dict[str, Record] = {}
        self._plan, self._artifacts, self._crew = plan, artifacts, crew
        self._memory_bytes, self._on_news = memory_bytes, on_news
        self._failure: BuildError | None = None

    def look_around(self) -> None:
        """Find what is kept."""
        for task in self._plan:
            record = self._artifacts.find(task.step)
            if record is not None:
                self.kept[task.name] = record
                self._on_news(News(task.name, State.KEPT, 1.0, record.elapsed_s))

    def run(self) -> None:
        """Until everything is made, or a task has failed and the others that ran have ended."""
        while True:
            if self._failure is None:
                self._start_what_can()
            if not self._crew.running:
                break
            for worker in self._crew.listen():
                self._hear(worker)
        if self._failure is not None:
            raise self._failure

    def _start_what_can(self) -> None:
        waiting = [task for task in self._plan if task.name not in self.kept and task.name not in self._crew.running]
        for task in waiting:
            running = self._crew.running
            if any(other not in self.kept for other in task.made.values()):
                continue
            taken_bytes = sum(other.memory_bytes for other in running.values())
            if running and (len(running) >= self._crew.most or taken_bytes + task.memory_bytes > self._memory_bytes):
                return
            inputs: dict[str, Path] = {role: self.kept[other].file for role, other in task.made.items()}
            self._crew.worker_for(task).start(task, inputs | dict(task.given), self._artifacts)
            self._on_news(News(task.name, State.RUNNING))
        if len(waiting) > len(self._crew.running):
            self._crew.prepare({task.step.kind for task in waiting})

    def _hear(self, worker: Hand) -> None:
        task = worker.task
        answer = worker.answer()
        if answer is None:
            status = self._crew.dismiss(worker)
            if task is not None:
                self._fail(
                    task,
                    f"its process ended with status {status}; if the system stopped it for want of memory, "
                    "try again with --workers 1 or a smaller size",
                    StepBroken,
                )
        elif task is None:
            return
        elif "done" in answer:
            self._on_news(News(task.name, State.RUNNING, answer["done"] / max(answer["total"], 1)))
        elif "kept" in answer:
            worker.task = None
            self._keep(task)
        else:
            worker.task = None
            self._fail(task, answer["error"], StepBroken if answer["again"] else BuildError)

    def _keep(self, task: Task) -> None:
        record = self._artifacts.find(task.step)
        if record is None:
            self._fail(task, "it was made and is gone again; is something else clearing the artifacts?", StepBroken)
        else:
            self.kept[task.name] = record
            self._on_news(News(task.name, State.MADE, 1.0, record.elapsed_s))

    def _fail(self, task: Task, reason: str, kind: type[BuildError]) -> None:
        self._on_news(News(task.name, State.FAILED))
        self._failure = self._failure or kind(f"{task.name}: {reason}")
