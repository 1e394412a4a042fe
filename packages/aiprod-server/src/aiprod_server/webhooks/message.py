"""A webhook as Standard Webhooks writes it (standardwebhooks.com): signed, retried under the same id, judged.

Knows no outbox and no clock: the time and the generator of jitter are arguments, and what to do next is the result.
"""

import base64
import random
import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from standardwebhooks import Webhook

from aiprod_core.errors import InputError
from aiprod_server.egress.addresses import AddressError, Reach, Resolve, checked, resolved
from aiprod_server.egress.courier import Limits, UndeliveredError, post

RETRY_AFTER_S = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600)  # after the 1st, 2nd, … failed attempt
JITTER = 0.2  # receivers that come back are not met by all messages at once
SECRET_BYTES = 32
GONE = 410


@dataclass(frozen=True, kw_only=True, eq=False)
class SigningSecret:
    """Shared with the receiver; `text` is `whsec_` and the secret in base64, and no repr shows it."""

    text: str = field(repr=False)

    def __post_init__(self) -> None:
        try:
            content = base64.b64decode(self.text.removeprefix("whsec_"), validate=True)
        except ValueError:
            content = b""
        if not self.text.startswith("whsec_") or not 24 <= len(content) <= 64:
            raise InputError("webhook secret: expected `whsec_` and 24 to 64 bytes in base64; make a new one")


@dataclass(frozen=True, kw_only=True)
class Message:
    """`id` stays the same on each retry, so that a receiver knows what it has seen; `body` is JSON."""

    id: str
    body: str

    def headers(self, signing: Sequence[SigningSecret], now_s: float) -> dict[str, str]:
        """Headers for an attempt at `now_s`, signed with each secret: two while a receiver changes over."""
        if not signing:
            raise InputError("webhook: got no secret, expected one or two; receivers refuse what is not signed")
        at = datetime.fromtimestamp(int(now_s), UTC)
        signatures = [Webhook(secret.text).sign(self.id, at, self.body) for secret in signing]
        return {
            "content-type": "application/json",
            "user-agent": "AIPROD-Webhooks/1",
            "webhook-id": self.id,
            "webhook-timestamp": str(int(now_s)),
            "webhook-signature": " ".join(signatures),
        }


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an attempt came to. `retry_at_s` only with "retry"; `reason` is for the owner of the webhook to read."""

    state: Literal["delivered", "retry", "disabled", "given_up"]
    reason: str
    retry_at_s: float | None = None


def mint_secret(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> SigningSecret:
    """A new secret of 32 bytes; `random_bytes(n)` gives n bytes, from the operating system unless a test says so."""
    return SigningSecret(text="whsec_" + base64.b64encode(random_bytes(SECRET_BYTES)).decode())


def judge(status: int | None, *, attempt: int, reason: str, now_s: float, jitter: random.Random) -> Verdict:
    """The verdict on attempt number `attempt`, from 1, that got `status`, or None where nobody answered.

    2xx is delivered; 410 disables the webhook; all else, redirects too, is tried again up to six times.
    """
    if status is not None and 200 <= status < 300:
        return Verdict(state="delivered", reason=reason)
    if status == GONE:
        return Verdict(state="disabled", reason=reason)
    if attempt > len(RETRY_AFTER_S):
        return Verdict(state="given_up", reason=f"{reason}, after {attempt} attempts")
    delay_s = RETRY_AFTER_S[attempt - 1] * (1 + JITTER * jitter.random())
    return Verdict(state="retry", reason=reason, retry_at_s=now_s + delay_s)


def deliver(
    message: Message,
    url: str,
    signing: Sequence[SigningSecret],
    *,
    attempt: int,
    now_s: float,
    jitter: random.Random,
    reach: Reach,
    resolve: Resolve = resolved,
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
) -> Verdict:
    """Attempt number `attempt`, from 1, to bring `message` to `url`, resolved and checked anew each time."""
    headers = message.headers(signing, now_s)
    try:
        target = checked(url, reach, resolve=resolve)
        status = post(target, message.body.encode(), headers, limits=limits, tls=tls)
    except (AddressError, UndeliveredError) as error:
        return judge(None, attempt=attempt, reason=str(error), now_s=now_s, jitter=jitter)
    return judge(status, attempt=attempt, reason=f"the receiver answered {status}", now_s=now_s, jitter=jitter)
