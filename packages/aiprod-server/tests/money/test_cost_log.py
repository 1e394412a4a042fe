"""A day is written once, whole, whoever writes it and however late."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from aiprod_server.money.cost_log import LATE_S, CostLog, DayOfClient, rows
from aiprod_server.money.tariff import Tariff
from aiprod_server.orchestration.config import default_path, load
from aiprod_server.queue import leases, submissions

TARIFF = Tariff.of(load(default_path()))
FIRST = date(2026, 2, 27)
MIDNIGHT_S = datetime(2026, 2, 27, tzinfo=UTC).timestamp()
DAY_S = 86_400.0


def _job(engine: sa.Engine, client: str, at_s: float, *, size_bytes: int = 0, expires_at: float | None = None) -> str:
    job = submissions.submit(engine, {}, client=client, now_s=at_s)
    claim = leases.claim(engine, "w", now_s=at_s)
    assert claim is not None
    files = {"video": {"size_bytes": size_bytes - 1}, "receipt": {"size_bytes": 1}} if size_bytes else {}
    leases.complete(
        engine, claim, device_s=2.0, cost_microeur=500, now_s=at_s, result={"files": files}, expires_at=expires_at
    )
    return job.id


def _all(engine: sa.Engine) -> list[tuple[str, str, int, int, int]]:
    found = rows(engine, since=FIRST, until=FIRST + timedelta(days=400))
    return [(row.day[5:], row.client, row.jobs, row.render_microeur, row.stored_bytes) for row in found]


def test_days_that_were_missed_are_written_when_somebody_comes(engine: sa.Engine) -> None:
    _job(engine, "a", MIDNIGHT_S + 100, size_bytes=10**9)
    _job(engine, "a", MIDNIGHT_S + DAY_S - 1, expires_at=MIDNIGHT_S + 1.5 * DAY_S, size_bytes=5)
    _job(engine, "b", MIDNIGHT_S + 2 * DAY_S)
    now_s = MIDNIGHT_S + 3 * DAY_S + LATE_S
    assert CostLog(engine, TARIFF).close_days(now_s) == [FIRST + timedelta(days=n) for n in range(3)]
    assert _all(engine) == [
        ("02-27", "a", 2, 1000, 10**9 + 5),
        ("02-28", "a", 0, 0, 10**9),
        ("03-01", "a", 0, 0, 10**9),
        ("03-01", "b", 1, 500, 0),
    ]
    first, *_, last = rows(engine, since=FIRST, until=FIRST + timedelta(days=3), client="a")
    assert first.storage_microeur == TARIFF.storage_microeur(10**9 + 5, FIRST)
    assert first.storage_microeur > last.storage_microeur > 0  # a day of February is a larger share of its month
    assert isinstance(first, DayOfClient)
    assert first.device_s == 4.0


def test_a_day_is_not_written_before_it_is_over(engine: sa.Engine) -> None:
    _job(engine, "a", MIDNIGHT_S + 100)
    log = CostLog(engine, TARIFF)
    assert log.close_days(MIDNIGHT_S + DAY_S + LATE_S - 1) == []
    assert log.close_days(MIDNIGHT_S + DAY_S + LATE_S) == [FIRST]
    assert log.close_days(MIDNIGHT_S + DAY_S + LATE_S + 60) == []


def test_what_is_deleted_later_was_there_on_the_day(engine: sa.Engine) -> None:
    job_id = _job(engine, "a", MIDNIGHT_S + 100, size_bytes=70)
    submissions.delete(engine, job_id, now_s=MIDNIGHT_S + 1.5 * DAY_S)
    CostLog(engine, TARIFF).close_days(MIDNIGHT_S + 4 * DAY_S)
    assert [(day, stored) for day, *_, stored in _all(engine)] == [("02-27", 70)]


def test_a_day_that_is_written_stands(engine: sa.Engine) -> None:
    _job(engine, "a", MIDNIGHT_S + 100)
    CostLog(engine, TARIFF).close_days(MIDNIGHT_S + DAY_S + LATE_S)
    before = _all(engine)
    _job(engine, "a", MIDNIGHT_S + 200)
    assert CostLog(engine, TARIFF).close_days(MIDNIGHT_S + DAY_S + LATE_S) == []
    assert _all(engine) == before


def test_gateways_that_close_at_once_write_each_row_once(engine: sa.Engine) -> None:
    for number in range(6):
        _job(engine, f"c{number % 3}", MIDNIGHT_S + number * DAY_S / 2)
    start = threading.Barrier(4)
    failures: list[Exception] = []

    def close() -> None:
        start.wait()
        try:
            CostLog(engine, TARIFF).close_days(MIDNIGHT_S + 5 * DAY_S)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(jobs for _, _, jobs, _, _ in _all(engine)) == 6
    assert len(_all(engine)) == 6


@pytest.mark.parametrize("now_s", [0.0, MIDNIGHT_S])
def test_without_jobs_there_are_no_days(engine: sa.Engine, now_s: float) -> None:
    assert CostLog(engine, TARIFF).close_days(now_s) == []
    assert _all(engine) == []
