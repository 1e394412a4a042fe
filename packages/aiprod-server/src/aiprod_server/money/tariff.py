"""What device time and stored files cost, by the operator's configuration. Pure; knows no job and no database.

Money is counted in whole micro-euros, so that sums are exact. A price is reckoned in decimal from what the
configuration says and rounded once, at its end, half a micro-euro up (`ROUND_HALF_UP`, as invoices are).
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

from aiprod_core.errors import InputError
from aiprod_server.orchestration.blocks import DynamicPricing, Orchestration

MICRO = 1_000_000
HOUR_S = 3600
GB = 10**9


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """Rates in euros: `device_hour` by tier, of `minimum` for a job that completed, of a GB (10⁹ bytes) for a month."""

    device_hour: Mapping[str, Decimal]
    minimum: Decimal
    gb_month: Decimal
    dynamic: DynamicPricing

    @classmethod
    def of(cls, orchestration: Orchestration) -> Self:
        """The rates of the blocks `financialOrchestrator` and `dynamicPricing`."""
        prices = orchestration.financial_orchestrator
        return cls(
            device_hour={tier: _decimal(rate.eur_per_device_hour) for tier, rate in prices.tiers.items()},
            minimum=_decimal(prices.minimum_charge_eur),
            gb_month=_decimal(prices.storage_eur_per_gb_month),
            dynamic=orchestration.dynamic_pricing,
        )

    def render_microeur(self, tier: str, device_s: float, factor: float = 1.0) -> int:
        """What a completed job costs.

        Args:
            device_s: device time, at least 0.
            factor: of dynamic pricing, as it was when the job was submitted.

        Raises:
            InputError: a tier without a price, a negative time or factor.
        """
        if tier not in self.device_hour:
            raise InputError(f"tier: got {tier!r}, expected one of {', '.join(self.device_hour)}")
        if device_s < 0 or factor < 0:
            raise InputError(f"price: got {device_s} s of devices times {factor}, expected neither below 0")
        used = self.device_hour[tier] * _decimal(factor) * _decimal(device_s) / HOUR_S
        return _micro(max(used, self.minimum))

    def storage_microeur(self, size_bytes: int, day: date) -> int:
        """What files that lie there at the end of `day` cost for that day: a share of its month."""
        days = calendar.monthrange(day.year, day.month)[1]
        return _micro(self.gb_month * size_bytes / GB / days)

    def factor(self, load: float) -> float:
        """What rates are multiplied by at a load in [0, 1]; 1 where dynamic pricing is off."""
        if not self.dynamic.enabled:
            return 1.0
        share = min(max(load, 0.0), 1.0)
        return round(self.dynamic.floor + share * (self.dynamic.ceiling - self.dynamic.floor), 4)


def load(*, devices: int, running: int, queued_s: float, busy_queue_s: float) -> float:
    """How busy the devices are, [0, 1]: half by the share of them at work, half by how long the queue keeps each busy.

    Args:
        queued_s: device time that waits; `busy_queue_s` of it for each device counts as full.
    """
    if devices == 0:
        return 1.0 if running or queued_s else 0.0
    return min(running / devices, 1.0) / 2 + min(queued_s / devices / busy_queue_s, 1.0) / 2


def euros(microeur: int) -> float:
    """Micro-euros as euros, for people and JSON."""
    return microeur / MICRO


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))  # as it is written in the configuration, not as binary holds it


def _micro(eur: Decimal) -> int:
    return int((eur * MICRO).quantize(Decimal(1), rounding=ROUND_HALF_UP))
