"""Whether jobs are lost, doubled or rendered in vain while everything that works on them is killed, again and again.

A gateway, four workers of the product and their children, which render three steps a job, each some real work and a
file; every few seconds a `kill -9` of one of them, drawn by chance, until the last job has ended. On SQLite and on a
private PostgreSQL. Prints a table, writes build/benchmarks/chaos.json, and exits with 1 where a bar is missed.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from aiprod_server.database import reading
from aiprod_server.queue.jobs import State
from aiprod_server.tables import charges, job_events, job_steps, jobs

sys.path.append(str(Path(__file__).parent / "local_service"))
from running import STEPS, LocalService, children, count, databases, local_service

WORKERS = 4
RENDERS_BAR = 1.1  # of the least that the jobs need
CONSOLE = Console(width=140)


def main() -> int:
    asked = _arguments()
    rows = []
    for database, url, folder in databases(asked.databases):
        with local_service(url, folder, workers=WORKERS, rounds=asked.rounds, haste=asked.haste) as service:
            ran = run(service, asked)
        rows.append(
            {"database": database, "jobs": asked.jobs, "haste": asked.haste} | ran | verdict(service, asked.jobs)
        )
    _print(rows)
    path = Path("build/benchmarks/chaos.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")
    return 0 if all(row["met"] for row in rows) else 1


def run(service: LocalService, asked: argparse.Namespace) -> dict[str, Any]:
    """Submit, and kill until all jobs have ended."""
    kills = dict.fromkeys(("workers", "children", "gateways"), 0)
    began_s = time.monotonic()
    next_s = began_s + asked.every_s
    with ThreadPoolExecutor(1) as pool:
        submitted = pool.submit(submit, service, asked.jobs, asked.pace_s)
        while not submitted.done() or count(service.engine, jobs, jobs.c.finished_at.is_(None)) > 0:
            if time.monotonic() - began_s > asked.limit_s:
                raise RuntimeError(f"the jobs have not ended after {asked.limit_s} s")
            if time.monotonic() >= next_s:
                what = random.choice(list(kills))
                kills[what] += kill_one(service, what)
                next_s = time.monotonic() + asked.every_s * random.uniform(0.5, 1.5)
            time.sleep(0.1)
        submitted.result()
    return {"kills": kills, "seconds": time.monotonic() - began_s, "load": os.getloadavg()[0]}


def submit(service: LocalService, number: int, pace_s: float) -> None:
    for job in range(number):
        service.submit(job)
        time.sleep(pace_s)


def kill_one(service: LocalService, what: str) -> bool:
    """`kill -9` one of them; False where there is none just now."""
    match what:
        case "workers":
            ids = service.workers()
        case "gateways":
            ids = service.gateways()
        case _:
            ids = [child for pid in service.workers() for child in children(pid)]
    if ids:
        os.kill(random.choice(ids), signal.SIGKILL)
    return bool(ids)


def verdict(service: LocalService, number: int) -> dict[str, Any]:
    """What the database, the files and the count of renders say of `number` submitted jobs."""
    engine = service.engine
    with reading(engine) as connection:
        steps = connection.execute(sa.select(job_steps.c.job_id, job_steps.c.name, job_steps.c.sha256)).all()
        reasons = connection.execute(sa.select(jobs.c.reason).where(jobs.c.state == State.FAILED)).scalars().all()
    completed = count(engine, jobs, jobs.c.state == State.COMPLETED)
    ends = count(engine, job_events, job_events.c.kind == State.COMPLETED)
    retries = count(engine, job_events, job_events.c.kind == "retry")
    row = {
        "lost": number - completed,
        "doubled": count(engine, jobs) - number + ends - completed,
        "charges": count(engine, charges),
        "renders": service.renders(),
        "files": sum(service.storage.verified(step.job_id, step.name, step.sha256) for step in steps),
        "retries": retries,
        "takeovers": count(engine, job_events, job_events.c.kind == State.RUNNING) - retries - number,
        "reasons": list(reasons),
    }
    expected = {"lost": 0, "doubled": 0, "charges": number, "files": STEPS * number}
    met = expected.items() <= row.items() and row["renders"] <= RENDERS_BAR * STEPS * number
    return row | {"met": met}


def _print(rows: list[dict[str, Any]]) -> None:
    names = ("lost", "doubled", "charges", "renders", "of the least", "whole files", "kills", "taken over", "s", "load")
    table = Table("database", "jobs", *names, "bars")
    for row in rows:
        figures = [row[name] for name in ("jobs", "lost", "doubled", "charges", "renders")]
        share = f"{row['renders'] / (STEPS * row['jobs']):.3f}"
        kills = " + ".join(f"{number} {what}" for what, number in row["kills"].items())
        ends = (f"{row['seconds']:.0f}", f"{row['load']:.1f}", "met" if row["met"] else "missed")
        table.add_row(
            row["database"], *map(str, figures), share, str(row["files"]), kills, str(row["takeovers"]), *ends
        )
    CONSOLE.print(table)
    CONSOLE.print(f"bars: 0 lost, 0 doubled, a charge a job, every file whole, renders ≤ {RENDERS_BAR} of the least")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--every-s", type=float, default=3.0, help="between two kills, on average")
    parser.add_argument("--pace-s", type=float, default=0.08, help="between two submitted jobs")
    parser.add_argument("--rounds", type=int, default=150_000, help="of the hash that a step is")
    parser.add_argument("--haste", type=float, default=1.0, help="by how much the queue's waits are shortened")
    parser.add_argument("--limit-s", type=float, default=1800.0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
