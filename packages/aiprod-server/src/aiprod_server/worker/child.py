"""The child's end of a worker: takes orders, says how they fare, and dies with its parent. Knows no queue, no model.

It speaks in lines of JSON. In come {"orders": [{"job_id", "attempt", "client", "request", "steps"} …]}: one, or several
that can be rendered together. Out go the words of `Say`; whatever else prints goes to stderr.

Run as a program it renders (`work.render`), on the device that AIPROD_DEVICE names and by the settings of the
environment. A render keeps its models in this process, so the next order finds them warm.
"""

import ctypes
import errno
import faulthandler
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiprod_core.errors import AiprodError

PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True, kw_only=True)
class Order:
    """A job to render, as the queue's claim has it."""

    job_id: str
    attempt: int
    client: str
    request: Mapping[str, Any]
    steps: Mapping[str, str]  # name → SHA-256 of the steps that earlier attempts finished


class Say:
    """What a render tells its worker, from any thread. A job ends with `done` or `failed`, once."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self._turn = threading.Lock()
        self._ended: set[str] = set()

    def progress(self, job_id: str, stage: str, done: int, total: int, share: float) -> None:
        """How far a job is: `done` of `total` within a stage, and `share` (0 to 1) of the whole."""
        self._line({"job_id": job_id, "progress": {"stage": stage, "done": done, "total": total, "share": share}})

    def event(self, job_id: str, kind: str, data: Mapping[str, Any]) -> None:
        """Something for those who watch the job, such as a preview."""
        self._line({"job_id": job_id, "event": kind, "data": dict(data)})

    def step(self, job_id: str, name: str, sha256: str, elapsed_s: float) -> None:
        """A step's file is kept: later attempts find it in their order."""
        self._line({"job_id": job_id, "step": name, "sha256": sha256, "elapsed_s": elapsed_s})

    def done(self, job_id: str, result: Mapping[str, Any], device_s: float) -> None:
        """The job is rendered; `device_s` is what it is charged for."""
        self._end(job_id, {"done": dict(result), "device_s": device_s})

    def failed(
        self, job_id: str, reason: str, *, again: bool = False, kind: str | None = None, trace: str | None = None
    ) -> None:
        """The job is not rendered.

        Args:
            reason: for its client.
            again: whether another attempt may fare better.
            kind, trace: the error's class and how it came about, for the operator alone.
        """
        self._end(job_id, {"failed": reason, "again": again, "kind": kind, "trace": trace})

    def idle(self) -> None:
        """There is nothing in hand: orders are welcome."""
        self._ended.clear()
        self._line({"idle": True})

    def has_ended(self, job_id: str) -> bool:
        """Whether `done` or `failed` was said of a job in hand."""
        return job_id in self._ended

    def _end(self, job_id: str, how: Mapping[str, Any]) -> None:
        self._ended.add(job_id)
        self._line({"job_id": job_id, **how})

    def _line(self, answer: Mapping[str, Any]) -> None:
        line = json.dumps(answer).encode() + b"\n"
        with self._turn:
            self._out.write(line)
            self._out.flush()


Handle = Callable[[Sequence[Order], Say], None]


def serve(handle: Handle) -> None:
    """Have `handle` render orders as they come, until the parent is gone. Does not return.

    What `handle` raises ends the orders that have no end yet: an `AiprodError` for good, with its message; a full disk
    or anything unexpected for now, since another attempt, elsewhere or later, may fare better.
    """
    faulthandler.enable()  # a crash of native code says where, on stderr
    for number in (signal.SIGTERM, signal.SIGINT):  # sent to all of a service, they are for the parent, which drains
        signal.signal(number, signal.SIG_IGN)
    say, batches = Say(), _batches()
    say.idle()
    while True:
        batch = batches.get()
        try:
            handle(batch, say)
        except Exception as error:
            for order in batch:
                if not say.has_ended(order.job_id):
                    fail(say, order.job_id, error)
        say.idle()


def fail(say: Say, job_id: str, error: Exception) -> None:
    """End a job with what `error` means for its client, and for another attempt."""
    match error:
        case AiprodError() if not _is_full_disk(error.__cause__):
            say.failed(job_id, str(error))
            return
        case AiprodError():
            reason = str(error)
        case OSError(strerror=str(words)):
            reason = f"the machine says: {words}"
        case MemoryError():
            reason = "the machine's memory is too small for this job now"
        case _:  # its message may name what is not the client's to know
            reason = f"an error in the render, {type(error).__name__}; the operator's error log has it"
    trace = "".join(traceback.format_exception(error))
    say.failed(job_id, reason, again=True, kind=type(error).__name__, trace=trace)


def _is_full_disk(cause: BaseException | None) -> bool:
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


def _batches() -> "queue.Queue[list[Order]]":
    """Orders as they come; the process ends where its parent does, also in the middle of a job."""
    if sys.platform == "linux":  # also while native code keeps the interpreter from reading
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    batches: queue.Queue[list[Order]] = queue.Queue()

    def read() -> None:
        for line in sys.stdin.buffer:
            batches.put([Order(**order) for order in json.loads(line)["orders"]])
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return batches


def main() -> None:
    """Render until the parent is gone."""
    from aiprod_pipelines.sovereignty.offline import set_offline_variables

    set_offline_variables()  # before the libraries that obey them
    from aiprod_server.worker import render

    try:
        render.prepare()
    except AiprodError as error:
        sys.exit(str(error))
    serve(render.handle)


if __name__ == "__main__":
    from aiprod_server.worker import child  # the module that renders import, and not its double, `__main__`

    child.main()
