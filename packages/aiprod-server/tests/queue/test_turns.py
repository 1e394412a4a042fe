"""Batches are of alike jobs, by the same turns; budgets stop whom they bind; a long queue is not read through."""

import itertools
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from aiprod_server import migrations, tables
from aiprod_server.database import reading, writing
from aiprod_server.queue import clients, leases, submissions
from aiprod_server.queue.jobs import Claim, State
from aiprod_server.tables import jobs

CAT = {"prompt": "a red cat"}
JULY, AUGUST = (datetime(2026, month, 15, tzinfo=UTC).timestamp() for month in (7, 8))


def submit(engine: sa.Engine, client: str, number: int = 1, since_s: float = 0.0, **asked: Any) -> list[str]:
    """Ids of jobs that are alike, submitted a second apart."""
    plain: dict[str, Any] = {"client": client, "batch_key": "alike"}
    return [submissions.submit(engine, CAT, now_s=since_s + n, **plain | asked).id for n in range(number)]


def claim(engine: sa.Engine, now_s: float = 100.0) -> Claim:
    held = leases.claim(engine, "w", now_s=now_s)
    assert held is not None
    return held


def more(engine: sa.Engine, held: Claim, most: int = 9, now_s: float = 100.0) -> list[str]:
    return [other.job_id for other in leases.claim_alike(engine, held, most=most, now_s=now_s)]


# Batches


def test_a_batch_is_of_alike_jobs_in_their_order(engine: sa.Engine) -> None:
    first, second, third, fourth = submit(engine, "ada", 4)
    submit(engine, "ada", 2, since_s=10.0, batch_key="other")
    submit(engine, "ada", 2, since_s=10.0, batch_key=None)
    held = claim(engine)
    assert held.job_id == first
    assert more(engine, held, most=2) == [second, third]
    assert more(engine, held) == [fourth]
    assert more(engine, held) == []


def test_a_claim_of_a_batch_is_as_any_other(engine: sa.Engine) -> None:
    submit(engine, "ada", 2, kind="film", estimate_s=7.0)
    held = claim(engine)
    (other,) = leases.claim_alike(engine, held, most=9, now_s=100.0)
    assert (other.worker, other.attempt, other.kind, other.estimate_s) == ("w", 1, "film", 7.0)
    assert submissions.job(engine, other.job_id).state is State.RUNNING
    assert [event.kind for event in submissions.events(engine, other.job_id)] == ["queued", "running"]
    leases.complete(engine, other, device_s=1.0, cost_microeur=1, now_s=101.0)


def test_a_job_without_a_key_is_alone(engine: sa.Engine) -> None:
    submit(engine, "ada", 3, batch_key=None)
    assert more(engine, claim(engine)) == []


def test_clients_take_turns_in_a_batch_and_it_counts_as_theirs(engine: sa.Engine) -> None:
    submit(engine, "greedy", 6)
    submit(engine, "ada", 2)
    held = claim(engine)
    others = leases.claim_alike(engine, held, most=3, now_s=100.0)
    assert Counter(one.client for one in (held, *others)) == {"greedy": 2, "ada": 2}


def test_a_batch_never_goes_before_a_more_urgent_job(engine: sa.Engine) -> None:
    """What is urgent may be of another client and of another kind, unless it cannot run at all."""
    submit(engine, "ada", 3)
    held = claim(engine)
    (urgent,) = submit(engine, "bob", priority=-1, batch_key="other")
    assert more(engine, held) == []
    clients.set_limits(engine, "bob", max_running=0)
    assert len(more(engine, held, most=1)) == 1
    clients.set_limits(engine, "bob", max_running=None)
    assert claim(engine).job_id == urgent
    assert len(more(engine, held)) == 1


def test_a_batch_leaves_what_is_less_urgent_and_not_alike(engine: sa.Engine) -> None:
    wanted = submit(engine, "ada", 2)
    submit(engine, "bob", 2, priority=5, batch_key="other")
    held = claim(engine)
    assert [held.job_id, *more(engine, held)] == wanted


def test_a_batch_keeps_caps_and_budgets(engine: sa.Engine) -> None:
    for name in ("ada", "bob", "cleo"):
        submit(engine, name, 4)
    held = claim(engine)
    clients.set_limits(engine, "ada", max_running=2)
    clients.set_limits(engine, "bob", budget_device_s=0.0)
    taken = [held, *leases.claim_alike(engine, held, most=9, now_s=100.0)]
    assert Counter(one.client for one in taken) == {"ada": 2, "cleo": 4}


def test_what_was_started_before_goes_alone(engine: sa.Engine) -> None:
    """So a job that kills its worker takes others with it once, and they do not meet it again."""
    submit(engine, "ada", 3)
    held = claim(engine)
    for one in (held, *leases.claim_alike(engine, held, most=9, now_s=100.0)):
        leases.retry(engine, one, "the child died", now_s=100.0)
    (fresh,) = submit(engine, "ada", since_s=50.0)
    again = claim(engine, 200.0)
    assert again.attempt == 2
    assert more(engine, again, now_s=200.0) == []
    leases.claim(engine, "w", now_s=200.0)
    leases.claim(engine, "w", now_s=200.0)
    assert claim(engine, 200.0).job_id == fresh


