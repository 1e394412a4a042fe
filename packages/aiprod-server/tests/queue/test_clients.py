"""What a client may have is kept as it was set, and a month's spending ends with the month."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from aiprod_core.errors import InputError
from aiprod_server import tables
from aiprod_server.database import writing
from aiprod_server.queue import clients, leases, submissions
from aiprod_server.queue.clients import Limits

CAT = {"prompt": "a red cat"}
JULY, AUGUST = (datetime(2026, month, 15, tzinfo=UTC).timestamp() for month in (7, 8))


def test_a_client_has_no_limit_until_one_is_set(engine: sa.Engine) -> None:
    assert clients.limits(engine, "ada") == Limits()
    assert clients.set_limits(engine, "ada") == Limits() == clients.limits(engine, "ada")


def test_what_is_left_out_stays(engine: sa.Engine) -> None:
    clients.set_limits(engine, "ada", max_running=2, budget_device_s=3600.5)
    clients.set_limits(engine, "ada", max_queued=10, max_requests_per_min=60)
    told = clients.set_limits(engine, "ada", max_running=None)
    assert told == clients.limits(engine, "ada")
    assert told == Limits(max_running=None, max_queued=10, max_requests_per_min=60, budget_device_s=3600.5)
    assert clients.limits(engine, "bob") == Limits()


@pytest.mark.parametrize("name", Limits.__dataclass_fields__)
def test_a_limit_below_nothing_is_refused_and_nothing_written(engine: sa.Engine, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: got -1, expected 0 or more"):
        clients.set_limits(engine, "ada", **{"max_queued": 5, name: -1})  # type: ignore[misc]
    assert clients.limits(engine, "ada") == Limits()


def test_a_budget_that_is_no_number_is_refused(engine: sa.Engine) -> None:
    with pytest.raises(InputError, match="budget_device_s: got nan"):
        clients.set_limits(engine, "ada", budget_device_s=float("nan"))


@pytest.mark.parametrize("name", ["", "a" * 65])
def test_a_name_out_of_its_range_is_refused(engine: sa.Engine, name: str) -> None:
    with pytest.raises(InputError, match="expected 1 to 64"):
        clients.set_limits(engine, name, max_running=1)
    with pytest.raises(InputError, match="expected 1 to 64"):
        clients.set_webhook(engine, name, "https://ada.example/hook", None)


def test_what_jobs_took_is_added_up_by_the_month(engine: sa.Engine) -> None:
    def take(device_s: float, now_s: float) -> float:
        submissions.submit(engine, CAT, client="ada", now_s=now_s)
        held = leases.claim(engine, "w", now_s=now_s)
        assert held is not None
        leases.complete(engine, held, device_s=device_s, cost_microeur=1, now_s=now_s)
        return clients.spent_device_s(engine, "ada", now_s=now_s)

    assert [take(10.0, JULY), take(2.5, JULY)] == [10.0, 12.5]
    assert clients.spent_device_s(engine, "ada", now_s=AUGUST) == 0.0
    assert take(4.0, AUGUST) == 4.0
    assert clients.spent_device_s(engine, "bob", now_s=AUGUST) == 0.0


@given(st.floats(min_value=0, max_value=4e9))
def test_the_next_month_begins_when_this_one_ends(now_s: float) -> None:
    wait_s = clients.until_next_month_s(now_s)
    assert 0 < wait_s <= 31 * 24 * 3600
    begins = datetime.fromtimestamp(round(now_s + wait_s), UTC)
    assert (begins.day, begins.hour, begins.minute, begins.second) == (1, 0, 0, 0)
    assert clients.month(begins.timestamp() - 1) == clients.month(now_s) != clients.month(begins.timestamp())


def test_a_webhook_is_kept_and_begins_anew_when_it_is_set(engine: sa.Engine) -> None:
    assert clients.webhook_of(engine, "ada") is None
    clients.set_webhook(engine, "ada", "https://ada.example/hook?token=hidden", "whsec_hidden")
    told = clients.webhook_of(engine, "ada")
    assert told is not None
    assert (told.url, told.secret, told.disabled_at) == ("https://ada.example/hook?token=hidden", "whsec_hidden", None)
    assert "hidden" not in repr(told)
    with writing(engine) as connection:  # as a receiver leaves it that wants no more
        connection.execute(sa.update(tables.clients).values(webhook_disabled_at=5.0))
    assert disabled_at(engine) == 5.0
    clients.set_webhook(engine, "ada", "https://ada.example/other", None)
    assert disabled_at(engine) is None
    clients.set_webhook(engine, "ada", None, None)
    assert clients.webhook_of(engine, "ada") is None


def disabled_at(engine: sa.Engine) -> float | None:
    told = clients.webhook_of(engine, "ada")
    assert told is not None
    return told.disabled_at
