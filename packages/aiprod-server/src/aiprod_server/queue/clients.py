"""What a client may have, and where the ends of its jobs are told. Knows no job.

The limits are kept where they bind: `submissions` refuses a job, `turns` passes a client over, in the transaction that
would break them. A budget is seconds of devices in a calendar month (UTC); what is spent of it is written with each
charge, and a month that begins has spent nothing.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypedDict, Unpack

import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.database import insert, reading, writing
from aiprod_server.tables import clients

NAME_LENGTH = 64


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a client may have; None is no limit, and of requests what the service's settings say."""

    max_running: int | None = None  # jobs at once
    max_queued: int | None = None  # jobs that wait
    max_requests_per_min: int | None = None
    budget_device_s: float | None = None  # in a calendar month, UTC


class Changes(TypedDict, total=False):
    """Limits to change; what is left out stays."""

    max_running: int | None
    max_queued: int | None
    max_requests_per_min: int | None
    budget_device_s: float | None


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Where the ends of a client's jobs are told. No repr shows the URL, which may bear a token, or the secret."""

    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    disabled_at: float | None  # since when the receiver wants no more


LIMITS = [clients.c[name] for name in Limits.__dataclass_fields__]
SPENT_S = sa.case((clients.c.spent_month == sa.bindparam("month"), clients.c.spent_device_s), else_=0.0)
WITHIN_BUDGET = sa.or_(clients.c.budget_device_s.is_(None), clients.c.budget_device_s > SPENT_S)


def limits(engine: sa.Engine, client: str) -> Limits:
    """A client's limits; one that is not known has none."""
    with reading(engine) as connection:
        row = connection.execute(sa.select(*LIMITS).where(clients.c.name == client)).one_or_none()
    return Limits() if row is None else Limits(**row._mapping)


def set_limits(engine: sa.Engine, client: str, **changes: Unpack[Changes]) -> Limits:
    """Change some of a client's limits, and leave the others. All of them, as they then are.

    They hold for what is submitted and claimed from now on; what runs goes on.

    Raises:
        InputError: a name out of its range, or a limit below nothing.
    """
    with writing(engine) as connection:
        return write_limits(connection, client, **changes)


def write_limits(connection: sa.Connection, client: str, **changes: Unpack[Changes]) -> Limits:
    """`set_limits`, in the caller's transaction."""
    for name, limit in changes.items():
        if isinstance(limit, int | float) and not limit >= 0:
            raise InputError(f"{name}: got {limit}, expected 0 or more, or null for no limit")
    know(connection, client)
    if changes:
        connection.execute(sa.update(clients).where(clients.c.name == client).values(**changes))
    row = connection.execute(sa.select(*LIMITS).where(clients.c.name == client)).one()
    return Limits(**row._mapping)


def spent_device_s(engine: sa.Engine, client: str, *, now_s: float) -> float:
    """Seconds of devices that a client's jobs have taken in the month of `now_s`."""
    wanted = sa.select(SPENT_S).where(clients.c.name == client)
    with reading(engine) as connection:
        return float(connection.execute(wanted, {"month": month(now_s)}).scalar_one_or_none() or 0.0)


def set_webhook(engine: sa.Engine, client: str, url: str | None, secret: str | None) -> None:
    """Name where the ends of a client's jobs are told, or nowhere. A webhook that was disabled begins anew.

    Args:
        url: as `webhooks.addresses` accepts it; the caller has asked.
        secret: `whsec_…`, as `webhooks.message` mints it.

    Raises:
        InputError: a name out of its range.
    """
    with writing(engine) as connection:
        write_webhook(connection, client, url, secret)


def write_webhook(connection: sa.Connection, client: str, url: str | None, secret: str | None) -> None:
    """`set_webhook`, in the caller's transaction."""
    row = {"webhook_url": url, "webhook_secret": secret, "webhook_disabled_at": None}
    know(connection, client)
    connection.execute(sa.update(clients).where(clients.c.name == client).values(row))


def webhook_of(engine: sa.Engine, client: str) -> Webhook | None:
    """Where the ends of a client's jobs are told, if anywhere."""
    wanted = sa.select(clients.c.webhook_url, clients.c.webhook_secret, clients.c.webhook_disabled_at)
    with reading(engine) as connection:
        row = connection.execute(wanted.where(clients.c.name == client)).one_or_none()
    if row is None or row.webhook_url is None:
        return None
    return Webhook(url=row.webhook_url, secret=row.webhook_secret, disabled_at=row.webhook_disabled_at)


def know(connection: sa.Connection, client: str) -> None:
    """Write a client down, without limits, where it is not yet known.

    Raises:
        InputError: a name that is empty or longer than 64 characters.
    """
    if not 1 <= len(client) <= NAME_LENGTH:
        raise InputError(f"got a client's name of {len(client)} characters, expected 1 to {NAME_LENGTH}")
    connection.execute(insert(connection, clients).values(name=client).on_conflict_do_nothing())


def month(now_s: float) -> str:
    """The calendar month (UTC) of a moment, such as 2026-08."""
    return datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m")


def until_next_month_s(now_s: float) -> float:
    """Seconds until the calendar month (UTC) of a moment ends: above 0."""
    first = datetime.fromtimestamp(now_s, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1).timestamp() - now_s
