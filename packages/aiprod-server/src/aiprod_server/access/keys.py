"""API keys in the database: created, found, listed, revoked, rotated. What makes a key good is in `api_key`.

A client may hold many keys, each under a name of its own; a rotation puts a second live key under the same name for a
while, and never a third. Every change is one transaction with its entry in the audit log.
"""

import hashlib
import hmac
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.access import api_key, audit_log
from aiprod_server.access.api_key import ApiKey, KeyRecord
from aiprod_server.access.audit import Fact
from aiprod_server.access.audit_log import Author
from aiprod_server.access.roles import scopes_of
from aiprod_server.database import insert, reading, writing
from aiprod_server.tables import api_keys, clients

GRACE_S = 24 * 3600.0
CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+:-]{0,63}")  # it stands in paths, so it needs no escape there
NAME = re.compile(r"[^\x00-\x1f\x7f]{0,64}")


class UnknownKey(InputError):
    """No key has this id."""


class KeyConflict(InputError):
    """What is asked of a key goes against how keys stand: it has ended, has a successor, or another has its name."""


def create(
    engine: sa.Engine,
    *,
    client: str,
    roles: Iterable[str],
    pepper: bytes,
    author: Author,
    now_s: float,
    name: str = "",
    expires_at_s: float | None = None,
) -> tuple[ApiKey, KeyRecord]:
    """A new key, to be shown once, and what is kept of it.

    Args:
        client: whose it is; an unknown client is written down without limits.
        roles: at least one of `roles.ROLES`.
        name: up to 64 characters, to tell the client's keys apart; left out, the id of the key.
        expires_at_s: seconds since 1970, or None for a key that lasts.

    Raises:
        KeyConflict: a live key of the client has this name.
        InputError: no role or one that does not exist, an end in the past, a name or client that cannot be written, a
            short pepper.
    """
    given = frozenset(roles)
    scopes_of(given)
    if not given:
        raise InputError("roles: got none, expected at least one; a key without a role opens nothing")
    if CLIENT.fullmatch(client) is None:
        raise InputError(
            f"client: got {client[:100]!r}, expected 1 to 64 letters, digits or any of ._@+:- that begin with a letter "
            "or digit; choose another name"
        )
    if NAME.fullmatch(name) is None:
        raise InputError(f"name of a key: got {name[:100]!r}, expected up to 64 characters without control characters")
    if expires_at_s is not None and expires_at_s <= now_s:
        raise InputError(f"expires_at: got {expires_at_s:.0f}, expected a time after now ({now_s:.0f}), or none")
    key = api_key.mint()
    record = KeyRecord(
        id=key.id,
        client=client,
        name=name or key.id,
        digest=api_key.digest(key, pepper),
        roles=given,
        created_at_s=now_s,
        expires_at_s=expires_at_s,
    )
    with writing(engine) as connection:
        connection.execute(insert(connection, clients).values(name=client).on_conflict_do_nothing())
        if any(other.is_live(now_s) for other in _line(connection, client, record.name)):
            raise KeyConflict(
                f"name of a key: got {record.name!r}, which a live key of {client} has; rotate that one, or choose "
                "another name"
            )
        _keep(connection, record, pepper)
        audit_log.append(connection, "key created", _facts(record), author=author, now_s=now_s)
    return key, record


def find(engine: sa.Engine, key_id: str) -> KeyRecord | None:
    """What is kept under an id, live or not."""
    with reading(engine) as connection:
        row = connection.execute(sa.select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
    return None if row is None else _record(row)


def records(engine: sa.Engine, client: str | None = None) -> tuple[KeyRecord, ...]:
    """All that is kept, or that of one client, oldest first."""
    wanted = sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
    if client is not None:
        wanted = wanted.where(api_keys.c.client == client)
    with reading(engine) as connection:
        return tuple(_record(row) for row in connection.execute(wanted))


def revoke(engine: sa.Engine, key_id: str, *, author: Author, now_s: float) -> KeyRecord:
    """End a key at once and for good; one that was revoked before stays as it is, and nothing is written.

    Raises:
        UnknownKey: no key has this id.
    """
    with writing(engine) as connection:
        held, _ = _hold(connection, key_id)
        if held.revoked_at_s is not None:
            return held
        ended = api_key.revoked(held, now_s)
        _end(connection, ended)
        audit_log.append(connection, "key revoked", _facts(ended), author=author, now_s=now_s)
    return ended


def rotate(
    engine: sa.Engine, key_id: str, *, pepper: bytes, author: Author, now_s: float, grace_s: float = GRACE_S
) -> tuple[ApiKey, KeyRecord]:
    """A successor with the same client, name and roles, that lasts as long as the key was made for.

    The newest live key of this name goes on for `grace_s`; an older one, of the rotation before, ends now.

    Raises:
        UnknownKey: no key has this id.
        KeyConflict: it has ended, or was rotated before.
        InputError: a negative `grace_s`.
    """
    if not grace_s >= 0:
        raise InputError(f"grace: got {grace_s} s, expected 0 or more")
    with writing(engine) as connection:
        held, line = _hold(connection, key_id)
        if not held.is_live(now_s):
            raise KeyConflict(f"key {key_id}: got one that has ended, expected a live one; create a new key instead")
        if held != line[-1]:
            raise KeyConflict(f"key {key_id}: got one that was rotated before, expected its successor {line[-1].id}")
        key, successor = _successor(held, pepper, now_s)
        after = api_key.rotated(line, successor, now_s=now_s, grace_s=grace_s)
        for record in set(after) - set(line) - {successor}:
            _end(connection, record)
        _keep(connection, successor, pepper)
        facts = _facts(successor) | {"rotated": key_id}
        audit_log.append(connection, "key rotated", facts, author=author, now_s=now_s)
    return key, successor


def touch(engine: sa.Engine, used: Mapping[str, float]) -> None:
    """Write down when keys were last used, by id, many at once; a later time stays. Ids of no key are passed over."""
    if not used:
        return
    key_id, at = sa.bindparam("key", type_=sa.String), sa.bindparam("at", type_=sa.Double)
    later = sa.or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < at)
    write = sa.update(api_keys).where(api_keys.c.id == key_id, later).values(last_used_at=at)
    rows = [{"key": key, "at": used[key]} for key in sorted(used)]  # in order: two such writers never cross
    with writing(engine, durable=False) as connection:
        connection.execute(write, rows)


