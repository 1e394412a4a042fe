"""A problem document (RFC 9457), with the member `error` that clients of OpenAI's API read.

Knows no HTTP framework, and no error but its own; headers such as `Retry-After` and `Allow` belong to the response.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from aiprod_core.errors import AiprodError
from aiprod_server.redaction import redacted

MEDIA_TYPE = "application/problem+json"
DETAIL_CHARS = 1000  # an error that quotes a prompt of 1 MB is not sent back whole

Code = Literal[
    "invalid_request",
    "invalid_api_key",
    "missing_scope",
    "not_found",
    "method_not_allowed",
    "request_in_flight",
    "job_not_ended",
    "key_conflict",
    "gone",
    "body_too_large",
    "unsupported_media_type",
    "range_not_satisfiable",
    "invalid_field",
    "unreadable_media",
    "idempotency_mismatch",
    "rate_limited",
    "quota_exceeded",
    "internal_error",
    "model_unavailable",
    "not_ready",
]


@dataclass(frozen=True)
class Kind:
    status: int
    title: str
    openai_type: str


KINDS: Mapping[Code, Kind] = MappingProxyType(
    {
        "invalid_request": Kind(400, "The request cannot be carried out as written", "invalid_request_error"),
        "invalid_api_key": Kind(401, "The API key is missing or not valid", "authentication_error"),
        "missing_scope": Kind(403, "The API key does not allow this", "permission_error"),
        "not_found": Kind(404, "There is nothing under this name", "invalid_request_error"),
        "method_not_allowed": Kind(405, "This address has no such method", "invalid_request_error"),
        "request_in_flight": Kind(409, "The same request is still being carried out", "invalid_request_error"),
        "job_not_ended": Kind(409, "The job has not ended", "invalid_request_error"),
        "key_conflict": Kind(409, "The key cannot be made or changed as keys stand", "invalid_request_error"),
        "gone": Kind(410, "It was here and is no more", "invalid_request_error"),
        "body_too_large": Kind(413, "The request is too large", "invalid_request_error"),
        "unsupported_media_type": Kind(415, "The body is of a type that is not read here", "invalid_request_error"),
        "range_not_satisfiable": Kind(416, "The file has no such part", "invalid_request_error"),
        "invalid_field": Kind(422, "A field is not as it must be", "invalid_request_error"),
        "unreadable_media": Kind(422, "A picture, sound or video cannot be read", "invalid_request_error"),
        "idempotency_mismatch": Kind(422, "The idempotency key stands for another body", "invalid_request_error"),
        "rate_limited": Kind(429, "Too many requests", "rate_limit_error"),
        "quota_exceeded": Kind(429, "The quota is used up", "insufficient_quota"),
        "internal_error": Kind(500, "The service failed", "server_error"),
        "model_unavailable": Kind(503, "The model is not available", "server_error"),
        "not_ready": Kind(503, "The service is not ready", "server_error"),
    }
)


class ProblemError(AiprodError):
    """An error that is known by its code, with what only HTTP has to say of it.

    `param`: the field at fault, as `images.0.frame`. `headers`: of the response, such as `Allow`.
    """

    def __init__(
        self, code: Code, detail: str, *, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.code: Code = code
        self.param = param
        self.headers = dict(headers or {})


class OpenAIError(BaseModel):
    """`type` is OpenAI's class of errors, `code` says which one, `param` names the field at fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: str
    type: str
    code: Code
    param: str | None = None


class Problem(BaseModel):
    """`type` is a URI that names the problem, `instance` the request that met it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    instance: str | None = None
    error: OpenAIError

    @classmethod
    def of(cls, code: Code, detail: str, *, param: str | None = None, instance: str | None = None) -> "Problem":
        """The problem `code`; `detail` says what was got, what is expected and what to do, and is made fit to show."""
        kind, said = KINDS[code], _shown(detail)
        return cls(
            type=f"urn:aiprod:problem:{code.replace('_', '-')}",
            title=kind.title,
            status=kind.status,
            detail=said,
            instance=instance,
            error=OpenAIError(message=said, type=kind.openai_type, code=code, param=param),
        )

    def content(self) -> bytes:
        """The body of the response, JSON in UTF-8; OpenAI's `param` is there even where it is null."""
        left_out = {"instance"} if self.instance is None else set()
        return self.model_dump_json(exclude=left_out).encode()


def _shown(detail: str) -> str:
    said = redacted(detail).encode(errors="replace").decode()  # half a surrogate pair has no place in JSON
    return said if len(said) <= DETAIL_CHARS else said[: DETAIL_CHARS - 1] + "…"
