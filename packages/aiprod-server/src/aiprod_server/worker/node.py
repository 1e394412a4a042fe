"""A node's end of a step that a cluster makes: sees that it can be made here, and has a process make it. Knows no Ray.

The process is that of a build on one machine, with no way to the network. It keeps its models for the next step that
comes to this place, and dies with it.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

from aiprod_core.errors import AiprodError
from aiprod_pipelines.film.artifacts import Artifacts
from aiprod_pipelines.film.plan import Task
from aiprod_pipelines.film.worker import Worker
from aiprod_pipelines.sovereignty.digests import remembered_digests

SEEN_S = 60.0  # how long NFS may take to show to one machine what another has written
LOOK_S = 0.2
SHARED = ("aiprod-pipelines", "torch")  # what decides bytes, and must be the same everywhere

Answer: TypeAlias = Mapping[str, Any]  # as of `film.worker`
BEGUN: Answer = {"done": 0, "total": 1}


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A step to be made somewhere. `mark`: a file that tells the service's storage from any other folder.

    `releases`: what is installed where the errand comes from.
    """

    task: Task
    inputs: Mapping[str, Path]
    artifacts: Path
    mark: Path
    releases: Mapping[str, str]


def made_here(errand: Errand) -> Iterator[Answer]:
    """Make a step on this machine; yields what `film.worker` answers, its end last."""
    yield BEGUN
    try:
        _check(errand)
    except AiprodError as error:
        yield {"error": f"{socket.gethostname()}: {error}", "again": True}
        return
    worker = _worker(os.environ.get("CUDA_VISIBLE_DEVICES"))
    worker.start(errand.task, errand.inputs, Artifacts(errand.artifacts))
    answer = worker.answer()
    while answer is not None and "done" in answer:
        yield answer
        answer = worker.answer()
    if answer is None:
        _worker.cache_clear()
        answer = {
            "error": f"{socket.gethostname()}: its process ended with status {worker.stop()}; if the system stopped it "
            "for want of memory, start Ray there with less --memory or fewer --num-cpus",
            "again": True,
        }
    yield answer


def releases() -> dict[str, str]:
    """The versions that are installed here of what decides the bytes of a step."""
    return {name: metadata.version(name) for name in SHARED}


def comes_true(look: Callable[[], bool], most_s: float) -> bool:
    """Whether `look` finds what it looks for, now or within so long."""
    until_s = time.monotonic() + most_s
    while not (found := look()) and time.monotonic() < until_s:
        time.sleep(LOOK_S)
    return found


def _check(errand: Errand) -> None:
    """Raise `AiprodError` where this machine would not make the same bytes, or make them where nobody looks."""
    if releases() != errand.releases:
        raise AiprodError(f"got {releases()}, expected {dict(errand.releases)}; install the same release everywhere")
    for path in (errand.mark, *errand.inputs.values()):
        if not comes_true(path.exists, SEEN_S):
            raise AiprodError(
                f"got no {path}, expected the storage and the weights under the same paths on every machine of the "
                "cluster; mount the folder that holds it here as well"
            )
    for role, path in errand.task.given.items():
        expected, got = errand.task.step.inputs[role], remembered_digests([path])[path]
        if got != expected:
            raise AiprodError(f"{path}: got SHA-256 {got[:12]}…, expected {expected[:12]}…; copy the same file here")


@lru_cache(maxsize=1)
def _worker(devices: str | None) -> Worker:
    """The process of this place, for as long as Ray gives it the same devices."""
    return Worker()
