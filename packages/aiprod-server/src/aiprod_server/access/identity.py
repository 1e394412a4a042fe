"""Who calls: the key or token of a request, proven, within the client's rate, with the scope that the route asks for.

A client is what keys and tokens belong to, and all that a caller sees is its client's. What was read of a key is good
for `KEPT_S`, so that a busy client costs no query a request: a key revoked elsewhere may open that much longer.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from aiprod_server.access import api_key, keys
from aiprod_server.access.api_key import MARK, KeyRecord
from aiprod_server.access.person import Person, TokenError
from aiprod_server.access.rates import Rates
from aiprod_server.access.refused import Refused
from aiprod_server.access.roles import scopes_of
from aiprod_server.problem import ProblemError
from aiprod_server.queue.clients import limits

KEPT_S = 1.0
MOST_KEPT = 10_000
REALM = 'Bearer realm="aiprod"'
EXPECTED = "expected `Authorization: Bearer aip_live_…` or `X-API-Key: aip_live_…`; make one with `aiprod keys create`"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """`key_id`: of an API key, or the subject of a token."""

    client: str
    key_id: str
    scopes: frozenset[str]


class Tokens(Protocol):
    """What judges tokens that are no API keys: `oidc.Verifier`, which a service without a provider does not load."""

    def person(self, token: str, *, now_s: float) -> Person:
        """Whose `token` it is. Raises `TokenError`."""


@dataclass(frozen=True)
class _Known:
    """What the database, or a token, said of its bearer."""

    caller: Caller | None
    record: KeyRecord | None
    requests_per_min: int | None
    until_s: float  # of time.monotonic


class Identities:
    """Proves keys against the database `engine`, and remembers which were used, until `used` is asked.

    Args:
        tokens: judges what is no API key; None: nothing else is let in.
        refused: takes note of logins that failed.
        requests_per_min: of a client for whom nothing else is written down.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        pepper: bytes,
        clock: Callable[[], float],
        requests_per_min: int,
        tokens: Tokens | None = None,
        refused: Refused | None = None,
    ) -> None:
        self._engine, self._pepper, self._clock = engine, pepper, clock
        self._requests_per_min, self._tokens, self._refused = requests_per_min, tokens, refused
        self._rates = Rates()
        self._known: dict[str, _Known] = {}
        self._used: dict[str, float] = {}

    async def caller(self, text: str | None) -> Caller:
        """Who holds the key or token `text`.

        Raises:
            ProblemError: nothing, or nothing that is good (401), or too many requests (429).
        """
        if not text:
            raise _unauthorised(f"got no API key, {EXPECTED}")
        if text.startswith(MARK) or self._tokens is None:
            caller, requests_per_min = await self._of_key(text)
        else:
            caller, requests_per_min = await self._of_token(text, self._tokens)
        self._within_rate(caller.client, requests_per_min)
        return caller

    def forget(self, key_id: str) -> None:
        """Have the next request with this key read anew, because it was changed."""
        self._known.pop(key_id, None)

    def used(self) -> dict[str, float]:
        """When each key was last used, of those used since this was last asked."""
        used, self._used = self._used, {}
        return used

    async def _of_key(self, text: str) -> tuple[Caller, int | None]:
        try:
            key = api_key.parse(text)
        except api_key.KeyFormatError as error:
            raise self._refusal("malformed", str(error)) from None
        known = self._still_known(key.id)
        if known is None:
            known = await run_in_threadpool(self._look, key.id)
        now_s = self._clock()
        refusal = api_key.refusal(key, known.record, pepper=self._pepper, now_s=now_s)
        if known.caller is None or refusal is not None:
            raise self._refusal(refusal or "unknown", f"the API key {key.prefix}… is {refusal}, {EXPECTED}", key.id)
        self._used[key.id] = now_s
        return known.caller, known.requests_per_min

    async def _of_token(self, text: str, tokens: Tokens) -> tuple[Caller, int | None]:
        name = hashlib.sha256(text.encode()).hexdigest()
        known = self._still_known(name)
        if known is None:
            try:
                known = await run_in_threadpool(self._judge, name, text, tokens)
            except TokenError as error:
                raise self._refusal("token", str(error)) from None
        assert known.caller is not None
        return known.caller, known.requests_per_min

    def _still_known(self, name: str) -> _Known | None:
        known = self._known.get(name)
        return known if known is not None and time.monotonic() < known.until_s else None

    def _look(self, key_id: str) -> _Known:
        record = keys.find(self._engine, key_id)
        caller = None
        if record is not None:
            caller = Caller(client=record.client, key_id=key_id, scopes=scopes_of(record.roles))
        return self._keep(key_id, caller, record)

    def _judge(self, name: str, text: str, tokens: Tokens) -> _Known:
        person = tokens.person(text, now_s=self._clock())
        scopes = scopes_of(person.roles)
        return self._keep(name, Caller(client=person.client, key_id=person.subject[:64], scopes=scopes), None)

    def _keep(self, name: str, caller: Caller | None, record: KeyRecord | None) -> _Known:
        limit = None if caller is None else limits(self._engine, caller.client).max_requests_per_min
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        known = self._known[name] = _Known(caller, record, limit, time.monotonic() + KEPT_S)
        return known

    def _within_rate(self, client: str, per_min: int | None) -> None:
        allowed_per_min = self._requests_per_min if per_min is None else per_min
        wait_s = self._rates.take(client, allowed_per_min)
        if wait_s is not None:
            raise ProblemError(
                "rate_limited",
                f"got more than {allowed_per_min} requests in a minute; wait {wait_s} s",
                headers={"Retry-After": str(wait_s)},
            )

    def _refusal(self, reason: str, detail: str, key_id: str | None = None) -> ProblemError:
        if self._refused is not None:
            self._refused.add(reason, key_id)
        return _unauthorised(detail, ', error="invalid_token"')


@dataclass(frozen=True)
class Allowed:
    """A dependency of a route: the caller, who must hold `scope`."""

    scope: str

    async def __call__(self, request: Request) -> Caller:
        identities: Identities = request.app.state.service.identities
        caller = await identities.caller(_credential(request))
        request.state.caller, request.state.client = caller, caller.client  # for the logs
        if self.scope not in caller.scopes:
            raise ProblemError(
                "missing_scope",
                f"this needs {self.scope}, which the key does not have; ask for a key with a role that does",
                headers={"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{self.scope}"'},
            )
        return caller


allowed = Allowed  # as routes say it: Depends(allowed("jobs:read"))


def _credential(request: Request) -> str | None:
    """What a request says that it may. Who sends an Authorization is that or nobody, also of another scheme."""
    given = request.headers.get("authorization")
    if given is None:
        return request.headers.get("x-api-key")
    scheme, _, credentials = given.partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else given


def _unauthorised(detail: str, error: str = "") -> ProblemError:
    return ProblemError("invalid_api_key", detail, headers={"WWW-Authenticate": REALM + error})
