"""What waits is told in seconds of devices, and as the time of one who comes now."""

import pytest
import sqlalchemy as sa

from aiprod_server.queue import leases, submissions, workers
from aiprod_server.queue.backlog import Backlog, backlog


def test_work_that_waits_is_shared_by_the_devices_that_take_any(engine: sa.Engine) -> None:
    for name in ("a", "b", "gone", "drained"):
        workers.appear(engine, name, "m", "cpu", now_s=0.0 if name == "gone" else 1000.0)
    workers.drain(engine, "drained")
    for at_s, estimate_s in ((1000.0, 10.0), (1000.1, None), (1000.2, 30.0)):
        submissions.submit(engine, {}, client="c", now_s=at_s, estimate_s=estimate_s)
    submissions.submit(engine, {}, client="c", now_s=1000.0, estimate_s=99.0, run_at_s=2000.0)
    claim = leases.claim(engine, "a", now_s=1001.0)
    assert claim is not None
    leases.report(engine, claim, "progress", {}, share=0.5, now_s=1002.0)
    now = backlog(engine, now_s=1003.0)
    mean_s = (5.0 + 30.0) / 2
    assert now == Backlog(devices=2, running=1, queued=2, running_s=5.0, queued_s=30.0 + mean_s)
    assert now.wait_s == (5.0 + 30.0 + mean_s) / 2


@pytest.mark.parametrize(
    ("devices", "running", "queued", "wait_s"), [(0, 0, 0, None), (2, 1, 0, 0.0), (2, 2, 0, 5.0), (2, 1, 3, 20.0)]
)
def test_a_free_device_begins_at_once(devices: int, running: int, queued: int, wait_s: float | None) -> None:
    now = Backlog(devices=devices, running=running, queued=queued, running_s=10.0, queued_s=10.0 * queued)
    assert now.wait_s == wait_s


def test_nothing_waits_in_an_empty_queue(engine: sa.Engine) -> None:
    assert backlog(engine, now_s=0.0) == Backlog(devices=0, running=0, queued=0, running_s=0.0, queued_s=0.0)
