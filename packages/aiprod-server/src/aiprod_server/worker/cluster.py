"""Steps of films on the machines of a Ray cluster: a crew whose hands are tasks of Ray. Knows no film and no job.

A step is made by the same process as on one machine and kept in the same folder, which every node sees under the same
path: the gateway needs that storage as well, large files cross the network once, and what is made stays made when its
build is killed. Ray moves the order there and the answers back. Steps are pure, so Ray makes one again on another node
where its own has died; when this process dies, however it does, Ray stops all that it asked for.

The guard of `sovereignty.offline` stays whole: a cluster is joined before it is raised, and from then on Ray speaks to
it in native code, for which nothing has to be let through. Ray's count of users is off.
"""

import contextlib
import importlib
import json
import os
import secrets
import socket
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from aiprod_core.errors import InputError
from aiprod_pipelines.film.artifacts import Artifacts
from aiprod_pipelines.film.crew import Crew
from aiprod_pipelines.film.plan import Task
from aiprod_server.worker.node import BEGUN, SEEN_S, Answer, Errand, comes_true, made_here, releases

MOST = 64  # steps of a film with Ray at once; it makes as many as there is room for
RETRIES = 3  # of a step whose node died
WORD_S = 60.0  # between two signs of life of a step that waits for room
HEAD_S = 10.0  # for the cluster's head to answer
MARK = ".storage-"


def require_ray() -> Any:
    """The module `ray`. Raises `InputError` where it is not installed."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read as it is imported
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise InputError(
            "AIPROD_RAY_ADDRESS: got a cluster, but no Ray; run `pip install 'aiprod-server[ray]'`"
        ) from error


class Cluster:
    """A Ray cluster that this process has joined, until `leave`."""

    def __init__(self, address: str) -> None:
        """Join it by the address of its head, such as 10.0.0.1:6379.

        Raises:
            InputError: Ray is not installed, or there is no such cluster, or this machine is no node of it.
        """
        self._ray = require_ray()
        host, _, port = address.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=HEAD_S):
                pass  # where nobody is, Ray would try for minutes
            self._ray.init(address=address, log_to_driver=False, logging_level="warning")
        except (OSError, OverflowError, RuntimeError, ValueError, AssertionError) as error:
            raise InputError(
                f"AIPROD_RAY_ADDRESS: got {address}, expected the head of a running cluster of which this machine is a "
                f"node: `ray start --address={address}` first ({error})"
            ) from error
        self._make = self._ray.remote(num_returns="streaming", max_retries=RETRIES)(made_here)

    def crew(self) -> Crew:
        """Who makes steps there."""
        return Crew(MOST, hire=lambda: Hand(self))

    def leave(self) -> None:
        """Stop what is asked of it, and have nothing more to do with it."""
        self._ray.shutdown()

    @property
    def memory_bytes(self) -> int:
        """Of all its nodes together, as they were started."""
        return int(self._ray.cluster_resources().get("memory", 0))

    @property
    def has_gpu(self) -> bool:
        """Whether any of its nodes was started with one."""
        return self._ray.cluster_resources().get("GPU", 0) > 0

    def make(self, errand: Errand) -> Any:
        """Have a step made where there is room for it; a generator of references to answers."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        on_gpu = errand.task.step.params.get("device") == "cuda"
        device = {"num_gpus": 1, "num_cpus": 0} if on_gpu else {"num_cpus": 1}
        largest_bytes = max((int(node.get("memory", 0)) for node in nodes), default=0)
        return self._make.options(
            name=errand.task.name, memory=min(errand.task.memory_bytes, largest_bytes), **device
        ).remote(errand)

    def answers(self, made: Any) -> Iterator[Answer]:
        """What is said of a step as it is made; while it waits for room, a sign of life now and then."""
        begun = False
        while True:
            ready, _ = self._ray.wait([made], timeout=None if begun else WORD_S)
            if not ready:
                yield BEGUN
                continue
            try:
                answer = self._ray.get(next(made))
            except StopIteration:
                return
            except self._ray.exceptions.RayError as error:
                yield {"error": f"the cluster could not make it: {error}", "again": True}
                return
            begun = True
            yield answer

    def stop(self, made: Any) -> None:
        """Stop making a step, whatever it does."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.cancel(made, force=True)


class Hand:
    """One step at a time on the cluster, heard through a pipe. `kinds`: what it has made."""

    def __init__(self, cluster: Cluster) -> None:
        self.task: Task | None = None
        self.kinds: set[str] = set()
        self._cluster = cluster
        self._made: Any = None
        self._follower: threading.Thread | None = None
        heard, told = os.pipe()
        self._heard, self._told = os.fdopen(heard, "rb", buffering=0), os.fdopen(told, "wb", buffering=0)

    def fileno(self) -> int:
        """What to wait on for its answers."""
        return self._heard.fileno()

    def start(self, task: Task, inputs: Mapping[str, Path], artifacts: Artifacts) -> None:
        """Have a step made; only while it has none."""
        self.task = task
        self.kinds.add(task.step.kind)
        self._made = self._cluster.make(
            Errand(
                task=task,
                inputs={role: path.absolute() for role, path in inputs.items()},
                artifacts=artifacts.root.absolute(),
                mark=_mark(artifacts.root.absolute()),
                releases=releases(),
            )
        )
        self._follower = threading.Thread(target=self._follow, args=(self._made, task, artifacts), daemon=True)
        self._follower.start()

    def prepare(self, kinds: Collection[str]) -> None:
        """Nothing: which process a step comes to is for Ray to say."""

    def answer(self) -> dict[str, Any] | None:
        """Its next answer."""
        line = self._heard.readline()
        return json.loads(line) if line else None

    def stop(self) -> int:
        """Stop it at once, whatever it does; returns 0."""
        if self.task is not None:
            self._cluster.stop(self._made)
        self._heard.close()
        if self._follower is not None:
            self._follower.join()
        self._told.close()
        return 0

    def _follow(self, made: Any, task: Task, artifacts: Artifacts) -> None:
        """Tell what is said of a step, until its end."""
        answer: Answer = BEGUN
        for answer in self._cluster.answers(made):
            if "kept" in answer and not comes_true(lambda: artifacts.find(task.step) is not None, SEEN_S):
                where = artifacts.path(task.step)
                answer = {"error": f"it was made, and {where} is not here; is it one storage?", "again": True}
            if not self._tell(answer):
                return
        if "done" in answer:
            self._tell({"error": "it ended without a word", "again": True})

    def _tell(self, answer: Answer) -> bool:
        """Whether anybody hears it."""
        try:
            self._told.write(json.dumps(answer).encode() + b"\n")
        except BrokenPipeError:
            return False
        return True


def _mark(root: Path) -> Path:
    """A file by which a node knows this folder from another of the same name; made where there is none."""
    for mark in sorted(root.glob(f"{MARK}*")):
        return mark
    root.mkdir(parents=True, exist_ok=True)
    mark = root / f"{MARK}{secrets.token_hex(8)}"
    mark.touch()
    return mark
