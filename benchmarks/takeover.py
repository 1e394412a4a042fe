"""How soon a job is another worker's when its machine stops for good, and what that machine writes should it wake.

A worker and its child are stopped (SIGSTOP) in the middle of a job, as a machine is that hangs or is cut off; another
waits. Once that one has completed the job, the first is woken (SIGCONT): it may write no row and change no file. On
SQLite and a private PostgreSQL. Prints a table and writes build/benchmarks/takeover.json.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from aiprod_server.clock import Clock
from aiprod_server.database import reading
from aiprod_server.queue import submissions
from aiprod_server.queue.jobs import State
from aiprod_server.queue.leases import LEASE_S
from aiprod_server.tables import charges, clients, error_log, job_events, job_steps, jobs, webhook_outbox

sys.path.append(str(Path(__file__).parent / "local_service"))
from running import LocalService, children, count, databases, local_service, until

BAR_S = 2.0  # after the lease
ROUNDS = 4_000_000  # about a second a step, so that the worker is stopped in the middle of one
IN_THE_MIDDLE_S = 0.3
LIMIT_S = 120.0
WRITTEN = (jobs, job_steps, job_events, charges, clients, webhook_outbox, error_log)
AWAKE_S = 3.0  # how long the woken worker is watched
CONSOLE = Console(width=120)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--haste", type=float, default=1.0, help="by how much the queue's waits are shortened")
    asked = parser.parse_args()
    rows = []
    for database, url, folder in databases(asked.databases):
        with local_service(url, folder, workers=2, rounds=ROUNDS, haste=asked.haste) as service:
            rows.append({"database": database, **measured(service, LEASE_S / asked.haste)})
    table = Table("database", "lease, s", "taken over after, s", "rows and files changed by the woken", "bars")
    for row in rows:
        taken = f"{row['taken_over_s']:.1f}"
        table.add_row(row["database"], f"{row['lease_s']:.0f}", taken, str(row["changed"]), _word(row["met"]))
    CONSOLE.print(table)
    CONSOLE.print(f"bars: within the lease + {BAR_S:.0f} s; the woken worker changes nothing")
    path = Path("build/benchmarks/takeover.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")
    return 0 if all(row["met"] for row in rows) else 1


def measured(service: LocalService, lease_s: float) -> dict[str, Any]:
    """From the moment the worker stops to the start of the next attempt."""
    engine, clock = service.engine, Clock(service.engine)
    job_id = service.submit(0)
    until(lambda: count(engine, job_steps) == 1, LIMIT_S)
    time.sleep(IN_THE_MIDDLE_S)
    stopped = next(pid for pid in service.workers() if f":{pid}:" in holder(engine, job_id))
    everyone = (stopped, *children(stopped))
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    try:
        stopped_at = clock()
        until(lambda: submissions.job(engine, job_id).attempt == 2, lease_s + LIMIT_S)
        taken_over_s = (submissions.job(engine, job_id).started_at or 0.0) - stopped_at
        until(lambda: submissions.job(engine, job_id).state is State.COMPLETED, LIMIT_S)
        before = everything(service)
    finally:
        for pid in everyone:
            os.kill(pid, signal.SIGCONT)
    time.sleep(AWAKE_S)
    changed = len(set(before) ^ set(everything(service)))
    met = changed == 0 and taken_over_s <= lease_s + BAR_S
    return {"lease_s": lease_s, "taken_over_s": taken_over_s, "changed": changed, "met": met}


def holder(engine: sa.Engine, job_id: str) -> str:
    with reading(engine) as connection:
        return str(connection.execute(sa.select(jobs.c.worker).where(jobs.c.id == job_id)).scalar_one())


def everything(service: LocalService) -> list[str]:
    """All rows that a worker writes, but of who works, and all files, but those that have no name yet."""
    with reading(service.engine) as connection:
        rows = [f"{table.name} {row}" for table in WRITTEN for row in connection.execute(sa.select(table))]
    files = [path for path in (service.storage.root / "jobs").rglob("*") if path.is_file() and path.suffix != ".tmp"]
    return rows + [f"{path} {path.read_bytes()!r}" for path in files]


def _word(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    sys.exit(main())
