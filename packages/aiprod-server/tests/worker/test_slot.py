"""A device outlives children that die or hang, jobs that are lost, and errors of its own; a job has one end."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from workers_at_work import Queue, Running, until

from aiprod_server.database import reading
from aiprod_server.queue import leases, submissions
from aiprod_server.queue.jobs import State
from aiprod_server.tables import charges, metadata
from aiprod_server.worker import slot

Start = Callable[..., Running]
SHA = 64 * "a"
# What the two databases do alike is tested with them; here they only carry the words.
on_sqlite = pytest.mark.parametrize("server", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another attempt follows at once."""
    monkeypatch.setattr(leases, "FIRST_BACKOFF_S", 0.05)


def everything(engine: sa.Engine) -> dict[str, Any]:
    with reading(engine) as connection:
        return {name: connection.execute(sa.select(table)).all() for name, table in metadata.tables.items()}


def is_running(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


# Jobs that go well


def test_a_job_ends_with_its_result_its_charge_and_its_events(queue: Queue, start: Start, engine: sa.Engine) -> None:
    state = {"state": "RENDER"}
    job_id = queue.submit(["event", "state", state], ["step", "render"])
    start(keep_s=100.0)
    job = queue.ended(job_id)
    assert (job.state, job.progress, job.reason) == (State.COMPLETED, 1.0, None)
    assert job.result is not None
    assert job.result["attempt"] == 1
    assert job.expires_at == job.finished_at + 100.0
    told = queue.events(job_id)
    assert told[:4] == [
        ("queued", {}),
        ("running", {"attempt": 1}),
        ("state", state),
        ("step", {"name": "render", "sha256": SHA}),
    ]
    assert [kind for kind, _ in told[4:]] == ["completed"]
    with reading(engine) as connection:
        (charge,) = connection.execute(sa.select(charges)).all()
    assert (charge.job_id, charge.device_s, charge.cost_microeur) == (job_id, 1.5, 1500)


@on_sqlite
def test_a_child_stays_for_the_next_job(queue: Queue, start: Start) -> None:
    ids = [queue.submit() for _ in range(3)]
    start()
    results = [queue.ended(job_id).result or {} for job_id in ids]
    assert len({result["pid"] for result in results}) == 1


@on_sqlite
def test_each_device_has_its_own_children(queue: Queue, start: Start, tmp_path: Path) -> None:
    gate = str(tmp_path / "open")
    ids = [queue.submit(["wait for", gate]) for _ in range(4)]
    start(devices=("cpu", "cuda:1"), slots=2)
    until(lambda: all(queue.job(job_id).state is State.RUNNING for job_id in ids))
    Path(gate).touch()
    results = [queue.ended(job_id).result or {} for job_id in ids]
    assert sorted(result["device"] for result in results) == ["cpu", "cpu", "cuda:1", "cuda:1"]
    assert len({result["pid"] for result in results}) == 4


@on_sqlite
def test_of_much_progress_little_is_written_and_always_the_last(queue: Queue, start: Start) -> None:
    job_id = queue.submit(["progress", 100, 0.01], ["event", "preview", {"share": 0.9}])
    start()
    job = queue.ended(job_id)
    told = [data for kind, data in queue.events(job_id) if kind == "progress"]
    assert job.finished_at is not None
    assert job.started_at is not None
    assert 1 <= len(told) <= 4 * (job.finished_at - job.started_at) + 2
    assert told[-1] == {"stage": "render", "done": 100, "total": 100, "share": 1.0}
    assert [data["done"] for data in told] == sorted({data["done"] for data in told})
    assert queue.events(job_id)[-2] == ("preview", {"share": 0.9})


def test_like_jobs_are_rendered_together_and_end_each_for_itself(queue: Queue, start: Start) -> None:
    ids = [queue.submit(client=client, batch_key="alike") for client in ("ada", "bob", "cleo")]
    other = queue.submit(batch_key="other")
    start(max_batch=8)
    assert [(queue.ended(job_id).result or {})["batch"] for job_id in ids] == [3, 3, 3]
    assert (queue.ended(other).result or {})["batch"] == 1


# Jobs that go badly


@on_sqlite
def test_what_cannot_be_rendered_fails_at_once_with_its_reason(queue: Queue, start: Start) -> None:
    job_id = queue.submit(["refuse", "got 7 frames, expected 8k+1"])
    running = start()
    job = queue.ended(job_id)
    assert (job.state, job.attempt, job.reason) == (State.FAILED, 1, "got 7 frames, expected 8k+1")
    assert running.errors == []


@on_sqlite
def test_an_error_of_the_render_is_tried_again_and_seen_by_the_operator_alone(queue: Queue, start: Start) -> None:
    job_id = queue.submit(["break", "of /home/ada"], max_attempts=2)
    running = start()
    job = queue.ended(job_id)
    assert (job.state, job.attempt) == (State.FAILED, 2)
    assert job.reason == "an error in the render, ValueError; the operator's error log has it"
    assert [(error[0], error[1], error[4]) for error in running.errors] == [("render", "ValueError", job_id)] * 2
    assert "of /home/ada" in running.errors[0][3]


def test_a_job_whose_child_dies_goes_on_from_its_steps_in_another(queue: Queue, start: Start) -> None:
    job_id = queue.submit(["step", "one"], ["die at first"], ["step", "two"])
    running = start()
    assert (queue.ended(job_id).result or {})["attempt"] == 2
    told = queue.events(job_id)
    assert [data["name"] for kind, data in told if kind == "step"] == ["one", "two"]
    (retry,) = [data for kind, data in told if kind == "retry"]
    assert retry["reason"] == "its render process ended with exit status 7"
    assert [error[:3] for error in running.errors] == [("render", "RenderProcessDied", retry["reason"])]


@on_sqlite
def test_a_job_that_kills_its_child_each_time_has_failed(queue: Queue, start: Start) -> None:
    killer, other = queue.submit(["be killed"]), queue.submit()
    start()
    job = queue.ended(killer)
    assert (job.state, job.attempt) == (State.FAILED, 3)
    assert job.reason == "its render process was killed (SIGKILL), as the system does where memory runs out"
    assert queue.ended(other).state is State.COMPLETED


@on_sqlite
def test_a_child_that_says_nothing_for_too_long_is_killed(queue: Queue, start: Start, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    job_id = queue.submit(["write pid", str(pid)], ["sleep", 600], max_attempts=1)
    start(step_timeout_s=0.5)
    job = queue.ended(job_id)
    assert (job.state, job.reason) == (State.FAILED, "nothing was finished and nothing progressed for 0.5 s")
    assert not is_running(pid.read_text())


@on_sqlite
def test_progress_is_a_sign_of_life(queue: Queue, start: Start) -> None:
    job_id = queue.submit(["progress", 12, 0.1])
    start(step_timeout_s=0.7)
    assert queue.ended(job_id).attempt == 1


@on_sqlite
def test_a_child_is_not_blamed_for_a_machine_that_stood_still(
    queue: Queue, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "ASLEEP_S", 0.1)
    began, times = tmp_path / "began", itertools.count()

    def clock() -> float:
        if began.exists() and next(times) == 0:
            time.sleep(2.0)
        return time.time()

    job_id = queue.submit(["write pid", str(began)], ["sleep", 2.6])
    start(clock=clock, step_timeout_s=1.2)
    assert (queue.ended(job_id).state, queue.job(job_id).attempt) == (State.COMPLETED, 1)


@on_sqlite
def test_a_render_that_ends_without_a_word_is_tried_again(queue: Queue, start: Start) -> None:
    job_id = queue.submit(["say nothing"], max_attempts=1)
    start()
    assert queue.ended(job_id).reason == slot.SILENT


@on_sqlite
def test_a_worker_whose_child_does_not_start_takes_no_job(queue: Queue, start: Start) -> None:
    job_id = queue.submit()
    running = start(program=("false",))
    until(lambda: len(running.errors) >= 2)
    assert queue.job(job_id).attempt == 0
    assert running.errors[0][:3] == ("render", "RenderProcessDied", "its render process ended with exit status 1")


@on_sqlite
def test_an_error_of_the_worker_is_seen_and_the_device_goes_on(
    queue: Queue, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "ERROR_S", 0.01)
    monkeypatch.setattr(leases, "LEASE_S", 0.5)
    job_id = queue.submit()
    faults = itertools.chain([True], itertools.repeat(False))

    def price(claim: object, device_s: float) -> int:
        if next(faults):
            raise ZeroDivisionError("no tariff")
        return 1

    running = start(price=price)
    assert (queue.ended(job_id).state, queue.job(job_id).attempt) == (State.COMPLETED, 2)
    assert [error[:3] for error in running.errors] == [("worker", "ZeroDivisionError", "no tariff")]


# Jobs that are lost


def test_a_cancelled_job_frees_its_device(queue: Queue, start: Start, engine: sa.Engine, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    job_id = queue.submit(["write pid", str(pid)], ["sleep", 600])
    start()
    until(pid.exists)
    submissions.cancel(engine, job_id, now_s=time.time())
    until(lambda: not is_running(pid.read_text()))
    before = queue.events(job_id)
    assert queue.ended(queue.submit()).state is State.COMPLETED
    assert queue.events(job_id) == before


@on_sqlite
def test_a_cancelled_job_of_a_batch_stops_no_other(
    queue: Queue, start: Start, engine: sa.Engine, tmp_path: Path
) -> None:
    gate = tmp_path / "open"
    stays, goes = (queue.submit(["wait for", str(gate)], batch_key="alike") for _ in range(2))
    start(max_batch=2)
    until(lambda: queue.job(goes).state is State.RUNNING)
    submissions.cancel(engine, goes, now_s=time.time())
    time.sleep(1.5)  # by now the worker knows
    gate.touch()
    assert (queue.ended(stays).state, queue.job(stays).attempt) == (State.COMPLETED, 1)
    assert queue.job(goes).state is State.CANCELLED


def test_a_job_is_kept_while_its_child_says_nothing(
    queue: Queue, start: Start, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 0.8)
    job_id = queue.submit(["sleep", 2.0])
    start()
    until(lambda: queue.job(job_id).state is State.RUNNING)
    while queue.job(job_id).state is State.RUNNING:
        assert leases.claim(engine, "other", now_s=time.time()) is None
        time.sleep(0.02)
    assert queue.job(job_id).attempt == 1


def test_who_was_taken_over_stops_and_writes_nothing(
    queue: Queue, start: Start, engine: sa.Engine, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    job_id = queue.submit(["write pid", str(pid)], ["progress", 1000, 0.02])
    start()
    until(pid.exists)
    taken = leases.claim(engine, "other", now_s=time.time() + 2 * leases.LEASE_S)
    assert taken is not None
    before = {name: rows for name, rows in everything(engine).items() if name != "workers"}
    until(lambda: not is_running(pid.read_text()))
    assert {name: rows for name, rows in everything(engine).items() if name != "workers"} == before
    leases.fail(engine, taken, "of no interest", now_s=time.time())
    assert queue.job(job_id).attempt == 2
