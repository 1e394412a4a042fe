"""A client's requests of the last minute, whichever minute of the clock that is."""

import pytest

from aiprod_server.access.rates import MOST_CLIENTS, Rates


class Seconds:
    def __init__(self) -> None:
        self.now_s = 600.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def rates(seconds: Seconds) -> Rates:
    return Rates(seconds)


def test_a_minute_takes_so_many_and_no_more(rates: Rates) -> None:
    assert [rates.take("ada", 3) for _ in range(3)] == [None] * 3
    assert rates.take("ada", 3) is not None
    assert rates.take("bob", 3) is None


def test_who_waits_as_long_as_told_may_go_on(rates: Rates, seconds: Seconds) -> None:
    for _ in range(30):
        rates.take("ada", 30)
    for _ in range(20):
        wait_s = rates.take("ada", 30)
        assert wait_s is not None
        seconds.now_s += wait_s - 1
        assert rates.take("ada", 30) is not None
        seconds.now_s += 1
        assert rates.take("ada", 30) is None


def test_a_burst_over_the_turn_of_the_minute_is_one_burst(rates: Rates, seconds: Seconds) -> None:
    seconds.now_s = 659.0
    assert [rates.take("ada", 10) for _ in range(10)] == [None] * 10
    seconds.now_s = 661.0
    assert rates.take("ada", 10) is not None


def test_after_two_quiet_minutes_all_is_forgotten(rates: Rates, seconds: Seconds) -> None:
    for _ in range(10):
        rates.take("ada", 10)
    seconds.now_s += 121
    assert [rates.take("ada", 10) for _ in range(10)] == [None] * 10


def test_who_may_nothing_waits(rates: Rates) -> None:
    wait_s = rates.take("ada", 0)
    assert wait_s is not None
    assert wait_s >= 1


def test_quiet_clients_are_forgotten_and_busy_ones_are_not(rates: Rates, seconds: Seconds) -> None:
    for number in range(MOST_CLIENTS):
        rates.take(f"quiet{number}", 10)
    seconds.now_s += 200
    for _ in range(10):
        rates.take("busy", 10)
    rates.take("new", 10)
    assert rates.take("busy", 10) is not None
    assert len(rates._clients) == 2
