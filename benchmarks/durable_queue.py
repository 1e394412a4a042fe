"""How many jobs a second the queue takes in and gives out, on SQLite and on a private PostgreSQL.

One process, one job at a time, each in a transaction of its own: PostgreSQL with fsync, SQLite in WAL with
synchronous=NORMAL, as the service runs them. Claims are measured on two databases of 50 clients in turn, a round each,
so that what else the machine does slows both: one where 1 000 jobs wait, and one where 100 000 do, which came at once
after it had worked on a few. Jobs are completed, and new ones queued, outside the measure. The bars are of one at a
time; four threads that submit at once, who share the waits for the disk, stand beside. Prints a table and writes
build/benchmarks/queue.json.
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
from aiprod_server.tables import jobs

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the private server is started
from private_postgresql import private_postgresql, programs

JOBS, CLIENTS, AT_ONCE, ROUNDS = 1000, 50, 4, 20
SHORT, LONG = 1000, 100_000  # jobs that wait
BAR_PER_S, KEPT = 200, 0.9  # "not falling with the backlog": nine tenths of the rate of the short queue, at least
REQUEST = {"prompt": "a red cat walking to the right on a beach by day", "seed": 7, "width": 256, "height": 256}
CONSOLE = Console(width=120)


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        rows.append({"database": "SQLite"} | measured(f"sqlite:///{folder}/short.db", f"sqlite:///{folder}/long.db"))
    if programs() is not None:
        with private_postgresql() as url:
            rows.append({"database": "PostgreSQL"} | measured(url, another_database(url)))
    else:
        CONSOLE.print("no PostgreSQL on this machine: measured on SQLite alone")
    names = ("submit/s", f"by {AT_ONCE} at once", f"claim/s, {SHORT} queued", f"claim/s, {LONG} queued")
    table = Table("database", *names, "load", "bars")
    for row in rows:
        rates = [row[name] for name in ("submit_per_s", "claim_short_per_s", "claim_long_per_s")]
        row["met"] = min(rates) >= BAR_PER_S and rates[2] >= KEPT * rates[1]
        rates.insert(1, row["submit_at_once_per_s"])
        table.add_row(row["database"], *(f"{rate:.0f}" for rate in rates), f"{row['load']:.1f}", _word(row["met"]))
    CONSOLE.print(table)
    CONSOLE.print(
        f"bars, of one at a time: each ≥ {BAR_PER_S}/s, and claims of {LONG} queued ≥ {KEPT:.0%} of those of {SHORT}"
    )
    path = Path("build/benchmarks/queue.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


def measured(short_url: str, long_url: str) -> dict[str, Any]:
    """The rates of two databases of a kind."""
    with opened(short_url) as short, opened(long_url) as long:
        submit_s = submitted_s(short, range(JOBS), at_once=1)
        at_once_s = submitted_s(short, range(JOBS, 2 * JOBS), at_once=AT_ONCE)
        claimed_s(short, JOBS)
        submitted_s(long, range(2 * CLIENTS), at_once=1)
        claimed_s(long, 2 * CLIENTS)
        queue_up(long, range(LONG))
        short_s = long_s = 0.0
        for number in range(ROUNDS):
            short_s += claimed_s(short, CLIENTS)
            queue_up(short, range(number * CLIENTS, (number + 1) * CLIENTS))
            long_s += claimed_s(long, CLIENTS)
            queue_up(long, range(LONG + number * CLIENTS, LONG + (number + 1) * CLIENTS))
        return {
            "submit_per_s": JOBS / submit_s,
            "submit_at_once_per_s": JOBS / at_once_s,
            "claim_short_per_s": ROUNDS * CLIENTS / short_s,
            "claim_long_per_s": ROUNDS * CLIENTS / long_s,
            "load": os.getloadavg()[0],
        }


def another_database(url: str) -> str:
    """The URL of a second, empty database of the same server."""
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE long"))
    server.dispose()
    return server.url.set(database="long").render_as_string(hide_password=False)


@contextmanager
def opened(url: str) -> Iterator[sa.Engine]:
    engine = connect(url)
    migrations.upgrade(engine)
    yield engine
    engine.dispose()


def submitted_s(engine: sa.Engine, numbers: range, *, at_once: int) -> float:
    """Seconds that it takes to submit a job for each number."""

    def submit(number: int) -> None:
        name = f"client{number % CLIENTS}"
        submissions.submit(engine, REQUEST, client=name, now_s=time.time(), idempotency_key=f"{number}")

    with ThreadPoolExecutor(at_once) as pool:
        began = time.perf_counter()
        list(pool.map(submit, numbers))
        return time.perf_counter() - began


def claimed_s(engine: sa.Engine, number: int) -> float:
    """Seconds that the claims of so many jobs take; they are completed in batches, so that few are running."""
    seconds = 0.0
    for _ in range(number // CLIENTS):
        began = time.perf_counter()
        held = [leases.claim(engine, "benchmark", now_s=time.time()) for _ in range(CLIENTS)]
        seconds += time.perf_counter() - began
        for one in held:
            assert one is not None, "the queue ran out of jobs"
            leases.complete(engine, one, device_s=1.0, cost_microeur=1, now_s=time.time())
    return seconds


def queue_up(engine: sa.Engine, numbers: range) -> None:
    """Let the database itself write jobs, as many of each client: submitting 100 000 would take minutes."""
    now_s = time.time()
    row = {"state": "queued", "priority": 0, "fingerprint": "", "submitted_at": now_s, "run_at": now_s}
    row |= {"attempt": 0, "max_attempts": 3}
    counted = sa.select(sa.literal(numbers.start).label("n")).cte(recursive=True)
    counted = counted.union_all(sa.select(counted.c.n + 1).where(counted.c.n + 1 < numbers.stop))
    many = sa.select(
        sa.literal("job_") + sa.cast(counted.c.n, sa.String),
        sa.literal("client") + sa.cast(counted.c.n % CLIENTS, sa.String),
        sa.literal(REQUEST, sa.JSON),
        *(sa.literal(value) for value in row.values()),
    )
    with writing(engine) as connection:
        connection.execute(sa.insert(jobs).from_select(["id", "client", "request", *row], many))


def _word(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    main()
