"""A worker drains, gives back what it cannot end, and outlives a database that goes away, a full disk, a set clock."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from private_postgresql import Server, private_server, programs
from workers_at_work import Queue, Running, until

from aiprod_server import migrations
from aiprod_server.clock import Clock
from aiprod_server.database import connect
from aiprod_server.queue import leases, workers
from aiprod_server.queue.jobs import State
from aiprod_server.worker import patience, presence, slot

Start = Callable[..., Running]
on_sqlite = pytest.mark.parametrize("server", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another attempt follows at once."""
    monkeypatch.setattr(leases, "FIRST_BACKOFF_S", 0.05)


def names(engine: sa.Engine) -> list[tuple[str, bool]]:
    return [(worker.device, worker.draining) for worker in workers.present(engine, time.time())]


# How it ends


def test_what_runs_may_end_and_what_waits_is_left(
    queue: Queue, start: Start, engine: sa.Engine, tmp_path: Path
) -> None:
    began, gate = tmp_path / "began", tmp_path / "open"
    runs = queue.submit(["write pid", str(began)], ["wait for", str(gate)])
    running = start(drain_s=60.0)
    until(began.exists)
    waits = queue.submit()
    running.worker.close()
    until(lambda: names(engine) == [("cpu", True)])
    gate.touch()
    running.thread.join()
    assert (queue.job(runs).state, queue.job(runs).attempt) == (State.COMPLETED, 1)
    assert (queue.job(waits).state, queue.job(waits).attempt) == (State.QUEUED, 0)


@pytest.mark.parametrize("asked", ["once", "twice"])
def test_what_does_not_end_in_time_is_given_back_and_no_attempt_is_counted(
    queue: Queue, start: Start, engine: sa.Engine, tmp_path: Path, asked: str
) -> None:
    began = tmp_path / "began"
    job_id = queue.submit(["step", "one"], ["write pid", str(began)], ["sleep", 600], max_attempts=1)
    running = start(drain_s=0.2 if asked == "once" else 600.0)
    until(began.exists)
    for _ in range(1 if asked == "once" else 2):
        running.worker.close()
    running.thread.join()
    job = queue.job(job_id)
    assert (job.state, job.max_attempts - job.attempt) == (State.QUEUED, 1)
    assert not Path(f"/proc/{began.read_text()}").exists()
    taken = leases.claim(engine, "other", now_s=time.time())
    assert taken is not None
    assert set(taken.steps) == {"one"}


@on_sqlite
def test_a_worker_is_present_while_it_works_and_an_operator_can_have_it_drain(
    queue: Queue, start: Start, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "SEEN_S", 0.05)
    running = start(devices=("cpu", "cuda:0"))
    until(lambda: names(engine) == [("cpu", False), ("cuda:0", False)])
    for number in (0, 1):
        workers.drain(engine, f"{running.worker.name}:{number}")
    running.thread.join()
    assert names(engine) == []
    assert queue.job(queue.submit()).attempt == 0


# What it outlives


@pytest.fixture
def own() -> Iterator[Server]:
    """A PostgreSQL of the test's own, to be stopped and started."""
    if programs() is None:
        pytest.skip("no PostgreSQL on this machine: initdb is neither on PATH nor in /usr/lib/postgresql")
    with private_server("fsync=off") as server:
        engine = connect(server.url)
        migrations.upgrade(engine)
        engine.dispose()
        yield server


@pytest.fixture
def postgresql_engine(own: Server) -> Iterator[sa.Engine]:
    engine = connect(own.url)
    yield engine
    engine.dispose()


@on_sqlite
def test_a_database_that_is_started_again_in_the_middle_of_a_job_changes_nothing(
    start: Start, own: Server, postgresql_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child renders on while the database is away, and all that it said is told in its order."""
    monkeypatch.setattr(patience, "LAST_S", 0.5)
    queue = Queue(postgresql_engine)
    began, gate, done = (tmp_path / name for name in ("began", "open", "done"))
    acts = [["step", "one"], ["write pid", str(began)], ["wait for", str(gate)], ["step", "two"]]
    acts += [["event", "state", {"state": "QA"}], ["step", "three"], ["write pid", str(done)]]
    job_id = queue.submit(*acts)
    start(engine=postgresql_engine)
    until(began.exists)
    until(lambda: len(queue.events(job_id)) == 3)
    own.stop()
    gate.touch()
    until(done.exists)
    own.start()
    job = queue.ended(job_id)
    assert (job.state, job.attempt) == (State.COMPLETED, 1)
    assert [data.get("name", kind) for kind, data in queue.events(job_id)] == [
        *("queued", "running", "one", "two", "state", "three", "completed")
    ]
    assert queue.ended(queue.submit()).state is State.COMPLETED


@on_sqlite
def test_a_worker_that_ends_while_the_database_is_away_leaves_its_job_to_another(
    start: Start, own: Server, postgresql_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "LEAVE_S", 0.3)
    queue = Queue(postgresql_engine)
    began = tmp_path / "began"
    job_id = queue.submit(["write pid", str(began)], ["sleep", 600])
    running = start(engine=postgresql_engine)
    until(began.exists)
    own.stop()
    running.worker.close()
    running.thread.join()
    own.start()
    assert queue.job(job_id).state is State.RUNNING
    taken = leases.claim(postgresql_engine, "other", now_s=time.time() + 2 * leases.LEASE_S)
    assert taken is not None
    assert taken.job_id == job_id


@on_sqlite
def test_the_machines_clock_may_be_set_while_a_job_runs(
    queue: Queue, start: Start, engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, gate = tmp_path / "began", tmp_path / "open"
    job_id = queue.submit(["write pid", str(began)], ["wait for", str(gate)], ["step", "one"])
    clock, real = Clock(engine), time.time
    start(clock=clock)
    until(began.exists)
    for shift_s in (86_400.0, -86_400.0):
        monkeypatch.setattr(time, "time", lambda shift_s=shift_s: real() + shift_s)
        time.sleep(1.2)  # it looks after its job meanwhile
        assert leases.claim(engine, "other", now_s=clock()) is None
    gate.touch()
    assert (queue.ended(job_id).state, queue.job(job_id).attempt) == (State.COMPLETED, 1)


FULL_DISK = """
import resource, sys
from pathlib import Path
from aiprod_server.storage import Storage
from aiprod_server.worker.child import serve
def handle(orders, say):
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, -1))
    for order in orders:
        Storage(Path(sys.argv[1])).write(order.job_id, "clip.mp4", bytes(1_000_000), attempt=order.attempt)
serve(handle)
"""


@on_sqlite
def test_a_file_that_does_not_fit_leaves_no_half_and_its_job_says_why(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    job_id = queue.submit(max_attempts=2)
    running = start(program=(sys.executable, "-c", FULL_DISK, str(tmp_path)))
    job = queue.ended(job_id)
    assert (job.state, job.attempt, job.reason) == (State.FAILED, 2, "the machine says: File too large")
    assert [path.name for path in tmp_path.glob("jobs/**/*") if path.is_file()] == []
    assert [error[1] for error in running.errors] == ["OSError", "OSError"]
