"""Who works is seen, who is gone is passed over, and who is asked to drain learns it."""

import pytest
import sqlalchemy as sa

from aiprod_server.queue import workers
from aiprod_server.queue.workers import FORGOTTEN_S, UNSEEN_S, UnknownWorker, Worker


def names(engine: sa.Engine, now_s: float) -> list[str]:
    return [worker.name for worker in workers.present(engine, now_s)]


def test_a_worker_is_present_while_it_is_seen(engine: sa.Engine) -> None:
    workers.appear(engine, "one", "studio", "cpu", 100.0)
    assert workers.seen(engine, "one", 130.0) is False
    assert workers.present(engine, 130.0 + UNSEEN_S) == [
        Worker(name="one", machine="studio", device="cpu", started_at=100.0, seen_at=130.0, draining=False)
    ]
    assert workers.present(engine, 130.1 + UNSEEN_S) == []
    workers.seen(engine, "one", 500.0)
    assert names(engine, 500.0) == ["one"]


def test_workers_are_told_by_machine_and_name(engine: sa.Engine) -> None:
    for name, machine in (("c", "attic"), ("a", "studio"), ("b", "attic")):
        workers.appear(engine, name, machine, "cuda:0", 100.0)
    assert names(engine, 100.0) == ["b", "c", "a"]


def test_a_worker_that_is_asked_to_drain_learns_it_when_it_is_seen(engine: sa.Engine) -> None:
    for name in ("one", "two"):
        workers.appear(engine, name, "studio", "cpu", 100.0)
    workers.drain(engine, "one")
    assert [workers.seen(engine, name, 101.0) for name in ("one", "two")] == [True, False]
    assert [worker.draining for worker in workers.present(engine, 101.0)] == [True, False]
    workers.appear(engine, "one", "studio", "cpu", 102.0)
    assert workers.seen(engine, "one", 103.0) is False


def test_a_worker_that_left_is_unknown(engine: sa.Engine) -> None:
    workers.appear(engine, "one", "studio", "cpu", 100.0)
    workers.leave(engine, "one")
    workers.leave(engine, "one")
    assert names(engine, 100.0) == []
    with pytest.raises(UnknownWorker, match="'one'"):
        workers.seen(engine, "one", 101.0)
    with pytest.raises(UnknownWorker, match="'one'"):
        workers.drain(engine, "one")


def test_a_worker_that_died_is_forgotten_after_a_day(engine: sa.Engine) -> None:
    workers.appear(engine, "dead", "studio", "cpu", 100.0)
    workers.appear(engine, "next", "studio", "cpu", 100.0 + FORGOTTEN_S)
    assert workers.seen(engine, "dead", 100.0) is False
    workers.appear(engine, "last", "studio", "cpu", 100.1 + FORGOTTEN_S)
    with pytest.raises(UnknownWorker):
        workers.seen(engine, "dead", 101.0 + FORGOTTEN_S)
