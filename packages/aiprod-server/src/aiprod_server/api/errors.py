"""Every error of the API becomes a problem document here: raised ones, refused bodies, unknown routes, faults of ours.

Knows the framework's own exceptions; what is said of the others, `explanation` knows.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from aiprod_core.errors import AiprodError
from aiprod_server.api.explanation import explain
from aiprod_server.problem import MEDIA_TYPE, Code, ProblemError
from aiprod_server.queue.jobs import QuotaExceeded

MESSAGES = {
    "string_pattern_mismatch": "got another form than the pattern in /openapi.json",
    "extra_forbidden": "no such field; see /openapi.json",
    "missing": "got nothing, expected a value",
}
CODES: Mapping[int, Code] = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


def handle_errors(app: FastAPI) -> None:
    """Have `app` answer errors with problem documents."""
    app.add_exception_handler(AiprodError, _raised)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(HTTPException, _of_framework)


def problem_response(error: Exception, scope: Scope) -> Response:
    """The response that tells a client of `error`; it names the request by the id that the log has."""
    request_id = scope.get("state", {}).get("request_id")
    problem = explain(error, instance=f"urn:aiprod:request:{request_id}" if request_id else None)
    headers: dict[str, str] = {"X-Request-Id": request_id} if request_id else {}
    match error:
        case ProblemError():
            headers |= error.headers
        case QuotaExceeded():
            headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return Response(problem.content(), problem.status, headers, media_type=MEDIA_TYPE)


def invalid_field(faults: Sequence[Mapping[str, Any]]) -> ProblemError:
    """What pydantic found, as one problem that names the first field at fault.

    Args:
        faults: `errors()` of a validation error, `loc` without the part of the request.
    """
    first = faults[0]
    param = ".".join(str(part) for part in first["loc"]) or ("kind" if first.get("type") == "kind" else "body")
    message = MESSAGES.get(first.get("type", ""), first["msg"])
    more = f"; {len(faults) - 1} more fields are wrong" if len(faults) > 1 else ""
    return ProblemError("invalid_field", f"{param}: {message}{more}", param=param)


async def _raised(request: Request, error: Exception) -> Response:
    return problem_response(error, request.scope)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [{**fault, "loc": fault["loc"][1:]} for fault in error.errors()]  # without "query", "path" or "body"
    return problem_response(invalid_field(faults), request.scope)


async def _of_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    code = CODES.get(error.status_code, "invalid_request")
    said = {
        "not_found": "there is nothing at this address; see /openapi.json",
        "method_not_allowed": f"this address has no {request.method}; see Allow, or /openapi.json",
    }
    if code == "method_not_allowed":
        headers = {"Allow": ", ".join(allowed_methods(request))}
    return problem_response(ProblemError(code, said.get(code, str(error.detail)), headers=headers), request.scope)


def allowed_methods(request: Request) -> list[str]:
    """The methods of every route at the address of `request`: the framework names those of the first one alone."""
    matching = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in matching for method in getattr(route, "methods", None) or ()})
