"""How many jobs a second the queue takes in and gives out, on SQLite and on a private PostgreSQL.

One process, one job at a time, each in a transaction of its own: PostgreSQL with fsync, SQLite in WAL with
synchronous=NORMAL, as the service runs them. Claims are measured where only their own jobs wait, and where 100 000 more
do, of as many clients; jobs are completed outside the measure. The bars are of one at a time; four threads that submit
at once, who share the waits for the disk, stand beside. Prints a table and writes build/benchmarks/queue.json.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from aiprod_server import migrations
from aiprod_server.database import connect, writing
from aiprod_server.queue import leases, submissions
from aiprod_server.tables import clients, jobs

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the private server is started
from private_postgresql import private_postgresql, programs

JOBS, BACKLOG, CLIENTS, AT_ONCE = 1000, 100_000, 50, 4
BAR_PER_S, KEPT = 200, 0.9  # "not falling with the backlog": nine tenths of the rate without one, at least
REQUEST = {"prompt": "a red cat walking to the right on a beach by day", "seed": 7, "width": 256, "height": 256}
CONSOLE = Console(width=120)


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        rows.append({"database": "SQLite"} | measured(f"sqlite:///{folder}/jobs.db"))
    if programs() is not None:
        with private_postgresql() as url:
            rows.append({"database": "PostgreSQL"} | measured(url))
    else:
        CONSOLE.print("no PostgreSQL on this machine: measured on SQLite alone")
    names = ("submit/s", f"by {AT_ONCE} at once", "claim/s, no backlog", f"claim/s, {BACKLOG} queued")
    table = Table("database", *names, "load", "bars")
    for row in rows:
        rates = [row[name] for name in ("submit_per_s", "claim_per_s", "claim_backlog_per_s")]
        row["met"] = min(rates) >= BAR_PER_S and rates[2] >= KEPT * rates[1]
        rates.insert(1, row["submit_at_once_per_s"])
        table.add_row(row["database"], *(f"{rate:.0f}" for rate in rates), f"{row['load']:.1f}", _word(row["met"]))
    CONSOLE.print(table)
    CONSOLE.print(
        f"bars, of one at a time: each ≥ {BAR_PER_S}/s, and claims with the backlog ≥ {KEPT:.0%} of those without"
    )
    path = Path("build/benchmarks/queue.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


def measured(url: str) -> dict[str, Any]:
    """The three rates of one database."""
    with opened(url) as engine:

        def submit(number: int) -> None:
            name = f"client{number % CLIENTS}"
            submissions.submit(engine, REQUEST, client=name, now_s=time.time(), idempotency_key=f"{number}")

        began = time.perf_counter()
        for number in range(JOBS):
            submit(number)
        submit_s = time.perf_counter() - began
        began = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(submit, range(JOBS, 2 * JOBS)))
        at_once_s = time.perf_counter() - began
        claim_s = claimed_s(engine)
        queue_up(engine)
        return {
            "submit_per_s": JOBS / submit_s,
            "submit_at_once_per_s": JOBS / at_once_s,
            "claim_per_s": JOBS / claim_s,
            "claim_backlog_per_s": JOBS / claimed_s(engine),
            "load": os.getloadavg()[0],
        }


@contextmanager
def opened(url: str) -> Iterator[sa.Engine]:
    engine = connect(url)
    migrations.upgrade(engine)
    yield engine
    engine.dispose()


def claimed_s(engine: sa.Engine) -> float:
    """Seconds that the claims of `JOBS` jobs take; the jobs are completed in batches, so that few are running."""
    seconds = 0.0
    for _ in range(JOBS // CLIENTS):
        began = time.perf_counter()
        held = [leases.claim(engine, "benchmark", now_s=time.time()) for _ in range(CLIENTS)]
        seconds += time.perf_counter() - began
        for one in held:
            assert one is not None, "the queue ran out of jobs"
            leases.complete(engine, one, device_s=1.0, cost_microeur=1, now_s=time.time())
    return seconds


def queue_up(engine: sa.Engine) -> None:
    """Put the backlog straight into the tables: submitting it one by one would take minutes."""
    now_s = time.time()
    row = {"state": "queued", "priority": 0, "request": REQUEST, "fingerprint": "", "submitted_at": now_s}
    row |= {"run_at": now_s, "attempt": 0, "max_attempts": 3}
    with writing(engine) as connection:
        connection.execute(
            sa.insert(jobs), [row | {"id": f"job_{n}", "client": f"client{n % CLIENTS}"} for n in range(BACKLOG)]
        )
        assert connection.execute(sa.select(sa.func.count()).select_from(clients)).scalar_one() == CLIENTS


def _word(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    main()
