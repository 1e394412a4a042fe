"""One worker holds a job at a time; who lost it writes nothing; turns are fair and caps exact."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server import tables
from aiprod_server.database import reading, writing
from aiprod_server.queue import clients, leases, submissions
from aiprod_server.queue.jobs import Claim, JobLost, State
from aiprod_server.queue.leases import LEASE_S
from aiprod_server.tables import charges, job_steps, jobs, metadata, webhook_outbox

CAT = {"prompt": "a red cat"}
SHA = "ab" * 32
HOOK = "https://ada.example/hook"


def submit(engine: sa.Engine, client: str = "ada", number: int = 1, **asked: Any) -> list[str]:
    """Ids of jobs, submitted a second apart from 0 s on."""
    return [submissions.submit(engine, CAT, client=client, now_s=float(n), **asked).id for n in range(number)]


def claim(engine: sa.Engine, now_s: float = 100.0, worker: str = "w") -> Claim:
    held = leases.claim(engine, worker, now_s=now_s)
    assert held is not None
    return held


def everything(engine: sa.Engine) -> dict[str, Any]:
    with reading(engine) as connection:
        return {name: connection.execute(sa.select(table)).all() for name, table in metadata.tables.items()}


def rows(engine: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(table))]


# Whose turn


def test_an_empty_queue_gives_nothing(engine: sa.Engine) -> None:
    assert leases.claim(engine, "w", now_s=1.0) is None


def test_a_job_is_not_started_before_its_time(engine: sa.Engine) -> None:
    (later,) = submit(engine, run_at_s=50.0)
    assert leases.claim(engine, "w", now_s=49.9) is None
    assert claim(engine, 50.0).job_id == later


def test_a_claim_says_whose_and_which(engine: sa.Engine) -> None:
    (job_id,) = submit(engine, kind="film", tier="eco", batch_key="alike", estimate_s=40.0)
    held = claim(engine, 100.0)
    assert held == Claim(
        job_id=job_id,
        client="ada",
        worker="w",
        attempt=1,
        max_attempts=3,
        kind="film",
        tier="eco",
        batch_key="alike",
        estimate_s=40.0,
        submitted_at=0.0,
        request=CAT,
        steps={},
    )
    told = submissions.job(engine, job_id)
    assert (told.state, told.attempt, told.started_at) == (State.RUNNING, 1, 100.0)
    assert leases.claim(engine, "other", now_s=100.0) is None


def test_the_smallest_priority_goes_first_then_the_oldest(engine: sa.Engine) -> None:
    plain, urgent = submit(engine, number=2), submit(engine, number=2, priority=-1)
    assert [claim(engine).job_id for _ in range(4)] == urgent + plain


@pytest.mark.parametrize("pace_s", [0.0, 1.0])
def test_clients_take_turns_however_much_one_asks(engine: sa.Engine, pace_s: float) -> None:
    submit(engine, "greedy", 6)
    for name in ("ada", "bob"):
        submit(engine, name, 2)
    served = [claim(engine, 100.0 + pace_s * n).client for n in range(10)]
    assert all(set(served[start : start + 3]) == {"greedy", "ada", "bob"} for start in (0, 3))
    assert served[6:] == ["greedy"] * 4


def test_a_priority_goes_before_a_turn(engine: sa.Engine) -> None:
    submit(engine, "ada", 3, priority=-1)
    submit(engine, "bob", 1)
    assert [claim(engine, 100.0 + n).client for n in range(4)] == ["ada", "ada", "ada", "bob"]


def test_a_cap_holds_and_what_ends_makes_room(engine: sa.Engine) -> None:
    submit(engine, "ada", 3)
    clients.set_limits(engine, "ada", max_running=2)
    first, _ = claim(engine), claim(engine)
    assert leases.claim(engine, "w", now_s=100.0) is None
    leases.complete(engine, first, device_s=1.0, cost_microeur=1, now_s=101.0)
    assert claim(engine, 101.0).client == "ada"
    assert leases.claim(engine, "w", now_s=101.0) is None


def test_a_cap_of_one_client_stops_no_other(engine: sa.Engine) -> None:
    submit(engine, "ada", 2, priority=-1)
    submit(engine, "bob", 2)
    clients.set_limits(engine, "ada", max_running=0)
    assert [claim(engine).client for _ in range(2)] == ["bob", "bob"]
    clients.set_limits(engine, "ada", max_running=None)
    assert claim(engine).client == "ada"


def test_a_lapsed_job_counts_under_its_cap_until_it_is_taken_over(engine: sa.Engine) -> None:
    submit(engine, "ada", 2)
    clients.set_limits(engine, "ada", max_running=1)
    lapsed = claim(engine, 100.0)
    taken = claim(engine, 100.0 + LEASE_S + 1)
    assert (taken.job_id, taken.attempt) == (lapsed.job_id, 2)
    assert leases.claim(engine, "w", now_s=100.0 + LEASE_S + 1) is None


# Leases


def test_a_job_is_taken_over_after_its_lease_and_not_before(engine: sa.Engine) -> None:
    (job_id,) = submit(engine)
    claim(engine, 100.0)
    assert leases.claim(engine, "other", now_s=100.0 + LEASE_S) is None
    taken = claim(engine, 100.0 + LEASE_S + 0.1, "other")
    assert (taken.job_id, taken.attempt) == (job_id, 2)


@pytest.mark.parametrize(
    "write",
    [
        lambda engine, held, now_s: leases.beat(engine, held, now_s=now_s),
        lambda engine, held, now_s: leases.report(engine, held, "progress", {}, now_s=now_s),
        lambda engine, held, now_s: leases.finish_step(engine, held, "shot1", SHA, now_s=now_s),
    ],
)
def test_every_write_renews_the_lease(engine: sa.Engine, write: Callable[[sa.Engine, Claim, float], None]) -> None:
    submit(engine)
    write(engine, claim(engine, 100.0), 150.0)
    assert leases.claim(engine, "other", now_s=150.0 + LEASE_S) is None
    assert claim(engine, 150.0 + LEASE_S + 0.1, "other").attempt == 2


@pytest.mark.parametrize(
    "write",
    [
        lambda engine, held: leases.beat(engine, held, now_s=200.0),
        lambda engine, held: leases.report(engine, held, "progress", {}, now_s=200.0),
        lambda engine, held: leases.finish_step(engine, held, "shot1", SHA, now_s=200.0),
        lambda engine, held: leases.complete(engine, held, device_s=1.0, cost_microeur=1, now_s=200.0),
        lambda engine, held: leases.fail(engine, held, "broken", now_s=200.0),
        lambda engine, held: leases.retry(engine, held, "broken", now_s=200.0),
        lambda engine, held: leases.release(engine, held, now_s=200.0),
    ],
)
@pytest.mark.parametrize("loss", ["taken over", "taken over by itself", "cancelled", "completed"])
def test_a_worker_that_wakes_too_late_writes_nothing(
    engine: sa.Engine, write: Callable[[sa.Engine, Claim], None], loss: str
) -> None:
    submit(engine)
    old = claim(engine, 100.0)
    if loss == "cancelled":
        submissions.cancel(engine, old.job_id, now_s=101.0)
    else:
        fresh = claim(engine, 199.0, old.worker if loss == "taken over by itself" else "other")
        if loss == "completed":
            leases.complete(engine, fresh, device_s=1.0, cost_microeur=1, now_s=199.5)
    before = everything(engine)
    with pytest.raises(JobLost, match="attempt 1"):
        write(engine, old)
    assert everything(engine) == before


def test_a_claim_that_the_database_forgot_is_lost_though_its_number_comes_again(engine: sa.Engine) -> None:
    (job_id,) = submit(engine)
    forgotten = claim(engine, 100.0, "first")
    with writing(engine) as connection:  # as a crash leaves it that loses the claim, which did not wait for the disk
        connection.execute(
            sa.update(jobs)
            .where(jobs.c.id == job_id)
            .values(state=State.QUEUED, attempt=0, lease_until=None, worker=None)
        )
    assert claim(engine, 101.0, "second").attempt == forgotten.attempt
    with pytest.raises(JobLost):
        leases.beat(engine, forgotten, now_s=102.0)


def test_a_report_says_how_much_is_done(engine: sa.Engine) -> None:
    (job_id,) = submit(engine)
    held = claim(engine)
    leases.report(engine, held, "progress", {"stage": "sampling"}, now_s=101.0, share=0.25)
    leases.report(engine, held, "preview", {}, now_s=102.0)
    assert submissions.job(engine, job_id).progress == 0.25
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="expected 0 to 1"):
            leases.report(engine, held, "progress", {}, now_s=103.0, share=share)
    assert [event.kind for event in submissions.events(engine, job_id)][2:] == ["progress", "preview"]


def test_a_released_job_is_there_at_once_with_an_attempt_more(engine: sa.Engine) -> None:
    (job_id,) = submit(engine, max_attempts=1)
    first = claim(engine, 100.0, "draining")
    leases.finish_step(engine, first, "shot1", SHA, now_s=101.0)
    leases.release(engine, first, now_s=102.0)
    told = submissions.job(engine, job_id)
    assert (told.state, told.run_at, told.reason) == (State.QUEUED, 102.0, None)
    assert submissions.events(engine, job_id)[-1].kind == "queued"
    second = claim(engine, 102.0, "draining")
    assert (second.steps, second.max_attempts - second.attempt) == ({"shot1": SHA}, 0)
    with pytest.raises(JobLost):
        leases.beat(engine, first, now_s=103.0)
    assert leases.retry(engine, second, "broken", now_s=104.0) is State.FAILED


def test_finished_steps_are_handed_to_the_next_attempt(engine: sa.Engine) -> None:
    submit(engine)
    first = claim(engine, 100.0)
    leases.finish_step(engine, first, "shot1", "00" * 32, now_s=101.0)
    leases.finish_step(engine, first, "shot1", SHA, now_s=102.0)
    second = claim(engine, 200.0)
    assert second.steps == {"shot1": SHA}
    leases.finish_step(engine, second, "shot2", SHA, now_s=201.0)
    assert {row["name"]: row["attempt"] for row in rows(engine, job_steps)} == {"shot1": 1, "shot2": 2}


def test_a_job_that_loses_its_worker_too_often_has_failed(engine: sa.Engine) -> None:
    (job_id,) = submit(engine, webhook_url=HOOK)
    for attempt in (1, 2, 3):
        assert claim(engine, 100.0 * attempt).attempt == attempt
    (other,) = submit(engine, "bob")
    assert claim(engine, 400.0).job_id == other
    told = submissions.job(engine, job_id)
    assert (told.state, told.reason) == (State.FAILED, "its worker was lost 3 times; no attempt is left")
    assert [row["kind"] for row in rows(engine, webhook_outbox)] == ["job.failed"]
    assert rows(engine, charges) == []


# Ends


def test_a_completed_job_has_one_charge_and_one_webhook(engine: sa.Engine) -> None:
    (job_id,) = submit(engine, webhook_url=HOOK)
    held = claim(engine, 100.0)
    leases.complete(engine, held, device_s=12.5, cost_microeur=3400, now_s=113.0)
    (charge,), (webhook,) = rows(engine, charges), rows(engine, webhook_outbox)
    assert charge == {"job_id": job_id, "client": "ada", "at": 113.0, "device_s": 12.5, "cost_microeur": 3400}
    assert (webhook["job_id"], webhook["kind"], webhook["url"]) == (job_id, "job.completed", HOOK)
    assert (webhook["created_at"], webhook["next_at"], webhook["state"]) == (113.0, 113.0, "waiting")
    assert submissions.job(engine, job_id).state is State.COMPLETED
    with pytest.raises(JobLost):
        leases.complete(engine, held, device_s=12.5, cost_microeur=3400, now_s=114.0)


def test_a_completed_job_says_what_it_came_to(engine: sa.Engine) -> None:
    (job_id,) = submit(engine)
    result = {"files": {"video": {"name": "clip.mp4", "sha256": SHA}}, "seed": 7}
    charge: dict[str, Any] = {"device_s": 1.0, "cost_microeur": 1}
    leases.complete(engine, claim(engine), now_s=101.0, result=result, expires_at=900.0, **charge)
    told = submissions.job(engine, job_id)
    assert (told.progress, told.result, told.expires_at) == (1.0, result, 900.0)
    last = submissions.events(engine, job_id)[-1]
    assert (last.kind, last.data) == ("completed", result)


def test_an_end_that_cannot_be_billed_is_no_end(engine: sa.Engine) -> None:
    (job_id,) = submit(engine, webhook_url=HOOK)
    held = claim(engine)
    with pytest.raises(sa.exc.IntegrityError):
        leases.complete(engine, held, device_s=1.0, cost_microeur=-1, now_s=101.0)
    told = submissions.job(engine, job_id)
    assert (told.state, told.result) == (State.RUNNING, None)
    assert rows(engine, webhook_outbox) == []
    assert clients.spent_device_s(engine, "ada", now_s=101.0) == 0.0


def test_a_failure_ends_with_its_reason(engine: sa.Engine) -> None:
    (job_id,) = submit(engine)
    leases.fail(engine, claim(engine), "no such model", now_s=101.0)
    told = submissions.job(engine, job_id)
    assert (told.state, told.reason, told.finished_at) == (State.FAILED, "no such model", 101.0)
    assert submissions.events(engine, job_id)[-1].data == {"reason": "no such model"}


def test_a_retry_waits_longer_each_time_and_ends_at_the_cap(engine: sa.Engine) -> None:
    (job_id,) = submit(engine)
    now_s = 100.0
    for wait_s in (5.0, 20.0):
        assert leases.retry(engine, claim(engine, now_s), "out of memory", now_s=now_s) is State.QUEUED
        assert leases.claim(engine, "w", now_s=now_s + wait_s - 0.1) is None
        now_s += wait_s
    assert leases.retry(engine, claim(engine, now_s), "out of memory", now_s=now_s) is State.FAILED
    assert submissions.job(engine, job_id).reason == "out of memory"
    assert leases.claim(engine, "w", now_s=1e9) is None


def test_the_wait_has_an_end() -> None:
    assert [leases.backoff_s(attempt) for attempt in (1, 2, 3, 20)] == [5.0, 20.0, 80.0, 3600.0]


# Many at once


def test_two_processes_never_get_the_same_job(engine: sa.Engine, url: str) -> None:
    """Both reach for their first at once; with one each in hand they race for the rest."""
    wanted = sorted(job_id for name in ("ada", "bob", "cleo") for job_id in submit(engine, name, 20))
    program = f"""