def test_batches_that_are_gathered_at_once_share_no_job_and_keep_caps(engine: sa.Engine) -> None:
    wanted = [job_id for name in ("ada", "bob", "cleo") for job_id in submit(engine, name, 10)]
    clients.set_limits(engine, "ada", max_running=4)
    start = threading.Barrier(6)

    def gather(_: int) -> list[Claim]:
        start.wait()
        held = leases.claim(engine, "w", now_s=100.0)
        return [] if held is None else [held, *leases.claim_alike(engine, held, most=5, now_s=100.0)]

    with ThreadPoolExecutor(6) as pool:
        taken = [held for batch in pool.map(gather, range(6)) for held in batch]
    assert len({held.job_id for held in taken} & set(wanted)) == len(taken)
    assert Counter(held.client for held in taken) == {"ada": 4, "bob": 10, "cleo": 10}


# Budgets


def test_a_budget_that_is_spent_stops_its_client_until_the_month_ends(engine: sa.Engine) -> None:
    submit(engine, "ada", 4)
    clients.set_limits(engine, "ada", budget_device_s=10.0)
    for device_s in (6.0, 4.0):
        leases.complete(engine, claim(engine, JULY), device_s=device_s, cost_microeur=1, now_s=JULY)
    (other,) = submit(engine, "bob")
    held = claim(engine, JULY)
    assert held.job_id == other
    leases.complete(engine, held, device_s=1.0, cost_microeur=1, now_s=JULY)
    assert leases.claim(engine, "w", now_s=JULY) is None
    assert claim(engine, AUGUST).client == "ada"


def test_a_raised_budget_lets_its_client_go_on(engine: sa.Engine) -> None:
    submit(engine, "ada", 2)
    clients.set_limits(engine, "ada", budget_device_s=1.0)
    leases.complete(engine, claim(engine), device_s=1.0, cost_microeur=1, now_s=100.0)
    assert leases.claim(engine, "w", now_s=100.0) is None
    clients.set_limits(engine, "ada", budget_device_s=1.5)
    assert claim(engine).client == "ada"


def test_a_charge_that_comes_while_its_client_has_its_turn_counts(engine: sa.Engine) -> None:
    """The claim has looked, and waits for the row that the charge has written."""
    submit(engine, "ada")
    clients.set_limits(engine, "ada", budget_device_s=10.0)
    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            connection.execute(sa.update(tables.clients).values(spent_device_s=10.0, spent_month=clients.month(100.0)))
            waiting = pool.submit(leases.claim, engine, "w", now_s=100.0)
            while engine.dialect.name == "postgresql" and not _someone_waits(engine):
                pass
        assert waiting.result() is None


def _someone_waits(engine: sa.Engine) -> bool:
    with reading(engine) as connection:
        waits = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return bool(connection.execute(waits).scalar_one())


# A long queue


@pytest.fixture
def fresh(bare: sa.Engine) -> sa.Engine:
    """A database of its own: one that other tests have filled keeps what was counted in it."""
    migrations.upgrade(bare)
    return bare


def test_no_look_of_a_claim_reads_the_whole_queue(fresh: sa.Engine) -> None:
    """The databases say themselves how they find what a claim asks; the first look is before they have counted."""
    engine = fresh
    for name in ("ada", "bob", "cleo"):
        submit(engine, name, 5)
    for _ in range(10):  # while the queue is short, PostgreSQL could settle on plans that read all of it
        claim(engine)
    queue_up(engine, 3000)
    first = plans(engine, lambda: claim(engine))
    with writing(engine) as connection:
        connection.execute(sa.text("ANALYZE"))
    held = claim(engine)
    second = plans(engine, lambda: more(engine, held, most=1))
    assert [plan for plan in first + second if not any(index in plan for index in INDEXES) or WHOLE.search(plan)] == []
    assert ["ix_jobs_waiting" in plan for plan in first] == [False, True, True]  # lapsed ones, whose turn, its first
    assert ["ix_jobs_alike" in plan for plan in second] == [True, False, True]  # whose turn, anything more urgent, …


INDEXES = ("ix_jobs_waiting", "ix_jobs_alike", "ix_jobs_running")
WHOLE = re.compile(r"SCAN jobs(?! USING INDEX ix_jobs_running| USING COVERING INDEX ix_jobs_running)|Seq Scan on jobs")


def queue_up(engine: sa.Engine, number: int) -> None:
    """Other jobs than `submit` gives, straight into the table."""
    row = {"state": State.QUEUED, "priority": 0, "request": CAT, "fingerprint": "", "submitted_at": 0.0, "run_at": 0.0}
    row |= {"attempt": 0, "max_attempts": 3}
    names = itertools.cycle(("ada", "bob", "cleo"))
    many = [row | {"id": f"job_{n}", "client": next(names), "batch_key": f"batch{n % 100}"} for n in range(number)]
    with writing(engine) as connection:
        connection.execute(sa.insert(jobs), many)


def plans(engine: sa.Engine, work: Callable[[], object]) -> list[str]:
    """How the database finds the jobs that `work` asks for, a plan for each statement."""
    asked: list[tuple[str, Any]] = []

    def note(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM jobs" in statement:
            asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    work()
    sa.event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN " if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    with reading(engine) as connection:
        return [str(connection.exec_driver_sql(explain + one, given).all()) for one, given in asked]
