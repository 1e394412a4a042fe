"""What a film was made of the last time, so that a build can say why it makes a step again. Decides nothing."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiprod_core.errors import MediaError
from aiprod_pipelines import output
from aiprod_pipelines.film.plan import Plan, Task

SHOWN = 40  # characters of a value
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class History:
    """The steps of the last build of the film at `film`, kept under `root`."""

    root: Path
    film: Path

    @property
    def _path(self) -> Path:
        name = hashlib.sha256(str(self.film.absolute()).encode()).hexdigest()[:16]
        return self.root / "films" / f"{name}.json"

    def read(self) -> dict[str, Facts]:
        """Task name → its step, as it was; nothing where there is none to read."""
        try:
            content = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write(self, plan: Plan) -> None:
        """Remember the steps of `plan`. A folder that cannot be written to costs explanations, nothing else."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            output.save({self._path: json.dumps({task.name: _facts(task) for task in plan}).encode()})
        except (OSError, MediaError):
            return


def reasons(task: Task, plan: Plan, last: Mapping[str, Facts]) -> list[str]:
    """Why `task` has to be made, in words; what it shares with `last` is left out."""
    then, now = last.get(task.name), _facts(task)
    if then is None:
        return ["new"]
    found = list(_between(then.get("params"), now["params"], ""))
    if then.get("kind") != now["kind"] or then.get("version") != now["version"]:
        found.append("this version of AIPROD makes it in another way")
    before = then.get("inputs", {})
    for role, hashed in now["inputs"].items():
        if role not in before:
            found.append(f"{role}: new")
        elif before[role] != hashed:
            found.append(f"{role}: {'made anew' if role in task.made else 'another file'}")
    found += [f"{role}: gone" for role in before if role not in now["inputs"]]
    return found or ["what was made is no longer kept"]


def _facts(task: Task) -> Facts:
    step = task.step
    return {"kind": step.kind, "version": step.version, "inputs": dict(step.inputs), "params": dict(step.params)}


def _between(then: Any, now: Any, place: str) -> Iterator[str]:
    """Every value that differs, with its place: `request.prompt: 'a cat' → 'a dog'`."""
    if then == now:
        return
    if isinstance(then, dict) and isinstance(now, dict):
        for name in {**then, **now}:
            yield from _between(then.get(name), now.get(name), f"{place}.{name}" if place else name)
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for number, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from _between(one, other, f"{place}[{number + 1}]")
    elif isinstance(then, str) and isinstance(now, str) and max(len(then), len(now)) > 4 * SHOWN:
        yield f"{place}: changed"
    else:
        yield f"{place}: {_short(then)} → {_short(now)}"


def _short(value: Any) -> str:
    words = "nothing" if value is None else repr(value)
    return words if len(words) <= SHOWN else f"{words[:SHOWN]}…"
