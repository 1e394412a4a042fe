"""The outbox: what the ends of jobs wrote, brought to those who want to know, by as many gateways as there are.

A message is leased for one attempt, like a job: a gateway that dies with it in hand leaves it to the next, under the
same `webhook-id`, so that a receiver which has seen it knows. A message arrives at least once, or is given up with the
reason. Knows what a job looks like to its client, and no HTTP; that is in `message` and `courier`.
"""

import json
import random
import ssl
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa
from pydantic import ValidationError

from aiprod_core.errors import InputError
from aiprod_server.access import audit_log
from aiprod_server.access.audit_log import Author
from aiprod_server.database import reading, writing
from aiprod_server.egress.addresses import Reach, Resolve, resolved
from aiprod_server.egress.courier import Limits
from aiprod_server.job_body import JobBody
from aiprod_server.queue.submissions import FIELDS, as_job
from aiprod_server.tables import clients, jobs
from aiprod_server.tables import webhook_outbox as outbox
from aiprod_server.webhooks.message import Message, SigningSecret, Verdict, deliver

BATCH = 16  # attempts at once, each in a thread that mostly waits
PER_CLIENT = 4  # of them, so that one receiver that never answers does not hold up the others
LEASE_S = 120.0  # above what an attempt can take: the name server's patience, then the courier's 15 s
WAITING = outbox.c.state == "waiting"


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A message in hand. `attempts`, this one counted, tells this attempt from a later one."""

    id: str
    job_id: str
    kind: str
    url: str
    attempts: int


def deliver_due(
    engine: sa.Engine,
    reach: Reach,
    *,
    now_s: float,
    author: Author,
    jitter: random.Random | None = None,
    resolve: Resolve = resolved,
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
) -> Counter[str]:
    """Try each message that is due once, up to `BATCH` of them; how many were delivered, retry, disabled, given_up.

    It takes as long as the slowest receiver, half a minute at worst, so it wants a thread of its own. Where it comes
    back with results, more may be due: of one client it takes few at a time. A receiver that answers 410 gets nothing
    more: its client's webhook is disabled, which `author` writes into the audit log.
    """
    bring = partial(
        deliver, now_s=now_s, jitter=jitter or random.Random(), reach=reach, resolve=resolve, limits=limits, tls=tls
    )

    def attempt(held: _Held) -> str:
        try:
            message, secret = _written(engine, held)
        except InputError as error:
            verdict = Verdict(state="given_up", reason=str(error))
        else:
            verdict = bring(message, held.url, [secret], attempt=held.attempts)
        _settle(engine, held, verdict, author=author, now_s=now_s)
        return verdict.state

    if not (due := _hold(engine, now_s)):
        return Counter()
    with ThreadPoolExecutor(len(due), thread_name_prefix="webhook") as threads:
        return Counter(threads.map(attempt, due))


def _hold(engine: sa.Engine, now_s: float) -> list[_Held]:
    """Messages that are due, now held until their lease ends; of each client the oldest few."""
    due = WAITING & (outbox.c.next_at <= now_s)
    turn = sa.func.row_number().over(partition_by=jobs.c.client, order_by=(outbox.c.next_at, outbox.c.id))
    ranked = sa.select(outbox.c.id, outbox.c.next_at, turn.label("turn")).join_from(outbox, jobs).where(due).subquery()
    first = sa.select(ranked.c.id).where(ranked.c.turn <= PER_CLIENT).order_by(ranked.c.next_at).limit(BATCH)
    with reading(engine) as connection:
        ids = connection.scalars(first).all()
    if not ids:
        return []
    free = sa.select(outbox.c.id).where(outbox.c.id.in_(ids), due).with_for_update(skip_locked=True)
    with writing(engine) as connection:
        rows = connection.execute(
            sa.update(outbox)
            .where(outbox.c.id.in_(free))
            .values(attempts=outbox.c.attempts + 1, next_at=now_s + LEASE_S)
            .returning(outbox.c.id, outbox.c.job_id, outbox.c.kind, outbox.c.url, outbox.c.attempts)
        )
        return [_Held(**row._mapping) for row in rows]


def _written(engine: sa.Engine, held: _Held) -> tuple[Message, SigningSecret]:
    """The message of a job's end, as Standard Webhooks has it: type, timestamp, data; and what signs it.

    Raises `InputError` where neither this attempt nor a later one could write it.
    """
    wanted = sa.select(*FIELDS, clients.c.webhook_secret).join_from(jobs, clients).where(jobs.c.id == held.job_id)
    with reading(engine) as connection:
        row = connection.execute(wanted).one()
    if row.webhook_secret is None:
        raise InputError("the client has no secret to sign with, expected one; make it with PUT /api/v1/webhook")
    job = as_job(row)
    try:
        data = JobBody.of(job).model_dump(mode="json")
    except ValidationError as error:
        raise InputError("the job's result is not as this version writes it; update the gateways") from error
    ended = datetime.fromtimestamp(job.finished_at or job.submitted_at, UTC)
    body = {"type": held.kind, "timestamp": ended.isoformat(), "data": data}
    return Message(id=held.id, body=json.dumps(body)), SigningSecret(text=row.webhook_secret)


def _settle(engine: sa.Engine, held: _Held, verdict: Verdict, *, author: Author, now_s: float) -> None:
    """Write down what an attempt came to; one that outlived its lease only where it was delivered."""
    state = "waiting" if verdict.state == "retry" else verdict.state
    mine = [outbox.c.id == held.id, WAITING]
    if verdict.state != "delivered":
        mine.append(outbox.c.attempts == held.attempts)
    with writing(engine) as connection:
        # The client's row before those of its messages: two attempts that are told 410 at once wait for each other.
        disabled = verdict.state == "disabled" and _disable(connection, held, now_s)
        settled = {"state": state, "next_at": verdict.retry_at_s, "reason": verdict.reason}
        connection.execute(sa.update(outbox).where(*mine).values(settled))
        if disabled:
            facts = {"job": held.job_id, "reason": verdict.reason}
            audit_log.append(connection, "webhook disabled", facts, author=author, now_s=now_s)


def _disable(connection: sa.Connection, held: _Held, now_s: float) -> bool:
    """Tell nothing more to the client's webhook, where this is it and still is; whether it was."""
    whose = sa.select(jobs.c.client).where(jobs.c.id == held.job_id).scalar_subquery()
    ended = connection.execute(
        sa.update(clients)
        .where(clients.c.name == whose, clients.c.webhook_url == held.url, clients.c.webhook_disabled_at.is_(None))
        .values(webhook_disabled_at=now_s)
    )
    if not ended.rowcount:
        return False
    theirs = sa.select(jobs.c.id).where(jobs.c.client == whose)
    connection.execute(
        sa.update(outbox)
        .where(outbox.c.url == held.url, outbox.c.job_id.in_(theirs), outbox.c.id != held.id, WAITING)
        .values(state="disabled", next_at=None, reason="the receiver had answered 410")
    )
    return True
