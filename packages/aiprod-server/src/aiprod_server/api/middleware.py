"""What is done for every request, whatever its route: safe headers, a limit on its body, an answer to any fault.

Plain ASGI (asgi.readthedocs.io), since streams pass through. Knows no route.
"""

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aiprod_server.api.errors import problem_response
from aiprod_server.problem import ProblemError

SAFE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}

logger = logging.getLogger(__name__)


class Answered:
    """The outermost: gives every answer its safe headers, and an answer to a request whose route failed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in SAFE.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:  # it left while it sent its body: there is nobody to answer, and no fault of ours
            return
        except Exception as error:
            # Without its message and trace, which may quote a prompt; those are in the error log, redacted.
            logger.error("a request failed: %s", type(error).__name__)
            if started:
                raise ConnectionAbortedError("the request failed after its answer had begun") from None
            await problem_response(error, scope)(scope, receive, sending)


class BodyLimit:
    """Refuses a body of more than `most_bytes`, by the length it announces, or as it comes."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app, self._most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._most_bytes:
            await problem_response(self._too_large(), scope)(scope, receive, send)
            return
        seen_bytes = 0

        async def receiving() -> Message:
            nonlocal seen_bytes
            message = await receive()
            seen_bytes += len(message.get("body", b""))
            if seen_bytes > self._most_bytes:
                raise self._too_large()
            return message

        await self._app(scope, receiving, send)

    def _too_large(self) -> ProblemError:
        return ProblemError(
            "body_too_large", f"got a body of more than {self._most_bytes} bytes, expected at most that; send less"
        )
