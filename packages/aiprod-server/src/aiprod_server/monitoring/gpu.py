"""The NVIDIA devices of the machines; what their driver cannot measure is absent, not zero.

A gateway looks at its own machine; of the others it knows what their workers wrote beside their names.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from aiprod_server.database import reading, writing
from aiprod_server.queue.workers import UNSEEN_S
from aiprod_server.tables import workers


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A device. `index`: as the driver counts. `utilisation` in [0, 1], `ecc_errors`: uncorrected, since the boot."""

    index: int
    name: str
    utilisation: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    ecc_errors: int | None = None


def of_this_machine() -> tuple[Gpu, ...]:
    """The devices as they are now; none where there is no driver."""
    from aiprod_server.monitoring import nvml  # slow to import, and needed when somebody looks

    return nvml.devices()


def report(engine: sa.Engine, worker: str, gpus: Iterable[Gpu]) -> None:
    """Write what a worker's machine has beside the worker's name."""
    with writing(engine, durable=False) as connection:
        connection.execute(
            sa.update(workers).where(workers.c.name == worker).values(gpus=[asdict(gpu) for gpu in gpus])
        )


def of_workers(engine: sa.Engine, *, now_s: float) -> dict[str, tuple[Gpu, ...]]:
    """Machine → devices, of the workers that were seen within the last minute."""
    wanted = sa.select(workers.c.machine, workers.c.gpus).where(
        workers.c.seen_at >= now_s - UNSEEN_S, workers.c.gpus.is_not(None)
    )
    with reading(engine) as connection:  # several workers of one machine see the same devices; the latest is kept
        rows = connection.execute(wanted.order_by(workers.c.seen_at))
        return {row.machine: tuple(Gpu(**gpu) for gpu in row.gpus) for row in rows if row.gpus}
