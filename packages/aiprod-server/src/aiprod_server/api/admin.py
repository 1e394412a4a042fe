"""What those who run the service do over HTTP: keys, limits, usage, anyone's job, workers.

Every act is in the audit log. A role of an administrator is one of the whole service: who holds such a key sees every
client.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from aiprod_server import acts
from aiprod_server.access import keys, usage_log
from aiprod_server.access.api_key import MARK, ApiKey, KeyRecord
from aiprod_server.access.identity import Caller, allowed
from aiprod_server.access.roles import Role
from aiprod_server.api.reading import JSON, WHOLE, json_body
from aiprod_server.api.refusals import refusals
from aiprod_server.api.schema import reads
from aiprod_server.api.service import Here
from aiprod_server.job_body import JobBody
from aiprod_server.problem import Code, ProblemError
from aiprod_server.queue import clients, submissions, workers
from aiprod_server.queue.clients import Limits

CLIENT = rf"^{keys.CLIENT.pattern}$"
KEY_ID = r"^[0-9A-Za-z]{11}$"
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
JOB_ID = r"^job_[0-9a-f]{24}$"
YEAR_10000_S = 253_402_300_800
LONGEST_GRACE_S = 30 * 86_400
USAGE_DAYS = 30  # of usage, where nothing is said

router = APIRouter(prefix="/api/v1/admin", tags=["admin"])
Count = Annotated[int, Field(ge=0, lt=2**31), WHOLE]
# RFC 3339, 5.6: by itself, pydantic would take seconds since 1970 for a day as well.
Day = Annotated[date, BeforeValidator(lambda value: date.fromisoformat(value) if DAY.fullmatch(value) else None)]
KeyReader = Annotated[Caller, Depends(allowed("keys:read"))]
KeyWriter = Annotated[Caller, Depends(allowed("keys:write"))]
LimitReader = Annotated[Caller, Depends(allowed("limits:read"))]
LimitWriter = Annotated[Caller, Depends(allowed("limits:write"))]
UsageReader = Annotated[Caller, Depends(allowed("usage:read"))]
Canceller = Annotated[Caller, Depends(allowed("jobs:cancel-any"))]
Drainer = Annotated[Caller, Depends(allowed("queue:drain"))]
KeyId = Annotated[str, Path(pattern=KEY_ID, description="The part of a key between `aip_live_` and the next `_`.")]
JobId = Annotated[str, Path(pattern=JOB_ID)]
WorkerName = Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f/]{1,255}$", description="As `admin/stats` names it.")]
ClientName = Annotated[str, Path(pattern=CLIENT)]
Whose = Annotated[str | None, Query(pattern=CLIENT, description="Of this client alone.")]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NewKey(_Body):
    """A key to make. `expires_at`: seconds since 1970; left out, it lasts. `name`: left out, the id of the key."""

    client: str = Field(pattern=CLIENT)
    roles: list[Role] = Field(min_length=1)
    name: str = Field("", pattern=rf"^{keys.NAME.pattern}$")
    expires_at: float | None = Field(None, gt=0, lt=YEAR_10000_S)


class KeyBody(_Body):
    """A key, without its secret. Times are seconds since 1970 UTC. `last_used_at`: to a few seconds."""

    object: Literal["key"] = "key"
    id: str
    prefix: str
    client: str
    name: str
    roles: tuple[str, ...]
    live: bool
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None

    @classmethod
    def of(cls, record: KeyRecord, now_s: float, **more: Any) -> Self:
        """The key of `record`, as it stands at `now_s`."""
        return cls(
            id=record.id,
            prefix=f"{MARK}_{record.id}",
            client=record.client,
            name=record.name,
            roles=tuple(sorted(record.roles)),
            live=record.is_live(now_s),
            created_at=record.created_at_s,
            expires_at=record.expires_at_s,
            revoked_at=record.revoked_at_s,
            last_used_at=record.last_used_at_s,
            **more,
        )


class ShownKeyBody(KeyBody):
    """A key that was just made. `key` is shown here and never again."""

    key: str


class KeysBody(_Body):
    object: Literal["list"] = "list"
    data: tuple[KeyBody, ...]


class LimitsBody(_Body):
    """What a client may have; null is no limit, and of requests what the service's settings say.

    `budget_device_s`: seconds of devices in a calendar month (UTC).
    """

    max_running: Count | None = None
    max_queued: Count | None = None
    max_requests_per_min: Count | None = None
    budget_device_s: float | None = Field(None, ge=0, le=1e12)


class ClientLimitsBody(LimitsBody):
    """`spent_device_s`: of the budget, in this month."""

    client: str
    spent_device_s: float


class UsageBody(_Body):
    """What a client asked of a route on a day (UTC). `errors`: answers of 400 and more; `duration_s`: all together."""

    day: date
    client: str
    method: str
    route: str
    requests: int
    errors: int
    duration_s: float


class UsagesBody(_Body):
    """Usage of the days in [`since`, `until`)."""

    object: Literal["list"] = "list"
    since: date
    until: date
    data: tuple[UsageBody, ...]


class DrainingBody(_Body):
    object: Literal["worker"] = "worker"
    name: str
    draining: Literal[True] = True


NEW_KEY, LIMITS = TypeAdapter(NewKey), TypeAdapter(LimitsBody)
UNREAD: tuple[Code, ...] = ("invalid_request", "body_too_large", "unsupported_media_type")


@router.get("/keys", operation_id="list_keys", responses=refusals())
def list_keys(caller: KeyReader, service: Here, client: Whose = None) -> KeysBody:
    """Every key, live or ended, oldest first; nothing of their secrets."""
    now_s = service.clock()
    return KeysBody(data=tuple(KeyBody.of(record, now_s) for record in keys.records(service.engine, client)))


@router.post(
    "/keys",
    operation_id="create_key",
    status_code=201,
    responses=refusals(*UNREAD, "key_conflict"),
    openapi_extra=reads({JSON: NEW_KEY}),
)
async def create_key(request: Request, caller: KeyWriter, service: Here) -> ShownKeyBody:
    """Make a key, and show it this once. A client that is not known is written down, without limits."""
    asked = await json_body(request, NEW_KEY)
    now_s = service.clock()
    key, record = await run_in_threadpool(
        keys.create,
        service.engine,
        client=asked.client,
        roles=asked.roles,
        name=asked.name,
        expires_at_s=asked.expires_at,
        pepper=service.pepper,
        author=service.author(caller),
        now_s=now_s,
    )
    return _shown(key, record, now_s)


@router.post("/keys/{key_id}/revoke", operation_id="revoke_key", responses=refusals("not_found"))
def revoke_key(key_id: KeyId, caller: KeyWriter, service: Here) -> KeyBody:
    """End a key at once and for good; other gateways follow within a second."""
    now_s = service.clock()
    try:
        record = keys.revoke(service.engine, key_id, author=service.author(caller), now_s=now_s)
    except keys.UnknownKey as error:
        raise ProblemError("not_found", str(error), param="key_id") from None
    service.identities.forget(key_id)
    return KeyBody.of(record, now_s)


@router.post(
    "/keys/{key_id}/rotate",
    operation_id="rotate_key",
    status_code=201,
    responses=refusals("not_found", "key_conflict"),
)
def rotate_key(
    key_id: KeyId,
    caller: KeyWriter,
    service: Here,
    grace_s: Annotated[float, Query(ge=0, le=LONGEST_GRACE_S, description="How long the old key goes on.")] = (
        keys.GRACE_S
    ),
) -> ShownKeyBody:
    """Make the successor of a key, with its client, name and roles, and show it this once."""
    now_s, author = service.clock(), service.author(caller)
    try:
        key, record = keys.rotate(
            service.engine, key_id, pepper=service.pepper, author=author, now_s=now_s, grace_s=grace_s
        )
    except keys.UnknownKey as error:
        raise ProblemError("not_found", str(error), param="key_id") from None
    for other in keys.records(service.engine, record.client):
        service.identities.forget(other.id)
    return _shown(key, record, now_s)


@router.get("/clients/{name}/limits", operation_id="client_limits", responses=refusals())
def client_limits(name: ClientName, caller: LimitReader, service: Here) -> ClientLimitsBody:
    """What a client may have, and what it spent; a client that is not known has no limits yet."""
    return _limits(service, name, clients.limits(service.engine, name))


@router.put(
    "/clients/{name}/limits",
    operation_id="set_client_limits",
    responses=refusals(*UNREAD),
    openapi_extra=reads({JSON: LIMITS}),
)
async def set_client_limits(request: Request, name: ClientName, caller: LimitWriter, service: Here) -> ClientLimitsBody:
    """Say all that a client may have; what is left out is without a limit. What runs goes on."""
    asked = await json_body(request, LIMITS)
    limits = await run_in_threadpool(
        acts.set_limits,
        service.engine,
        name,
        author=service.author(caller),
        now_s=service.clock(),
        max_running=asked.max_running,
        max_queued=asked.max_queued,
        max_requests_per_min=asked.max_requests_per_min,
        budget_device_s=asked.budget_device_s,
    )
    return await run_in_threadpool(_limits, service, name, limits)


@router.get("/usage", operation_id="usage", responses=refusals("invalid_request"))
def usage(
    caller: UsageReader,
    service: Here,
    since: Annotated[Day | None, Query(description="The first day; left out, 30 days before `until`.")] = None,
    until: Annotated[Day | None, Query(description="The day after the last; left out, tomorrow (UTC).")] = None,
    client: Whose = None,
) -> UsagesBody:
    """Requests by day, client and route; those of the last second may not be there yet."""
    tomorrow = datetime.fromtimestamp(service.clock(), UTC).date() + timedelta(days=1)
    end = until or tomorrow
    # The first day that dates can name has none before it.
    begin = since or max(end, date.min + timedelta(days=USAGE_DAYS)) - timedelta(days=USAGE_DAYS)
    rows = usage_log.summary(service.engine, since_s=_midnight_s(begin), until_s=_midnight_s(end), client=client)
    data = tuple(
        UsageBody(
            day=date.fromisoformat(row.day),
            client=row.client,
            method=row.method,
            route=row.route,
            requests=row.requests,
            errors=row.errors,
            duration_s=row.duration_s,
        )
        for row in rows
    )
    return UsagesBody(since=begin, until=end, data=data)


@router.post("/jobs/{job_id}/cancel", operation_id="cancel_any_job", responses=refusals("not_found"))
def cancel_any_job(job_id: JobId, caller: Canceller, service: Here) -> JobBody:
    """Cancel a job of any client, and free its device; one that has ended stays as it is."""
    acts.cancel_job(service.engine, job_id, author=service.author(caller), now_s=service.clock())
    return JobBody.of(submissions.job(service.engine, job_id))


@router.post("/workers/{name}/drain", operation_id="drain_worker", status_code=202, responses=refusals("not_found"))
def drain_worker(name: WorkerName, caller: Drainer, service: Here) -> DrainingBody:
    """Have a worker end what it has and take nothing new; it learns it within seconds, and ends when it is done."""
    try:
        acts.drain_worker(service.engine, name, author=service.author(caller), now_s=service.clock())
    except workers.UnknownWorker as error:
        raise ProblemError("not_found", str(error), param="name") from None
    return DrainingBody(name=name)


def _shown(key: ApiKey, record: KeyRecord, now_s: float) -> ShownKeyBody:
    return ShownKeyBody.of(record, now_s, key=key.reveal())


def _limits(service: Here, name: str, limits: Limits) -> ClientLimitsBody:
    return ClientLimitsBody(
        client=name,
        max_running=limits.max_running,
        max_queued=limits.max_queued,
        max_requests_per_min=limits.max_requests_per_min,
        budget_device_s=limits.budget_device_s,
        spent_device_s=clients.spent_device_s(service.engine, name, now_s=service.clock()),
    )


def _midnight_s(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
