"""What a request would cost, over HTTP, before it is queued: the body of `generate`, answered with times and prices."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

from aiprod_server.access.identity import Caller, allowed
from aiprod_server.api import orders
from aiprod_server.api.reading import JSON, json_body
from aiprod_server.api.refusals import refusals
from aiprod_server.api.requests import BODY, Body
from aiprod_server.api.schema import reads
from aiprod_server.api.service import Here, Service
from aiprod_server.money.estimates import Basis, Estimate
from aiprod_server.money.tariff import euros
from aiprod_server.orchestration.sanitizer import FieldError

router = APIRouter(tags=["costs"])


class TierBody(BaseModel):
    """The same request in a tier; null where nothing is known, or where the tier cannot make it."""

    model_config = ConfigDict(frozen=True)

    device_s: float | None
    cost_eur: float | None


class CostBody(BaseModel):
    """What a request would take of a device and cost. Nothing is queued, and nothing is promised.

    `basis`: what it is reckoned from; "none" is a service that has neither measured its machine nor finished jobs, and
    then times and prices are null. `wait_s`: until it would begin, null where no worker is there. `stages_s` adds up to
    `device_s`. `price_factor`: of rates, where they follow the load. `tiers`: the same request in each tier.
    """

    model_config = ConfigDict(frozen=True)

    object: Literal["cost_estimate"] = "cost_estimate"
    tier: str
    device_s: float | None
    wait_s: float | None
    cost_eur: float | None
    currency: Literal["EUR"]
    price_factor: float
    basis: Basis
    stages_s: dict[str, float]
    tiers: dict[str, TierBody]


@router.post(
    "/api/v1/estimate-cost",
    operation_id="estimate_cost",
    responses=refusals("invalid_request", "body_too_large", "not_found", "unsupported_media_type", "model_unavailable"),
    openapi_extra=reads({JSON: BODY}),
)
async def estimate_cost(
    request: Request, caller: Annotated[Caller, Depends(allowed("jobs:submit"))], service: Here
) -> CostBody:
    """Say what `generate` with this body would take and cost, and the same in the other tiers."""
    return await run_in_threadpool(_cost, service, await json_body(request, BODY, tagged=True))


def _cost(service: Service, body: Body) -> CostBody:
    now_s = service.clock()
    factor = service.estimator.factor(now_s)
    told = _estimate(service, body, factor)
    return CostBody(
        tier=body.tier,
        device_s=told.device_s,
        wait_s=service.estimator.backlog(now_s).wait_s,
        cost_eur=_euros(told),
        currency=service.orchestration.financial_orchestrator.currency,
        price_factor=factor,
        basis=told.basis,
        stages_s=dict(told.stages_s),
        tiers={tier: _in_tier(service, body, tier, factor) for tier in service.orchestration.render_executor.tiers},
    )


def _in_tier(service: Service, body: Body, tier: str, factor: float) -> TierBody:
    try:
        told = _estimate(service, body.model_copy(update={"tier": tier}), factor)
    except FieldError:  # a storyboard may say a quality that only one tier has
        return TierBody(device_s=None, cost_eur=None)
    return TierBody(device_s=told.device_s, cost_eur=_euros(told))


def _estimate(service: Service, body: Body, factor: float) -> Estimate:
    request = orders.filled(body, service.orchestration, service.settings.models_root)
    return service.estimator.estimate(request, factor=factor)


def _euros(told: Estimate) -> float | None:
    return None if told.cost_microeur is None else euros(told.cost_microeur)
