"""The parent's end of a child that renders: gives it orders, hears its answers, kills it. Knows no queue.

The words are those of `work.child`. The child runs any program that speaks them; a benchmark brings its own.
"""

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

from aiprod_server.worker.child import Order

CHUNK_BYTES = 1 << 16
DYING_S = 1.0


class RenderProcess:
    """A child, from its start to its death. `alive`: whether it may still answer; `started_s`: its start, monotonic."""

    def __init__(self, program: Sequence[str], env: Mapping[str, str]) -> None:
        """Start `program` in the environment of this process with `env` laid over it.

        The thread that calls must live as long as the child: Linux takes its end for the parent's.
        """
        self.alive = True
        self.started_s = time.monotonic()
        self._rest = b""  # of a line that is not yet whole
        self._process = subprocess.Popen(
            list(program),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # a selector sees the pipe, not what a buffer has taken out of it
            env={**os.environ, **env},
            start_new_session=True,  # Ctrl-C is the parent's
        )
        self._ready = selectors.DefaultSelector()
        self._ready.register(_pipe(self._process.stdout), selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        """Its id, and that of its group."""
        return self._process.pid

    def give(self, orders: Sequence[Order]) -> None:
        """Have it render `orders`; only while it has none. A dead child takes them too: `alive` will tell."""
        line = memoryview(json.dumps({"orders": [asdict(order) for order in orders]}).encode() + b"\n")
        with suppress(BrokenPipeError):
            while line:
                line = line[_pipe(self._process.stdin).write(line) :]

    def answers(self, timeout_s: float) -> list[dict[str, Any]]:
        """What it has said since, in order; waits at most `timeout_s` for something. Sees its death."""
        if not self.alive or not self._ready.select(timeout_s):
            return []
        heard = os.read(_pipe(self._process.stdout).fileno(), CHUNK_BYTES)
        self.alive = bool(heard)
        *lines, self._rest = (self._rest + heard).split(b"\n")
        return [json.loads(line) for line in lines]

    def kill(self) -> str:
        """End it and what it started, whatever they do; how it ended, of itself or by this, in words."""
        if not self.alive:  # its pipe ends a moment before its status is there
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(DYING_S)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        status = self._process.wait()
        self.alive = False
        self._ready.close()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):  # it died before it read its last order
                _pipe(pipe).close()
        return in_words(status)


def in_words(status: int) -> str:
    """How a process ended, of its exit status as `subprocess` has it: negative for a signal."""
    if status == -signal.SIGKILL:
        return "was killed (SIGKILL), as the system does where memory runs out"
    if status < 0:
        return f"crashed (signal {-status}, {signal.strsignal(-status)})"
    return f"ended with exit status {status}"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
