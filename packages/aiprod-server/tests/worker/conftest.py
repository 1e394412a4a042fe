"""Workers with children that are real processes, and do what a job says."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from workers_at_work import WAIT_S, Queue, Running

from aiprod_server.worker.slot import Terms
from aiprod_server.worker.worker import Worker

LIGHT_RENDER = (sys.executable, str(Path(__file__).with_name("light_render.py")))


@pytest.fixture
def queue(engine: sa.Engine) -> Queue:
    return Queue(engine)


@pytest.fixture
def start(engine: sa.Engine) -> Iterator[Callable[..., Running]]:
    """Starts workers; they are closed with the test. Takes the fields of `Terms`, and those of `Worker`."""
    running: list[Running] = []

    def started(*, devices: tuple[str, ...] = ("cpu",), slots: int = 1, drain_s: float = 0.0, **asked: Any) -> Running:
        errors: list[tuple[str, str, str, str, str | None]] = []
        terms: dict[str, Any] = {
            "engine": engine,
            "clock": time.time,
            "program": LIGHT_RENDER,
            "price": lambda claim, device_s: round(1000 * device_s),
            "on_error": lambda *error: errors.append(error),
            "step_timeout_s": 60.0,
        }
        worker = Worker(Terms(**terms | asked), devices=devices, slots=slots, drain_s=drain_s)
        running.append(Running(worker, threading.Thread(target=worker.run), errors))
        running[-1].thread.start()
        return running[-1]

    yield started
    for one in running:
        one.worker.close()
        one.worker.close()
    for one in running:
        one.thread.join(WAIT_S)
        assert not one.thread.is_alive()
