"""A child that renders nothing and does what a job's request says, act by act; run by the tests of the worker."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from aiprod_core.errors import InputError
from aiprod_server.worker.child import Order, Say, serve


def handle(orders: Sequence[Order], say: Say) -> None:
    for order in orders:
        act(order, say, len(orders))


def act(order: Order, say: Say, batch: int) -> None:
    """What was done by earlier attempts is not done again."""
    for name, *words in order.request["acts"]:
        match name:
            case "step" if words[0] not in order.steps:
                say.step(order.job_id, words[0], 64 * "a", 0.1)
            case "progress":
                for done in range(words[0]):
                    say.progress(order.job_id, "render", done + 1, words[0], (done + 1) / words[0])
                    time.sleep(words[1])
            case "event":
                say.event(order.job_id, words[0], words[1])
            case "sleep":
                time.sleep(words[0])
            case "write pid":
                Path(words[0]).write_text(str(os.getpid()))
            case "wait for":
                while not Path(words[0]).exists():
                    time.sleep(0.01)
            case "die at first" if order.attempt == 1:
                os._exit(7)
            case "be killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "refuse":
                raise InputError(words[0])
            case "break":
                raise ValueError(words[0])
            case "say nothing":
                return
    result = {"attempt": order.attempt, "batch": batch, "pid": os.getpid(), "device": os.environ["AIPROD_DEVICE"]}
    say.done(order.job_id, result, 1.5)


if __name__ == "__main__":
    serve(handle)
