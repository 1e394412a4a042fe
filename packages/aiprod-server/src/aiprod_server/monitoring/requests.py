"""Every request to the gateway, seen from outside: its route, status and duration, and an id that its logs share.

Routes are patterns (`/api/v1/jobs/{job_id}`), never paths, so that what is kept does not grow with the ids that clients
ask for. Knows no metrics and no database: listeners do.
"""

import logging
import math
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aiprod_server.monitoring.logs import REQUEST_ID

HEADER = "X-Request-Id"
UUID_FORM = re.compile(r"(?i)[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE, OTHER = "(none)", "OTHER"
WINDOW_S, MOST = 300.0, 10_000
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request that was answered. `client`, `key_id`: whose key it carried, if any. A stream ends when it begins."""

    method: str
    route: str
    status: int
    duration_s: float
    request_id: str
    client: str | None
    key_id: str | None = None


Listener: TypeAlias = Callable[[Seen], None]
OnError: TypeAlias = Callable[[Exception], object]  # may wait for a database: it is called in a thread


class Watched:
    """ASGI middleware, the outermost: gives each request its id, and tells `listeners` when it is answered.

    The id is the client's own (`X-Request-Id`) where that is a UUID. Whoever answers finds it in the scope's state,
    and leaves the caller there (`access.identity`).
    """

    def __init__(self, app: ASGIApp, listeners: Sequence[Listener]) -> None:
        self._app, self._listeners = app, listeners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request_id = _request_id(Headers(scope=scope).get(HEADER, ""))
        scope.setdefault("state", {})["request_id"] = request_id
        token = REQUEST_ID.set(request_id)
        answer = _Answer(send, request_id)
        try:
            await self._app(scope, receive, answer)
        except Exception:
            answer.status = 500
            raise
        finally:
            seen = _seen(scope, answer)
            for listener in self._listeners:
                listener(seen)
            REQUEST_ID.reset(token)


class Recorded:
    """ASGI middleware, within the one that answers for failed routes: tells `on_error` of them, and lets them go on."""

    def __init__(self, app: ASGIApp, on_error: OnError) -> None:
        self._app, self._on_error = app, on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:  # the client's doing
            raise
        except Exception as error:
            try:
                await run_in_threadpool(self._on_error, error)
            except Exception as lost:  # the database is down, perhaps; that is no reason to hide `error`
                logger.error("an error could not be written down: %s", type(lost).__name__)
            raise


class _Answer:
    """`send`, with the request's id added, and a note of the status and of when a stream began."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self._request_id = send, request_id
        self.status = 499  # as nginx says it: the client left before there was an answer
        self._began_s, self._streaming_s = time.perf_counter(), math.nan

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[HEADER] = self._request_id
            if headers.get("content-type", "").startswith("text/event-stream"):
                self._streaming_s = time.perf_counter()
        await self._send(message)

    @property
    def duration_s(self) -> float:
        end_s = time.perf_counter() if math.isnan(self._streaming_s) else self._streaming_s
        return end_s - self._began_s


def log_access(seen: Seen) -> None:
    """A listener: one line of the log for a request."""
    level = logging.ERROR if seen.status >= 500 else logging.INFO
    facts = {"method": seen.method, "route": seen.route, "status": seen.status, "client": seen.client}
    logger.log(
        level,
        "%s %s %d %.1f ms",
        seen.method,
        seen.route,
        seen.status,
        1000 * seen.duration_s,
        extra={"facts": facts | {"duration_s": round(seen.duration_s, 6)}},
    )


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of the requests of one route. `refused`: 4xx, `errors`: 5xx; percentiles by nearest rank, in seconds."""

    method: str
    route: str
    requests: int
    refused: int
    errors: int
    p50_s: float
    p95_s: float
    p99_s: float

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests


class Window:
    """A listener that remembers the last `window_s` seconds of each route, and of those the last `most` requests."""

    def __init__(
        self, window_s: float = WINDOW_S, most: int = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.window_s, self._most, self._clock = window_s, most, clock
        self._lock = threading.Lock()
        self._routes: MutableMapping[tuple[str, str], deque[tuple[float, float, int]]] = {}

    def __call__(self, seen: Seen) -> None:
        with self._lock:
            kept = self._routes.setdefault((seen.method, seen.route), deque(maxlen=self._most))
            kept.append((self._clock(), seen.duration_s, seen.status))

    def read(self) -> tuple[Figures, ...]:
        """The routes that were asked for within the window, the busiest first."""
        with self._recent() as routes:
            figures = [_figures(*name, *zip(*kept, strict=True)) for name, kept in routes.items()]
        return tuple(sorted(figures, key=lambda one: (-one.requests, one.route, one.method)))

    @contextmanager
    def _recent(self) -> Iterator[MutableMapping[tuple[str, str], deque[tuple[float, float, int]]]]:
        oldest = self._clock() - self.window_s
        with self._lock:
            for name, kept in [*self._routes.items()]:
                while kept and kept[0][0] < oldest:
                    kept.popleft()
                if not kept:
                    del self._routes[name]
            yield self._routes


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the values, given in order, that at least this share of them does not exceed."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def _figures(
    method: str, route: str, moments: Sequence[float], durations_s: Sequence[float], statuses: Sequence[int]
) -> Figures:
    ordered = sorted(durations_s)
    return Figures(
        method=method,
        route=route,
        requests=len(ordered),
        refused=sum(400 <= status < 500 for status in statuses),
        errors=sum(status >= 500 for status in statuses),
        p50_s=percentile(ordered, 0.50),
        p95_s=percentile(ordered, 0.95),
        p99_s=percentile(ordered, 0.99),
    )


def _seen(scope: Scope, answer: _Answer) -> Seen:
    state: MutableMapping[str, Any] = scope["state"]
    caller = state.get("caller")
    return Seen(
        method=scope["method"] if scope["method"] in METHODS else OTHER,
        route=getattr(scope.get("route"), "path", NO_ROUTE),
        status=answer.status,
        duration_s=answer.duration_s,
        request_id=state["request_id"],
        client=getattr(caller, "client", None),
        key_id=getattr(caller, "key_id", None),
    )


def _request_id(given: str) -> str:
    return given.lower() if UUID_FORM.fullmatch(given) else str(uuid.uuid4())
