"""The log of requests: kept in memory, written at once, none lost to a database that was away, summed by day."""

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from aiprod_core.errors import InputError
from aiprod_server.access import usage_log
from aiprod_server.access.usage_log import Usage, Use, Waiting
from aiprod_server.database import reading, writing
from aiprod_server.tables import usage_log as table

DAY_S = 86_400.0


def use(at: float = 10.0, **changes: Any) -> Use:
    asked = {"client": "north", "key_id": "k", "method": "GET", "route": "/api/v1/jobs", "status": 200}
    return Use(**{"at": at, "duration_s": 0.25} | asked | changes)


def kept(engine: sa.Engine) -> list[float]:
    with reading(engine) as connection:
        return list(connection.scalars(sa.select(table.c.at).order_by(table.c.id)))


def test_what_waits_is_written_once_and_in_order(engine: sa.Engine) -> None:
    waiting = Waiting()
    assert waiting.flush(engine) == 0
    for at in (1.0, 2.0, 3.0):
        waiting.add(use(at))
    assert kept(engine) == []
    assert (waiting.flush(engine), waiting.flush(engine)) == (3, 0)
    assert kept(engine) == [1.0, 2.0, 3.0]


def test_five_hundred_are_worth_a_transaction(engine: sa.Engine) -> None:
    waiting = Waiting()
    for at in range(499):
        waiting.add(use(at))
    assert not waiting.many.is_set()
    waiting.add(use())
    assert waiting.many.is_set()
    assert waiting.flush(engine) == 500
    assert not waiting.many.is_set()


def test_a_database_that_was_away_gets_all_of_it_later(engine: sa.Engine) -> None:
    waiting = Waiting()
    for at in (1.0, 2.0):
        waiting.add(use(at))
    with writing(engine) as connection:
        connection.execute(sa.text("ALTER TABLE usage_log RENAME TO away"))
    with pytest.raises(DBAPIError):
        waiting.flush(engine)
    waiting.add(use(3.0))
    with writing(engine) as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO usage_log"))
    assert waiting.flush(engine) == 3
    assert kept(engine) == [1.0, 2.0, 3.0]


def test_memory_is_bounded_and_the_newest_stay(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_log, "MOST_WAITING", 3)
    waiting = Waiting()
    for at in range(5):
        waiting.add(use(float(at)))
    with writing(engine) as connection:
        connection.execute(sa.text("ALTER TABLE usage_log RENAME TO away"))
    with pytest.raises(DBAPIError):
        waiting.flush(engine)
    waiting.add(use(5.0))
    with writing(engine) as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO usage_log"))
    waiting.flush(engine)
    assert kept(engine) == [3.0, 4.0, 5.0]


def test_many_threads_add_while_one_writes(engine: sa.Engine) -> None:
    waiting = Waiting()

    def ask(number: int) -> None:
        for index in range(200):
            waiting.add(use(number * 1000.0 + index))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    written = 0
    while any(thread.is_alive() for thread in threads):
        written += waiting.flush(engine)
    written += waiting.flush(engine)
    assert written == 800
    assert sorted(kept(engine)) == [number * 1000.0 + index for number in range(4) for index in range(200)]


def test_a_text_that_is_too_long_is_cut(engine: sa.Engine) -> None:
    waiting = Waiting()
    waiting.add(use(key_id="s" * 255, method="PROPPATCHES", route="/" + "a" * 300))
    waiting.flush(engine)
    with reading(engine) as connection:
        row = connection.execute(sa.select(table)).one()
    assert (len(row.key_id), row.method, len(row.route)) == (64, "PROPPATC", 128)


def test_usage_is_summed_by_day_client_and_route(engine: sa.Engine) -> None:
    waiting = Waiting()
    for asked in (
        use(0.0),
        use(DAY_S * 0.5, status=404),
        use(DAY_S - 0.01, status=503),
        use(DAY_S),
        use(DAY_S, method="POST"),
        use(DAY_S * 1.7, client="south", route="/api/v1/models"),
        use(DAY_S * 2),
    ):
        waiting.add(asked)
    waiting.flush(engine)
    jobs = {"route": "/api/v1/jobs"}
    north = [
        Usage(day="1970-01-01", client="north", method="GET", requests=3, errors=2, duration_s=0.75, **jobs),
        Usage(day="1970-01-02", client="north", method="GET", requests=1, errors=0, duration_s=0.25, **jobs),
        Usage(day="1970-01-02", client="north", method="POST", requests=1, errors=0, duration_s=0.25, **jobs),
    ]
    south = Usage(
        day="1970-01-02", client="south", method="GET", route="/api/v1/models", requests=1, errors=0, duration_s=0.25
    )
    assert usage_log.summary(engine, since_s=0, until_s=2 * DAY_S) == (*north, south)
    assert usage_log.summary(engine, since_s=0, until_s=2 * DAY_S, client="north") == tuple(north)
    assert usage_log.summary(engine, since_s=3 * DAY_S, until_s=4 * DAY_S) == ()
    with pytest.raises(InputError, match="before its beginning"):
        usage_log.summary(engine, since_s=2, until_s=1)


def test_old_usage_is_forgotten(engine: sa.Engine) -> None:
    waiting = Waiting()
    for at in (1.0, 2.0, 3.0):
        waiting.add(use(at))
    waiting.flush(engine)
    assert usage_log.forget(engine, before_s=3.0) == 2
    assert kept(engine) == [3.0]
