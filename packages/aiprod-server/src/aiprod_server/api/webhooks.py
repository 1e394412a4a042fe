"""A client's webhook over HTTP: where the ends of its jobs are told. How they are told is in `webhooks`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, TypeAdapter

from aiprod_server import acts
from aiprod_server.access.identity import Caller, allowed
from aiprod_server.api.reading import JSON, json_body
from aiprod_server.api.refusals import refusals
from aiprod_server.api.requests import WebhookUrl
from aiprod_server.api.schema import reads
from aiprod_server.api.service import Here, Service
from aiprod_server.egress.addresses import checked
from aiprod_server.problem import ProblemError
from aiprod_server.queue import clients
from aiprod_server.webhooks.message import SigningSecret, mint_secret

NONE = "got a client without a webhook; set one with PUT /api/v1/webhook"

router = APIRouter(tags=["webhook"])
Reader = Annotated[Caller, Depends(allowed("webhook:read"))]
Writer = Annotated[Caller, Depends(allowed("webhook:write"))]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewWebhook(_Body):
    """`url`: public, or in a network that the operator allows."""

    url: WebhookUrl


class WebhookBody(_Body):
    """`disabled_at`: since when nothing is told, because the receiver answered 410; seconds since 1970."""

    object: Literal["webhook"] = "webhook"
    url: str
    disabled_at: float | None


class ShownWebhookBody(WebhookBody):
    """`secret` signs every message (standardwebhooks.com); it is shown here and never again."""

    secret: str


NEW = TypeAdapter(NewWebhook)


@router.put(
    "/api/v1/webhook",
    operation_id="set_webhook",
    responses=refusals("invalid_request", "body_too_large", "unsupported_media_type"),
    openapi_extra=reads({JSON: NEW}),
)
async def set_webhook(request: Request, caller: Writer, service: Here) -> ShownWebhookBody:
    """Have the ends of jobs told here, signed with a new secret, which takes the place of an earlier one."""
    asked = await json_body(request, NEW)
    secret = await run_in_threadpool(_set, service, caller, asked.url)
    return ShownWebhookBody(url=asked.url, disabled_at=None, secret=secret.text)


@router.get("/api/v1/webhook", operation_id="webhook", responses=refusals("not_found"))
def webhook(caller: Reader, service: Here) -> WebhookBody:
    """Where the ends of jobs are told."""
    kept = clients.webhook_of(service.engine, caller.client)
    if kept is None:
        raise ProblemError("not_found", NONE)
    return WebhookBody(url=kept.url, disabled_at=kept.disabled_at)


@router.delete("/api/v1/webhook", operation_id="delete_webhook", status_code=204, responses=refusals("not_found"))
def delete_webhook(caller: Writer, service: Here) -> None:
    """Have the ends of jobs told nowhere, and forget the secret."""
    if clients.webhook_of(service.engine, caller.client) is None:
        raise ProblemError("not_found", NONE)
    acts.drop_webhook(service.engine, caller.client, author=service.author(caller), now_s=service.clock())


def _set(service: Service, caller: Caller, url: str) -> SigningSecret:
    checked(url, service.reach)  # and again before each delivery: a name can change its address
    secret = mint_secret()
    acts.set_webhook(service.engine, caller.client, url, secret, author=service.author(caller), now_s=service.clock())
    return secret
