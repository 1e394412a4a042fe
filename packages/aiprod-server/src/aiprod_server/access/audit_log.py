"""The audit log in the database: an entry is written in the transaction of what it tells of, or neither is.

Entries are numbered 1, 2, 3 … without gaps and sealed in that order, however many processes write at once: a writer
holds the end of the log until its transaction ends. Knows what an entry looks like, not what is worth one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.access import audit
from aiprod_server.access.audit import Entry, Fact, Head
from aiprod_server.database import reading, writing
from aiprod_server.tables import audit_log

TURN = 0x61756469745F6C6F  # PostgreSQL's advisory lock of whoever writes: "audit_lo" in ASCII
PAGE = 1000  # entries read at once
NEWEST = sa.select(audit_log).order_by(audit_log.c.number.desc()).limit(1)


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who does what is written, such as `key aip_live_3fK…`, `operator ada` or `gateway`; `key` seals it."""

    name: str
    key: bytes = field(repr=False)


def append(
    connection: sa.Connection, what: str, facts: Mapping[str, Fact], *, author: Author, now_s: float
) -> tuple[int, Entry]:
    """Seal what was done, as the last write of the caller's transaction; the number of the entry, and the entry.

    The last, since every other writer waits from here to the end of the transaction: a row locked after this could be
    held by one of them.

    Args:
        what: the act in the past, such as "key created".
        facts: on what, and with which values; nothing secret, and no floats (see `audit.chained`).

    Raises:
        InputError: facts without a canonical form, or a key of less than 32 bytes.
    """
    if connection.dialect.name == "postgresql":  # SQLite's writer is alone
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(TURN)))
    last = connection.execute(NEWEST).one_or_none()
    number = 1 if last is None else last.number + 1
    previous = None if last is None else Entry(text=last.text, seal=last.seal)
    at = datetime.fromtimestamp(now_s, UTC).isoformat(timespec="milliseconds")
    entry = audit.chained(previous, {**facts, "number": number, "at": at, "by": author.name, "what": what}, author.key)
    connection.execute(sa.insert(audit_log).values(number=number, text=entry.text, seal=entry.seal))
    return number, entry


def note(engine: sa.Engine, what: str, facts: Mapping[str, Fact], *, author: Author, now_s: float) -> None:
    """`append` in a transaction of its own, for what happens outside the database. Raises as it does."""
    with writing(engine) as connection:
        append(connection, what, facts, author=author, now_s=now_s)


def entries(engine: sa.Engine) -> Iterator[Entry]:
    """The whole log, oldest first, read a thousand at a time: what is appended meanwhile comes too."""
    after = 0
    while True:
        page = sa.select(audit_log).where(audit_log.c.number > after).order_by(audit_log.c.number).limit(PAGE)
        with reading(engine) as connection:
            rows = connection.execute(page).all()
        if not rows:
            return
        for row in rows:
            yield Entry(text=row.text, seal=row.seal)
        after = rows[-1].number


def head(engine: sa.Engine) -> Head:
    """The head to export and keep elsewhere."""
    with reading(engine) as connection:
        last = connection.execute(NEWEST).one_or_none()
    return Head(count=0) if last is None else Head(count=last.number, seal=last.seal)


def first_broken(engine: sa.Engine, key: bytes, *, head: Head | None = None) -> int | None:
    """Number of the first entry that is not as it was sealed, or is missing up to `head`; None where all are whole.

    Raises:
        InputError: a key of less than 32 bytes.
    """
    index = audit.verify(entries(engine), key, head=head)
    return None if index is None else index + 1


def check_key(engine: sa.Engine, key: bytes) -> None:
    """Raises `InputError` where the log is sealed with another key: entries of this one would break its chain.

    Neither the first entry nor the newest fits then; a log in which one of them was changed is for `first_broken`.
    """
    ends = sa.select(audit_log).order_by(audit_log.c.number.desc()).limit(2)
    with reading(engine) as connection:
        newest = connection.execute(ends).all()
        first = connection.execute(sa.select(audit_log).order_by(audit_log.c.number).limit(1)).one_or_none()
    if first is None:
        return
    last, before = newest[0], Entry(text="", seal=newest[1].seal) if len(newest) > 1 else None
    if audit.seals(key, first.text, first.seal) or audit.seals(key, last.text, last.seal, previous=before):
        return
    raise InputError(
        "audit key: got another than that of the log, whose chain its entries would break; give back the one it was "
        "begun with (AIPROD_AUDIT_KEY, or secrets/audit_key in the storage folder)"
    )
