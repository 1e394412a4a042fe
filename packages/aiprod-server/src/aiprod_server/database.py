"""Opens the database of a URL: SQLite on one machine, PostgreSQL for many. Knows no table.

`writing` and `reading` are the only ways in: each is one explicit transaction, committed at the end of the block and
rolled back by an error. On SQLite a writer begins IMMEDIATE, so that it waits for its turn at once instead of failing
when a read turns into a write.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from aiprod_core.errors import InputError

KEPT_CONNECTIONS = 20  # of a process with PostgreSQL, opened as they are needed
BUSY_S = 30  # how long a writer of SQLite waits for its turn
# PostgreSQL takes back what a transaction holds that says nothing for so long: its machine has stopped. Shorter than a
# lease, so that the row of the job is free when another wants it.
STALLED_S = 15.0
# Of libpq: a server that is not reached, or has gone without a word, is an error after some seconds and not some hours.
REACHED = {"connect_timeout": "10", "keepalives_idle": "15", "keepalives_interval": "5", "tcp_user_timeout": "30000"}
SHAPES = "sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
MOUNTS = Path("/proc/self/mountinfo")
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "gpfs", "beegfs"})
NETWORK_FILE_SYSTEMS |= {"fuse.sshfs", "fuse.glusterfs", "fuse.cephfs", "fuse.rclone"}

_TURNS: WeakKeyDictionary[sa.Engine, threading.RLock] = WeakKeyDictionary()


def connect(url: str) -> sa.Engine:
    """The engine of a database that answers.

    Args:
        url: `sqlite:///PATH`, a file whose folder exists, or `postgresql+psycopg://…`.

    Raises:
        InputError: another URL; SQLite in memory, in no folder or on a network file system; no answer.
    """
    parsed = _parsed(url)
    match parsed.drivername:
        case "sqlite":
            engine = _sqlite(parsed)
        case "postgresql+psycopg":
            engine = _postgresql(parsed)
        case other:
            raise InputError(f"got a database URL of {other!r}, expected {SHAPES}")
    try:
        with reading(engine) as connection:
            connection.execute(sa.select(1))
    except DBAPIError as error:
        engine.dispose()
        said = " ".join(str(error.orig).split())
        raise InputError(
            f"database {parsed.render_as_string()} does not answer: {said}; start it or name another"
        ) from error
    return engine


def missing_file(url: str) -> Path | None:
    """The file of a SQLite database that is not there yet, and which `connect` would make; None of any other.

    Raises:
        InputError: a URL that cannot be read.
    """
    parsed = _parsed(url)
    if parsed.drivername != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    path = Path(str(parsed.database))
    return None if path.exists() else path


@contextmanager
def writing(engine: sa.Engine, *, durable: bool = True) -> Iterator[sa.Connection]:
    """One transaction that may write.

    Args:
        durable: whether the commit waits for PostgreSQL's disk. Without it, a crash of the database forgets the
            transaction if it is younger than a second, whole and never half. SQLite in WAL with synchronous=NORMAL
            waits in neither case: it forgets when the machine loses power, and nothing when a process dies.
    """
    with _turn(engine), engine.begin() as connection:
        if not durable and connection.dialect.name == "postgresql":
            connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
        yield connection


def _turn(engine: sa.Engine) -> AbstractContextManager[object]:
    """SQLite has one writer: those of this process come one by one, and not when SQLite happens to look again.

    Who finds the database locked sleeps up to 100 ms before the next look, and may find another one there.
    """
    return _TURNS.setdefault(engine, threading.RLock()) if engine.dialect.name == "sqlite" else nullcontext()


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that only reads: on SQLite it waits for no writer."""
    with engine.execution_options(reading=True).begin() as connection:
        yield connection


def insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """INSERT with `on_conflict_…`, which both databases have and standard SQL has not."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def network_file_system(path: Path, mounts: str) -> str | None:
    """The network file system that holds an absolute `path`, if one does.

    Args:
        path: an absolute path without links.
        mounts: the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)): the mount point is field 5, and the type
            follows the separator.
    """
    held, kind = Path("/"), ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].replace("\\040", " "))
        if path.is_relative_to(point) and len(point.parts) >= len(held.parts):  # of equals, the later hides the other
            held, kind = point, after.split()[0]
    return kind if kind in NETWORK_FILE_SYSTEMS else None


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise InputError(f"got a database URL that cannot be read, expected {SHAPES}") from error


def _postgresql(url: URL) -> sa.Engine:
    engine = sa.create_engine(
        url.update_query_dict(REACHED | dict(url.query)),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        # As many as a gateway has threads: those beyond are closed after each use, and a new one is a process there.
        pool_size=KEPT_CONNECTIONS,
        # The connection used last, whose server process is warm: taking turns among idle ones halved the claims.
        pool_use_lifo=True,
        # Nothing is prepared: PostgreSQL would keep the plan that it made while the queue was empty, where every index
        # costs the same, and 100 000 jobs later claims would read them all. That also suits PgBouncer.
        connect_args={"prepare_threshold": None},
    )
    sa.event.listen(engine, "connect", _end_if_stalled)
    return engine


def _end_if_stalled(connection: Any, record: object) -> None:
    connection.execute(f"SET idle_in_transaction_session_timeout = {round(1000 * STALLED_S)}")  # ms
    connection.commit()


def _sqlite(url: URL) -> sa.Engine:
    if url.database in (None, "", ":memory:"):
        raise InputError(f"got a database in memory, which dies with its process; expected {SHAPES}")
    path = Path(str(url.database)).resolve()
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder of the database does not exist; create it or name another")
    kind = network_file_system(path, MOUNTS.read_text()) if MOUNTS.exists() else None
    if kind:
        raise InputError(
            f"{path} lies on a network file system ({kind}), where SQLite loses data; expected a local disk, "
            "or PostgreSQL for many machines"
        )
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_S})
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, record: object) -> None:
    """A new connection: the driver's own transactions off, those of `_begin` on."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
