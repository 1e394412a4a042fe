"""Who calls: the key or token of a request, proven, within the client's rate, with the scope that the route asks for.

A client is what keys and tokens belong to, and all that a caller sees is its client's. What was read of a key is good
for `KEPT_S`, so that a busy client costs no query a request: a key revoked elsewhere may open that much longer.
"""

import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from aiprod_server.access import api_key, keys
from aiprod_server.access.api_key import MARK, ApiKey, KeyRecord
from aiprod_server.access.rates import Rates
from aiprod_server.access.roles import scopes_of
from aiprod_server.api.problem import ProblemError
from aiprod_server.database import reading
from aiprod_server.tables import clients

KEPT_S = 1.0
MOST_KEPT = 10_000
REALM = 'Bearer realm="aiprod"'
EXPECTED = "expected `Authorization: Bearer aip_live_…` or `X-API-Key: aip_live_…`; make one with `aiprod keys create`"

_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key `aip_live_…`, or a token.")
_api_key = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="api_key", description="An API key.")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """`key_id`: of an API key, or the subject of a token."""

    client: str
    key_id: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class _Known:
    record: KeyRecord | None
    requests_per_min: int | None
    until_s: float  # of time.monotonic


class Identities:
    """Proves keys against the database `engine`, and remembers which were used, until `used` is asked."""

    def __init__(
        self, engine: sa.Engine, *, pepper: bytes, clock: Callable[[], float], rates: Rates, requests_per_min: int
    ) -> None:
        self._engine, self._pepper, self._clock = engine, pepper, clock
        self._rates, self._requests_per_min = rates, requests_per_min
        self._known: dict[str, _Known] = {}
        self._used: dict[str, float] = {}
        self._lock = threading.Lock()

    async def caller(self, text: str | None) -> Caller:
        """Who holds the key `text`.

        Raises:
            ProblemError: no key, none that is good (401), or too many requests (429).
        """
        if not text:
            raise _unknown(f"got no API key, {EXPECTED}", None)
        if not text.startswith(MARK):
            raise _unknown(f"got no API key of this service, {EXPECTED}", "invalid_token")
        try:
            key = api_key.parse(text)
        except api_key.KeyFormatError as error:
            raise _unknown(str(error), "invalid_token") from None
        known = self._known.get(key.id)
        if known is None or time.monotonic() >= known.until_s:
            known = await run_in_threadpool(self._look, key.id)
        caller = self._proven(key, known.record)
        self._within_rate(caller.client, known.requests_per_min)
        return caller

    def forget(self, key_id: str) -> None:
        """Have the next request with this key read anew, because it was changed."""
        self._known.pop(key_id, None)

    def used(self) -> dict[str, float]:
        """When each key was last used, of those used since this was last asked."""
        with self._lock:
            used, self._used = self._used, {}
        return used

    def _look(self, key_id: str) -> _Known:
        record = keys.find(self._engine, key_id)
        limit = None
        if record is not None:
            with reading(self._engine) as connection:
                wanted = sa.select(clients.c.max_requests_per_min).where(clients.c.name == record.client)
                limit = connection.execute(wanted).scalar_one_or_none()
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        known = self._known[key_id] = _Known(record, limit, time.monotonic() + KEPT_S)
        return known

    def _proven(self, key: ApiKey, record: KeyRecord | None) -> Caller:
        now_s = self._clock()
        refusal = api_key.refusal(key, record, pepper=self._pepper, now_s=now_s)
        if record is None or refusal is not None:
            raise _unknown(f"the API key {key.prefix}… is {refusal}, {EXPECTED}", "invalid_token")
        with self._lock:
            self._used[key.id] = now_s
        return Caller(client=record.client, key_id=key.id, scopes=scopes_of(record.roles))

    def _within_rate(self, client: str, per_min: int | None) -> None:
        allowed_per_min = self._requests_per_min if per_min is None else per_min
        wait_s = self._rates.take(client, allowed_per_min)
        if wait_s is not None:
            raise ProblemError(
                "rate_limited",
                f"got more than {allowed_per_min} requests in a minute; wait {wait_s} s",
                headers={"Retry-After": str(wait_s)},
            )


def allowed(scope: str) -> Callable[..., Awaitable[Caller]]:
    """A dependency: the caller, who must hold `scope`."""

    async def caller_of(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        key: Annotated[str | None, Security(_api_key)],
    ) -> Caller:
        identities: Identities = request.app.state.service.identities
        caller = await identities.caller(bearer.credentials if bearer is not None else key)
        request.state.caller, request.state.client = caller, caller.client  # for the logs
        if scope not in caller.scopes:
            raise ProblemError(
                "missing_scope",
                f"this needs {scope}, which the key does not have; ask for a key with a role that does",
                headers={"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{scope}"'},
            )
        return caller

    return caller_of


def _unknown(detail: str, error: str | None) -> ProblemError:
    challenge = REALM if error is None else f'{REALM}, error="{error}"'
    return ProblemError("invalid_api_key", detail, headers={"WWW-Authenticate": challenge})
