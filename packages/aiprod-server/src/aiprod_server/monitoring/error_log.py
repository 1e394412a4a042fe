"""Errors that the operator must see: alike ones are one row, with how often and when. Knows no HTTP and no worker.

Alike are errors of one kind from one place. The place is the innermost frames of our own code, by file and function:
a line number changes with every edit, and the frames of a library say little about who called it.
"""

import hashlib
import re
import traceback
from dataclasses import dataclass
from typing import Literal, TypeAlias

import sqlalchemy as sa

from aiprod_server.database import insert, reading, writing
from aiprod_server.redaction import redacted
from aiprod_server.tables import error_log

Source: TypeAlias = Literal["gateway", "worker", "render"]

FRAMES = 3  # of our own that tell one place from another
KIND_CHARS, MESSAGE_CHARS, TRACE_CHARS = 128, 1000, 20_000
TOP = 10
FRAME = re.compile(r'^ *File "([^"\n]+)", line \d+, in (\S+)', re.MULTILINE)
# What stands before a package is a machine's own; what follows tells modules of one name apart.
HOME = re.compile(r'"[^"\n]*/(?=(?:aiprod_\w+)/)|"[^"\n]*/site-packages/')
OWN = re.compile(r"^aiprod_\w+/")
NUMBER = re.compile(r"[0-9a-f]{8,}|\d+")


@dataclass(frozen=True, kw_only=True)
class LoggedError:
    """A row: `message`, `trace` and `last_job_id` are those of the latest occurrence. Times are seconds since 1970."""

    fingerprint: str
    source: str
    kind: str
    message: str
    trace: str
    occurrences: int
    first_at: float
    last_at: float
    last_job_id: str | None


def record(
    engine: sa.Engine,
    source: Source,
    kind: str,
    message: str,
    trace: str = "",
    job_id: str | None = None,
    *,
    now_s: float,
) -> str:
    """Count one occurrence; its fingerprint, 64 hexadecimal digits.

    Args:
        kind: the class of the error.
        message: what it says, shown without secrets and paths, at most 1000 characters.
        trace: as Python prints it, likewise, its last 20 000 characters; "" where there is none.
    """
    shown = _shown(HOME.sub('"', trace))[-TRACE_CHARS:]
    said = _shown(message)[:MESSAGE_CHARS]
    kind = kind[:KIND_CHARS]
    latest = {"message": said, "trace": shown, "last_at": now_s, "last_job_id": job_id}
    row = {"fingerprint": fingerprint(source, kind, said, shown), "source": source, "kind": kind, "first_at": now_s}
    with writing(engine, durable=False) as connection:
        connection.execute(
            insert(connection, error_log)
            .values(row | latest | {"occurrences": 1})
            .on_conflict_do_update(
                index_elements=["fingerprint"], set_=latest | {"occurrences": error_log.c.occurrences + 1}
            )
        )
    return str(row["fingerprint"])


def record_exception(
    engine: sa.Engine, source: Source, error: BaseException, job_id: str | None = None, *, now_s: float
) -> str:
    """`record` of an exception that was caught."""
    trace = "".join(traceback.format_exception(error))
    return record(engine, source, type(error).__name__, str(error), trace, job_id, now_s=now_s)


def fingerprint(source: str, kind: str, message: str, trace: str) -> str:
    """What alike errors share: SHA-256 of source, kind and place; without a trace, the message without its numbers."""
    frames = [(file, function) for file, function in FRAME.findall(trace)]
    place = [frame for frame in frames if OWN.match(frame[0])][-FRAMES:] or frames[-FRAMES:]
    where = [part for frame in place for part in frame] or [NUMBER.sub("#", message)]
    return hashlib.sha256("\0".join((source, kind, *where)).encode()).hexdigest()


def top(engine: sa.Engine, limit: int = TOP) -> tuple[LoggedError, ...]:
    """The errors that occurred most often, the most frequent first."""
    wanted = [error_log.c[name] for name in LoggedError.__dataclass_fields__]
    order = (error_log.c.occurrences.desc(), error_log.c.last_at.desc(), error_log.c.fingerprint)
    with reading(engine) as connection:
        rows = connection.execute(sa.select(*wanted).order_by(*order).limit(limit))
        return tuple(LoggedError(**row._mapping) for row in rows)


def _shown(text: str) -> str:
    # PostgreSQL holds no NUL in text, and no half of a surrogate pair.
    return redacted(text).replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