import sys
from aiprod_server import database
from aiprod_server.queue import leases
engine = database.connect({url!r})
print("ready", flush=True)
input()
print(leases.claim(engine, sys.argv[1], now_s=100.0).job_id, flush=True)
input()
while (held := leases.claim(engine, sys.argv[1], now_s=100.0)) is not None:
    print(held.job_id, flush=True)
"""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program]
    workers = [subprocess.Popen([*command, name], stdin=pipe, stdout=pipe, text=True) for name in ("one", "two")]
    assert [_line(worker) for worker in workers] == ["ready", "ready"]
    _release(workers)
    first = [_line(worker) for worker in workers]
    _release(workers)
    rest = [worker.communicate()[0].split() for worker in workers]
    assert sorted(first + rest[0] + rest[1]) == wanted


def _line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


def _release(workers: list[subprocess.Popen[str]]) -> None:
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()


def test_many_threads_keep_caps_turns_and_jobs(engine: sa.Engine) -> None:
    """At every moment at most two jobs of a client run, each job runs once, and clients stay in step."""
    for name in ("ada", "bob", "cleo"):
        submit(engine, name, 8)
        clients.set_limits(engine, name, max_running=2)
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()
    got: list[str] = []
    lock = threading.Lock()

    def work(_: int) -> None:
        while len(got) < 24:
            held = leases.claim(engine, "w", now_s=100.0)
            if held is None:
                continue
            with lock:
                got.append(held.job_id)
                running[held.client] += 1
                most[held.client] = max(most[held.client], running[held.client])
            leases.beat(engine, held, now_s=100.0)
            with lock:
                running[held.client] -= 1
            leases.complete(engine, held, device_s=1.0, cost_microeur=1, now_s=100.0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert sorted(got) == sorted(row["id"] for row in rows(engine, jobs))
    assert max(most.values()) <= 2
    assert len(rows(engine, charges)) == 24
    assert {row["started"] for row in rows(engine, tables.clients)} == {8}


def test_claimers_at_once_never_break_a_cap(engine: sa.Engine) -> None:
    submit(engine, "ada", 8)
    clients.set_limits(engine, "ada", max_running=3)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: leases.claim(engine, "w", now_s=100.0), range(8)))
    assert sum(held is not None for held in claims) == 3


def test_lapsed_jobs_go_to_one_of_many_each(engine: sa.Engine) -> None:
    submit(engine, number=32)
    lapsed = [claim(engine, 100.0).job_id for _ in range(32)]
    start = threading.Barrier(8)

    def take(_: int) -> list[Claim | None]:
        start.wait()
        return [leases.claim(engine, "w", now_s=200.0) for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        taken = [held for claims in pool.map(take, range(8)) for held in claims if held]
    assert sorted(held.job_id for held in taken) == sorted(lapsed)
    assert {held.attempt for held in taken} == {2}


def test_a_state_without_its_lease_is_refused_by_the_database(engine: sa.Engine) -> None:
    (job_id,) = submit(engine)
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(state=State.RUNNING))
