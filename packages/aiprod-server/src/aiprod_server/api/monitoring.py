"""How the service is, over HTTP: alive, ready, metrics, figures and errors for those who run it.

Everybody may ask whether it is alive and ready. Metrics are for this machine, for who has the token of the settings, or
for a key that may read figures: Prometheus holds no key of a client.
"""

import hmac
import ipaddress
from datetime import date
from importlib.metadata import version
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from aiprod_server.access.identity import Caller, allowed
from aiprod_server.api.refusals import refusals
from aiprod_server.api.service import Here, Service
from aiprod_server.money.tariff import euros
from aiprod_server.monitoring import error_log, gpu
from aiprod_server.monitoring.metrics import MEDIA_TYPE
from aiprod_server.monitoring.stats import DAY_S, stats
from aiprod_server.problem import ProblemError
from aiprod_server.queue.jobs import State

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")  # a proxy on this machine speaks for others
VERSION = version("aiprod-server")
STATS_DAYS, MOST_DAYS, MOST_ERRORS = 30, 366, 100

router = APIRouter(tags=["monitoring"])
Figures = Annotated[Caller, Depends(allowed("stats:read"))]
_reads_figures = allowed("stats:read")
_bearer = HTTPBearer(auto_error=False)


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True)


class HealthBody(_Body):
    status: Literal["alive"] = "alive"
    version: str


class CheckBody(_Body):
    """`required`: whether nothing can be served without it."""

    name: str
    passed: bool
    required: bool
    said: str


class ReadyBody(_Body):
    status: Literal["ready"] = "ready"
    version: str
    checks: tuple[CheckBody, ...]


class RouteBody(_Body):
    """Requests of one route. `refused`: 4xx, `errors`: 5xx, `error_rate`: share of the latter."""

    method: str
    route: str
    requests: int
    refused: int
    errors: int
    error_rate: float = Field(ge=0, le=1)
    p50_s: float
    p95_s: float
    p99_s: float


class LatenciesBody(_Body):
    """Requests to this gateway within the last `window_s` seconds, of each route the last 10 000 at most."""

    window_s: float
    requests: int
    error_rate: float = Field(ge=0, le=1)
    routes: tuple[RouteBody, ...]


class GpuBody(_Body):
    """A device; what it does not measure is null. `utilisation` in [0, 1], `ecc_errors` uncorrected, since the boot."""

    index: int
    name: str
    utilisation: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_c: float | None
    power_w: float | None
    ecc_errors: int | None


class GpusBody(_Body):
    """Devices of this gateway's machine, and of those whose workers were seen within the last minute, by name."""

    gateway: tuple[GpuBody, ...]
    workers: dict[str, tuple[GpuBody, ...]]


class ErrorBody(_Body):
    """Alike errors: of one kind, from one place. `message`, `trace`, `last_job_id`: of the latest."""

    fingerprint: str
    source: str
    kind: str
    message: str
    trace: str
    occurrences: int
    first_at: float
    last_at: float
    last_job_id: str | None


class ErrorsBody(_Body):
    object: Literal["list"] = "list"
    data: tuple[ErrorBody, ...]


class RevenueBody(_Body):
    day: date
    client: str
    tier: str
    jobs: int
    device_s: float
    cost_eur: float


class WorkerBody(_Body):
    name: str
    machine: str
    device: str
    started_at: float
    seen_at: float
    draining: bool


class ErrorLineBody(_Body):
    kind: str
    message: str
    occurrences: int
    last_at: float


class StatsBody(_Body):
    """The service in figures. `utilisation`: share of the devices' last hour that was charged; null without devices.

    Waits are from ready to started, of the latest thousand jobs. `revenue`: of the last `days` days, from charges.
    """

    jobs: dict[State, int]
    completed_hour: int
    completed_day: int
    wait_p50_s: float | None
    wait_p95_s: float | None
    utilisation: float | None
    revenue: tuple[RevenueBody, ...]
    revenue_eur: float
    errors: tuple[ErrorLineBody, ...]
    workers: tuple[WorkerBody, ...]
    stored_bytes: dict[str, int]


async def scraper(request: Request) -> None:
    """Let pass who may read metrics: this machine, the token of the settings, or a key with `stats:read`."""
    bearer, service = await _bearer(request), request.app.state.service
    token = service.settings.metrics_token
    if token is not None and bearer is not None:
        given, expected = bearer.credentials.encode(), token.get_secret_value().encode()
        if hmac.compare_digest(given, expected):
            return
    if bearer is None and _is_of_this_machine(request):
        return
    await _reads_figures(request)