def check_pepper(engine: sa.Engine, pepper: bytes, *, now_s: float) -> None:
    """Raises `InputError` where live keys were made with another pepper, and would stop without another word."""
    live = sa.and_(
        api_keys.c.revoked_at.is_(None), sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now_s)
    )
    foreign = sa.func.count().filter(api_keys.c.pepper_mark != _mark(pepper))
    with reading(engine) as connection:
        stopped, of = connection.execute(sa.select(foreign, sa.func.count()).where(live)).one()
    if stopped:
        raise InputError(
            f"pepper: {stopped} of {of} live keys were made with another one and would all stop; give back the pepper "
            "they were made with (AIPROD_PEPPER, or secrets/pepper in the storage folder), or revoke them"
        )


def _successor(held: KeyRecord, pepper: bytes, now_s: float) -> tuple[ApiKey, KeyRecord]:
    key = api_key.mint()
    # The newest of its name whatever the clocks of two gateways say: what follows goes by this order.
    created_at_s = max(now_s, math.nextafter(held.created_at_s, math.inf))
    lasts_s = None if held.expires_at_s is None else held.expires_at_s - held.created_at_s
    return key, replace(
        held,
        id=key.id,
        digest=api_key.digest(key, pepper),
        created_at_s=created_at_s,
        expires_at_s=None if lasts_s is None else created_at_s + lasts_s,
        last_used_at_s=None,
    )


def _hold(connection: sa.Connection, key_id: str) -> tuple[KeyRecord, list[KeyRecord]]:
    """The record and all of its name: whoever else changes keys of this client waits until the transaction ends."""
    owner = connection.execute(
        sa.select(api_keys.c.client, api_keys.c.name).where(api_keys.c.id == key_id)
    ).one_or_none()
    if owner is None:
        raise UnknownKey(f"no key {key_id!r}; check the id")
    line = _line(connection, owner.client, owner.name)
    return next(record for record in line if record.id == key_id), line


def _line(connection: sa.Connection, client: str, name: str) -> list[KeyRecord]:
    """The keys of one client and name, oldest first, held for writing; the client's row is the lock."""
    connection.execute(sa.select(clients.c.name).where(clients.c.name == client).with_for_update())
    found = sa.select(api_keys).where(api_keys.c.client == client, api_keys.c.name == name)
    return [_record(row) for row in connection.execute(found.order_by(api_keys.c.created_at, api_keys.c.id))]


def _keep(connection: sa.Connection, record: KeyRecord, pepper: bytes) -> None:
    connection.execute(
        sa.insert(api_keys).values(
            id=record.id,
            client=record.client,
            name=record.name,
            digest=record.digest,
            pepper_mark=_mark(pepper),
            roles=sorted(record.roles),
            created_at=record.created_at_s,
            expires_at=record.expires_at_s,
        )
    )


def _end(connection: sa.Connection, record: KeyRecord) -> None:
    ends = {"expires_at": record.expires_at_s, "revoked_at": record.revoked_at_s}
    connection.execute(sa.update(api_keys).where(api_keys.c.id == record.id).values(ends))


def _record(row: sa.Row[*tuple[object, ...]]) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        client=row.client,
        name=row.name,
        digest=row.digest,
        roles=frozenset(row.roles),
        created_at_s=row.created_at,
        expires_at_s=row.expires_at,
        revoked_at_s=row.revoked_at,
        last_used_at_s=row.last_used_at,
    )


def _facts(record: KeyRecord) -> dict[str, Fact]:
    ends = None if record.expires_at_s is None else int(record.expires_at_s)
    roles: list[Fact] = [*sorted(record.roles)]
    return {"key": record.id, "client": record.client, "name": record.name, "roles": roles, "expires_at": ends}


def _mark(pepper: bytes) -> str:
    """Tells one pepper from another, and nothing about it."""
    return hmac.digest(pepper, b"aiprod: which pepper", hashlib.sha256).hex()[:16]
