"""What a route may answer instead of what was asked for, as its OpenAPI says it."""

from collections.abc import Mapping
from typing import Any

from aiprod_server.problem import KINDS, MEDIA_TYPE, Code

PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
ANYWHERE: tuple[Code, ...] = ("invalid_api_key", "missing_scope", "invalid_field", "rate_limited", "internal_error")
# Of an order, however it comes.
SUBMITTING: tuple[Code, ...] = (
    "invalid_request",
    "not_found",
    "body_too_large",
    "unsupported_media_type",
    "unreadable_media",
    "idempotency_mismatch",
    "quota_exceeded",
    "model_unavailable",
)


def refusals(*codes: Code, headers: Mapping[int, Mapping[str, str]] | None = None) -> dict[int | str, dict[str, Any]]:
    """What a route may answer instead, for its OpenAPI: these, and those that any route may.

    Args:
        headers: status → name → what it says, of answers of any kind.
    """
    said: dict[int, list[str]] = {}
    for code in (*codes, *ANYWHERE):
        said.setdefault(KINDS[code].status, []).append(KINDS[code].title)
    responses: dict[int | str, dict[str, Any]] = {
        status: {"description": ". ".join(dict.fromkeys(titles)), "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}}
        for status, titles in sorted(said.items())
    }
    for status, told in (headers or {}).items():
        named = {name: {"description": text, "schema": {"type": "string"}} for name, text in told.items()}
        responses.setdefault(status, {})["headers"] = named
    return responses