@router.get("/health", operation_id="health")
async def health() -> HealthBody:
    """Whether this gateway is alive; asks nothing of its database."""
    return HealthBody(version=VERSION)


@router.get("/ready", operation_id="ready", responses=refusals("not_ready"))
def ready(service: Here) -> ReadyBody:
    """Whether this gateway can serve; 503 with the reasons where it cannot."""
    checks = service.readiness.read()
    missing = [f"{check.name}: {check.said}" for check in checks if check.required and not check.passed]
    if missing:
        raise ProblemError("not_ready", "; ".join(missing))
    return ReadyBody(version=VERSION, checks=tuple(CheckBody(**vars(check)) for check in checks))


@router.get(
    "/metrics",
    operation_id="metrics",
    dependencies=[Depends(scraper)],
    response_class=Response,
    responses=refusals() | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(service: Here) -> Response:
    """The metrics of the service, and of this gateway's requests, in the text format of Prometheus."""
    return Response(service.metrics.text(), media_type=MEDIA_TYPE)


@router.get("/metrics/api", operation_id="metrics_api", dependencies=[Depends(scraper)], responses=refusals())
async def latencies(service: Here) -> LatenciesBody:
    """Requests, errors and percentiles of every route of this gateway over the last minutes."""
    figures = service.window.read()
    requests = sum(one.requests for one in figures)
    return LatenciesBody(
        window_s=service.window.window_s,
        requests=requests,
        error_rate=sum(one.errors for one in figures) / max(requests, 1),
        routes=tuple(RouteBody(**vars(one), error_rate=one.error_rate) for one in figures),
    )


@router.get("/metrics/gpu", operation_id="metrics_gpu", dependencies=[Depends(scraper)], responses=refusals())
def gpus(service: Here) -> GpusBody:
    """The devices, as their drivers measure them."""
    of_workers = gpu.of_workers(service.engine, now_s=service.clock())
    return GpusBody(
        gateway=tuple(GpuBody(**vars(one)) for one in gpu.of_this_machine()),
        workers={machine: tuple(GpuBody(**vars(one)) for one in found) for machine, found in of_workers.items()},
    )


@router.get("/api/v1/admin/errors", operation_id="top_errors", responses=refusals())
def errors(
    caller: Figures, service: Here, limit: Annotated[int, Query(ge=1, le=MOST_ERRORS)] = error_log.TOP
) -> ErrorsBody:
    """The errors of gateways, workers and renders that occurred most often, with their traces."""
    return ErrorsBody(data=tuple(ErrorBody(**vars(row)) for row in error_log.top(service.engine, limit)))


@router.get("/api/v1/admin/stats", operation_id="stats", responses=refusals())
def figures_of_service(
    caller: Figures, service: Here, days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = STATS_DAYS
) -> StatsBody:
    """The service in figures: jobs, throughput, waits, revenue, devices, errors, workers, storage."""
    return _stats_body(service, days)


def _stats_body(service: Service, days: int) -> StatsBody:
    now_s = service.clock()
    found = stats(service.engine, now_s=now_s, since_s=now_s - days * DAY_S)
    revenue = tuple(
        RevenueBody(
            day=date.fromisoformat(row.day),
            client=row.client,
            tier=row.tier,
            jobs=row.jobs,
            device_s=row.device_s,
            cost_eur=euros(row.cost_microeur),
        )
        for row in found.revenue
    )
    return StatsBody(
        jobs=found.jobs,
        completed_hour=found.completed_hour,
        completed_day=found.completed_day,
        wait_p50_s=found.wait_p50_s,
        wait_p95_s=found.wait_p95_s,
        utilisation=found.utilisation,
        revenue=revenue,
        revenue_eur=euros(sum(row.cost_microeur for row in found.revenue)),
        errors=tuple(
            ErrorLineBody(kind=row.kind, message=row.message, occurrences=row.occurrences, last_at=row.last_at)
            for row in found.errors
        ),
        workers=tuple(WorkerBody(**vars(one)) for one in found.workers),
        stored_bytes=found.stored_bytes,
    )


def _is_of_this_machine(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:  # a Unix socket, or a test
        return False
