"""A process that makes steps, one after the other, and keeps the models warm between them: `Worker`.

The parent writes a line of JSON a step to its stdin; the worker answers in lines of JSON on its stdout: how far it is,
and that the step is kept, or why it failed. When its parent is gone, for whatever reason, it stops at once.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from aiprod_core.errors import AiprodError
from aiprod_pipelines import output
from aiprod_pipelines.film import steps
from aiprod_pipelines.film.artifacts import Artifacts, Step
from aiprod_pipelines.film.plan import Task

# One thread: the same bytes on any number of cores and workers, and no spinning beside each other.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
NOTHING: Mapping[str, str] = {}


class Worker:
    """The parent's end of a worker. `kinds`: the kinds of steps whose code and models it has loaded."""

    def __init__(self, environment: Mapping[str, str] = NOTHING) -> None:
        self.task: Task | None = None
        self.kinds: set[str] = set()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "aiprod_pipelines.film.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # a selector sees the pipe, not what a buffer has taken out of it
            env={**os.environ, **ENVIRONMENT, **environment},
            start_new_session=True,  # Ctrl-C is the parent's
        )

    def fileno(self) -> int:
        """What to wait on for its answers."""
        return _pipe(self._process.stdout).fileno()

    def start(self, task: Task, inputs: Mapping[str, Path], artifacts: Artifacts) -> None:
        """Have it make a step; only while it has none."""
        paths = {role: str(path) for role, path in inputs.items()}
        self.task = task
        self.kinds.add(task.step.kind)
        self._say({"step": asdict(task.step), "inputs": paths, "artifacts": str(artifacts.root)})

    def prepare(self, kinds: Collection[str]) -> None:
        """Have it load the code of steps that it will be given, while it has nothing else to do."""
        self.kinds.update(kinds)
        self._say({"prepare": sorted(kinds)})

    def answer(self) -> dict[str, Any] | None:
        """Its next answer; None once it is dead."""
        line = _pipe(self._process.stdout).readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def _say(self, job: Mapping[str, Any]) -> None:
        stdin = _pipe(self._process.stdin)
        try:
            stdin.write(json.dumps(job).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            return  # it is dead, which its answer will tell

    def stop(self) -> int:
        """Stop it at once, whatever it does; returns its exit status."""
        self._process.kill()
        status = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                _pipe(pipe).close()
            except BrokenPipeError:  # it died before it read its last job
                continue
        return status


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _jobs() -> "queue.Queue[dict[str, Any]]":
    """Jobs as they come; the process ends where its parent does, also in the middle of a job."""
    jobs: queue.Queue[dict[str, Any]] = queue.Queue()

    def read() -> None:
        for line in sys.stdin.buffer:
            jobs.put(json.loads(line))
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return jobs


def _work(job: Mapping[str, Any], say: "Answers") -> None:
    step, artifacts = Step(**job["step"]), Artifacts(Path(job["artifacts"]))
    draft = artifacts.draft(step)
    inputs = {role: Path(path) for role, path in job["inputs"].items()}
    try:
        make = steps.load(step.kind)
        began_s = time.perf_counter()  # the code's own seconds are not the step's
        make(step.params, inputs, draft, say.progress)
        artifacts.keep(step, draft, time.perf_counter() - began_s)
    except AiprodError as error:
        told = str(error).replace(str(draft), str(artifacts.root))
        say.line({"error": told, "again": output.is_full_disk(error)})
    except Exception:
        say.line({"error": traceback.format_exc(limit=-3), "again": True})
    else:
        say.line({"kept": step.key})
    finally:
        draft.unlink(missing_ok=True)


class Answers:
    """The worker's end of what it tells its parent; anything else that prints goes to stderr."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def line(self, answer: Mapping[str, Any]) -> None:
        self._out.write(json.dumps(answer).encode() + b"\n")

    def progress(self, done: int, total: int) -> None:
        self.line({"done": done, "total": total})


def main() -> None:
    """Make steps until the parent is gone."""
    from aiprod_pipelines.sovereignty.offline import forbid_network, set_offline_variables

    set_offline_variables()
    say, jobs = Answers(), _jobs()
    with forbid_network():
        while True:
            job = jobs.get()
            if "prepare" in job:
                for kind in job["prepare"]:
                    steps.load(kind)
            else:
                _work(job, say)


if __name__ == "__main__":
    main()
