"""Prices are exact to the micro-euro, and follow the load only where the operator says so."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprod_core.errors import InputError
from aiprod_server.money.tariff import GB, Tariff, euros, load
from aiprod_server.orchestration.config import Orchestration, default_path
from aiprod_server.orchestration.config import load as read

SHIPPED = read(default_path())


def _tariff(*, minimum: float = 0.0, enabled: bool = False) -> Tariff:
    prices = SHIPPED.financial_orchestrator
    rates = {tier: rate.model_copy(update={"eur_per_device_hour": 0.9}) for tier, rate in prices.tiers.items()}
    told: Orchestration = SHIPPED.model_copy(
        update={
            "financial_orchestrator": prices.model_copy(
                update={"tiers": rates, "minimum_charge_eur": minimum, "storage_eur_per_gb_month": 0.03}
            ),
            "dynamic_pricing": SHIPPED.dynamic_pricing.model_copy(
                update={"enabled": enabled, "floor": 0.8, "ceiling": 1.5}
            ),
        }
    )
    return Tariff.of(told)


@pytest.mark.parametrize(
    ("device_s", "factor", "microeur"),
    [(3600.0, 1.0, 900_000), (4.0, 1.0, 1000), (0.002, 1.0, 1), (0.001, 1.0, 0), (0.0, 1.0, 0), (4.0, 1.5, 1500)],
)
def test_a_price_is_time_by_rate_and_half_a_micro_euro_is_one(device_s: float, factor: float, microeur: int) -> None:
    assert _tariff().render_microeur("standard", device_s, factor) == microeur


def test_no_job_costs_less_than_the_minimum() -> None:
    tariff = _tariff(minimum=0.01)
    assert tariff.render_microeur("eco", 0.0) == 10_000
    assert tariff.render_microeur("eco", 400.0) == 100_000


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_more_time_never_costs_less(one_s: float, other_s: float) -> None:
    tariff = _tariff()
    less, more = sorted((one_s, other_s))
    assert tariff.render_microeur("eco", less) <= tariff.render_microeur("eco", more)


@pytest.mark.parametrize("arguments", [("gold", 1.0), ("eco", -1.0), ("eco", 1.0, -1.0)])
def test_what_has_no_price_is_refused(arguments: tuple[str, float]) -> None:
    with pytest.raises(InputError, match="got"):
        _tariff().render_microeur(*arguments)


def test_a_month_of_days_costs_a_month() -> None:
    tariff = _tariff()
    for month, days in ((2, 28), (11, 30), (12, 31)):
        in_all = sum(tariff.storage_microeur(10 * GB, date(2026, month, day)) for day in range(1, days + 1))
        assert in_all == pytest.approx(300_000, abs=days / 2)
    assert tariff.storage_microeur(0, date(2026, 2, 1)) == 0


def test_prices_follow_the_load_between_floor_and_ceiling() -> None:
    tariff = _tariff(enabled=True)
    assert [tariff.factor(share) for share in (-1.0, 0.0, 0.5, 1.0, 7.0)] == [0.8, 0.8, 1.15, 1.5, 1.5]
    assert _tariff().factor(1.0) == 1.0
    assert not SHIPPED.dynamic_pricing.enabled


def test_load_is_full_where_all_work_and_the_queue_is_long() -> None:
    def of(devices: int, running: int, queued_s: float) -> float:
        return load(devices=devices, running=running, queued_s=queued_s, busy_queue_s=600.0)

    assert of(4, 0, 0.0) == 0.0
    assert of(4, 2, 0.0) == 0.25
    assert of(4, 4, 1200.0) == 0.75
    assert of(4, 4, 2400.0) == of(4, 9, 1e9) == 1.0
    assert (of(0, 0, 0.0), of(0, 0, 1.0)) == (0.0, 1.0)


def test_micro_euros_are_millionths() -> None:
    assert euros(1_234_567) == 1.234567
