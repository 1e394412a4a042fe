"""Who works: a row for every device of every worker, from its start to its end. Knows no job and no lease.

A worker that dies leaves its row behind. `present` passes it over as soon as it is not seen, and whoever appears after
a day takes it away.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.database import insert, reading, writing
from aiprod_server.tables import workers

UNSEEN_S = 60.0  # as long as a lease: who beats its jobs is seen
FORGOTTEN_S = 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A device at work. Times are seconds since 1970 UTC."""

    name: str  # as its claims bear it
    machine: str
    device: str
    started_at: float
    seen_at: float
    draining: bool  # it ends what it has, and takes nothing new


class UnknownWorker(InputError):
    """No worker has this name, or not any more."""


def appear(engine: sa.Engine, name: str, machine: str, device: str, now_s: float) -> None:
    """Write down that a worker has started; under a name that is there, it starts anew."""
    row = {"machine": machine, "device": device, "started_at": now_s, "seen_at": now_s, "draining": False}
    with writing(engine) as connection:
        connection.execute(sa.delete(workers).where(workers.c.seen_at < now_s - FORGOTTEN_S))
        connection.execute(
            insert(connection, workers)
            .values(name=name, **row)
            .on_conflict_do_update(index_elements=["name"], set_=row)
        )


def seen(engine: sa.Engine, name: str, now_s: float) -> bool:
    """Write down that a worker is there. Whether it is asked to drain.

    Raises:
        UnknownWorker: it was not seen for a day, and is forgotten; it appears again.
    """
    with writing(engine, durable=False) as connection:
        return _changed(connection, name, seen_at=now_s)


def drain(engine: sa.Engine, name: str) -> None:
    """Ask a worker to end what it has and to take nothing new; it learns it when it is seen next.

    Raises:
        UnknownWorker: no worker has this name.
    """
    with writing(engine) as connection:
        write_drain(connection, name)


def write_drain(connection: sa.Connection, name: str) -> None:
    """`drain`, in the caller's transaction."""
    _changed(connection, name, draining=True)


def leave(engine: sa.Engine, name: str) -> None:
    """Take away a worker that has ended, if it is there."""
    with writing(engine) as connection:
        connection.execute(sa.delete(workers).where(workers.c.name == name))


def present(engine: sa.Engine, now_s: float) -> list[Worker]:
    """The workers that were seen in the last minute, by machine and name."""
    columns = [workers.c[name] for name in Worker.__dataclass_fields__]
    wanted = sa.select(*columns).where(workers.c.seen_at >= now_s - UNSEEN_S)
    with reading(engine) as connection:
        rows = connection.execute(wanted.order_by(workers.c.machine, workers.c.name))
        return [Worker(**row._mapping) for row in rows]


def _changed(connection: sa.Connection, name: str, **values: object) -> bool:
    """Whether the worker drains, after its row has taken `values`."""
    row = connection.execute(
        sa.update(workers).where(workers.c.name == name).values(**values).returning(workers.c.draining)
    ).one_or_none()
    if row is None:
        raise UnknownWorker(f"no worker {name!r}; it is gone, or has not begun")
    return bool(row.draining)
