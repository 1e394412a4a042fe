"""A plan: the steps of a build by name, and which of them each one waits for. Knows no film and runs nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiprod_pipelines.film.artifacts import Step
from aiprod_pipelines.film.steps import VERSIONS
from aiprod_pipelines.sovereignty.digests import remembered_digests


@dataclass(frozen=True, kw_only=True)
class Task:
    """A step with its place in the plan. `name` says to people what it makes, such as "walk / shot".

    `made`: its inputs that other tasks make, by the names of those; `given`: its inputs that are files already.
    `memory_bytes`: the most that it is expected to take.
    """

    name: str
    step: Step
    made: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Path] = field(default_factory=dict)
    memory_bytes: int = 0


class Plan:
    """Tasks in an order in which they can run."""

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}

    def add(
        self,
        kind: str,
        name: str,
        *,
        suffix: str,
        params: Mapping[str, Any],
        made: Mapping[str, str] | None = None,
        given: Mapping[str, Path] | None = None,
        memory_bytes: int = 0,
    ) -> str:
        """Add a task after those whose files it reads, and return its name. `params`: plain JSON.

        Files that are given enter the key by what is in them, not by where they are.
        """
        made, given = dict(made or {}), dict(given or {})
        hashes = remembered_digests(list(given.values()))
        inputs = {role: self.tasks[other].step.key for role, other in made.items()}
        inputs |= {role: hashes[path] for role, path in given.items()}
        step = Step(kind=kind, version=VERSIONS[kind], inputs=inputs, params=params, suffix=suffix)
        self.tasks[name] = Task(name=name, step=step, made=made, given=given, memory_bytes=memory_bytes)
        return name

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks.values())

    def __len__(self) -> int:
        return len(self.tasks)

    def __getitem__(self, name: str) -> Task:
        return self.tasks[name]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(task.step.key for task in self)
