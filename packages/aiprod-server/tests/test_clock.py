"""The clock is the database's, whatever happens to this machine's, and never goes back."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from aiprod_server.clock import AGAIN_S, Clock
from aiprod_server.database import connect, reading
from aiprod_server.queue import leases, submissions
from aiprod_server.queue.leases import LEASE_S

YEAR_S = 365 * 24 * 3600.0


class Count:
    """A count of seconds that a test moves on."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def told_by(url: str) -> float:
    """The time of a PostgreSQL server."""
    engine = connect(url)
    with reading(engine) as connection:
        told = connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
    engine.dispose()
    return float(told)


def test_it_is_the_time_of_the_database(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = connect(postgresql)
    monkeypatch.setattr(time, "time", lambda: 0.0)  # this machine believes that it is 1970
    before, told, after = told_by(postgresql), Clock(engine)(), told_by(postgresql)
    assert before - 0.5 <= told <= after + 0.5
    engine.dispose()


@pytest.mark.parametrize("jump_s", [YEAR_S, -YEAR_S])
def test_a_jump_of_this_machines_clock_ends_no_lease(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    clock = Clock(engine)
    submissions.submit(engine, {"prompt": "a red cat"}, client="ada", now_s=clock())
    held = leases.claim(engine, "one", now_s=clock())
    jumped = time.time() + jump_s
    monkeypatch.setattr(time, "time", lambda: jumped)
    assert held is not None
    assert leases.claim(engine, "other", now_s=clock()) is None
    leases.beat(engine, held, now_s=clock())
    assert leases.claim(engine, "other", now_s=clock()) is None
    assert leases.claim(engine, "other", now_s=clock() + LEASE_S + 1) is not None


def test_between_readings_it_goes_on_by_the_count(engine: sa.Engine) -> None:
    count = Count()
    clock = Clock(engine, counted_s=count)
    began = clock()
    count.seconds += AGAIN_S / 2
    assert clock() == pytest.approx(began + AGAIN_S / 2, abs=1e-3)


def test_on_sqlite_a_clock_that_jumped_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, count = connect(f"sqlite:///{tmp_path / 'jobs.db'}"), Count()
    clock = Clock(engine, counted_s=count)
    began = clock()
    monkeypatch.setattr(time, "time", lambda: began + YEAR_S)
    count.seconds += 2 * AGAIN_S
    assert clock() == began + 2 * AGAIN_S
    engine.dispose()


def test_a_count_that_is_wrong_is_put_right_after_a_minute(postgresql: str) -> None:
    engine, count = connect(postgresql), Count()
    clock = Clock(engine, counted_s=count)
    count.seconds += 10 * AGAIN_S  # the database knows that these did not pass
    assert clock() == pytest.approx(told_by(postgresql), abs=1.0)
    engine.dispose()


def test_it_stands_still_rather_than_go_back(postgresql: str) -> None:
    engine, count = connect(postgresql), Count()
    clock = Clock(engine, counted_s=count)
    count.seconds += AGAIN_S - 1
    fast = clock()
    count.seconds += 2
    assert clock() == fast
    engine.dispose()


def test_where_the_database_is_gone_it_goes_on(postgresql: str) -> None:
    server = sa.make_url(postgresql)
    operator = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with operator.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE soon_gone"))
    engine, count = connect(server.set(database="soon_gone").render_as_string(hide_password=False)), Count()
    clock = Clock(engine, counted_s=count)
    began = clock()
    with operator.connect() as connection:
        connection.execute(sa.text("DROP DATABASE soon_gone WITH (FORCE)"))
    count.seconds += 2 * AGAIN_S
    assert clock() == pytest.approx(began + 2 * AGAIN_S, abs=1e-3)
    engine.dispose()
    operator.dispose()


def test_many_threads_never_see_it_go_back(engine: sa.Engine) -> None:
    clock = Clock(engine)

    def read(_: int) -> list[float]:
        return [clock() for _ in range(500)]

    with ThreadPoolExecutor(4) as pool:
        assert all(told == sorted(told) for told in pool.map(read, range(4)))
