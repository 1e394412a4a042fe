"""200 watchers on one job, cut off at random: does each of them see every event once?

A real `aiprod serve` on a socket, on SQLite and on a private PostgreSQL. A process of its own writes 200 events, every
tenth with a picture of 12 kB, over 20 s; meanwhile every watcher's connection is dropped after a random while, again
and again, and taken up from its last event, and half-way the gateway itself is ended and started anew. The bar is that
all of them see what the database has, in its order. How late events come stands beside, the gateway's own absence
included, for those who were connected or waited to be.
Prints a table and writes build/benchmarks/watchers.json.
"""

import asyncio
import json
import multiprocessing
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from aiprod_server import migrations
from aiprod_server.access import keys, secrets
from aiprod_server.access.audit_log import Author
from aiprod_server.database import connect
from aiprod_server.queue import leases, submissions
from aiprod_server.queue.watching import news

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the private server is started
from private_postgresql import private_postgresql, programs

WATCHERS, EVENTS, WRITING_S = 200, 200, 20.0
STAY_S, AWAY_S = (0.3, 8.0), (0.0, 0.5)
PICTURE = "data:image/jpeg;base64," + "A" * 12_000
SERVE = (sys.executable, "-m", "aiprod_pipelines.cli", "serve", "--json")
CONSOLE = Console(width=120)


@dataclass
class Seen:
    """What one watcher saw: ids in the order they came, and how late each was."""

    ids: list[int] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    connections: int = 0


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        rows.append({"database": "SQLite"} | measured(f"sqlite:///{folder}/jobs.db", Path(folder)))
    if programs() is not None:
        with private_postgresql() as url, tempfile.TemporaryDirectory() as folder:
            rows.append({"database": "PostgreSQL"} | measured(url, Path(folder)))
    else:
        CONSOLE.print("no PostgreSQL on this machine: measured on SQLite alone")
    names = ("watchers", "connections", "events", "saw all once", "late, median", "p99", "gateway CPU", "load", "bar")
    table = Table("database", *names)
    for row in rows:
        late = (f"{row[name]:.2f} s" for name in ("late_median_s", "late_p99_s", "gateway_cpu_s"))
        counts = (str(row[name]) for name in ("watchers", "connections", "events", "saw_all_once"))
        table.add_row(row["database"], *counts, *late, f"{row['load']:.1f}", "met" if row["met"] else "missed")
    CONSOLE.print(table)
    CONSOLE.print("bar: every watcher saw every event once, in order")
    path = Path("build/benchmarks/watchers.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


def measured(url: str, folder: Path) -> dict[str, Any]:
    """One run on a new database."""
    engine = connect(url)
    migrations.upgrade(engine)
    now_s = time.time()
    key, _ = keys.create(
        engine,
        client="benchmark",
        roles=["viewer"],
        pepper=secrets.load(folder / "storage", "pepper"),
        author=Author(name="a benchmark", key=secrets.load(folder / "storage", "audit_key")),
        now_s=now_s,
    )
    job_id = submissions.submit(engine, {"prompt": "a red cat"}, client="benchmark", now_s=now_s).id
    writing = multiprocessing.get_context("spawn").Process(target=write, args=(url,))
    gateway = Gateway(url, folder)
    with gateway.running():
        seen = asyncio.run(everybody(gateway, job_id, key.reveal(), writing))
    writing.join()
    written = [event.id for event in news(engine, {job_id: 0}, most=10 * EVENTS)[job_id]]
    engine.dispose()
    late_s = sorted(late for each in seen for late in each.late_s)
    right = sum(each.ids == written for each in seen)
    return {
        "watchers": WATCHERS,
        "events": len(written),
        "connections": sum(each.connections for each in seen),
        "saw_all_once": right,
        "late_median_s": statistics.median(late_s),
        "late_p99_s": late_s[int(0.99 * len(late_s))],
        "gateway_cpu_s": gateway.cpu_s,
        "load": os.getloadavg()[0],
        "met": right == WATCHERS,
    }


class Gateway:
    """`aiprod serve` in a process of its own, always on the same port."""

    def __init__(self, url: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.cpu_s = 0.0
        settings = {"DATABASE_URL": url, "STORAGE": str(folder / "storage"), "PORT": str(self.port)}
        settings |= {"REQUESTS_PER_MIN": "1000000", "LOG_LEVEL": "error"}
        self._environment = os.environ | {f"AIPROD_{name}": value for name, value in settings.items()}

    @contextmanager
    def running(self) -> Iterator[None]:
        self._start()
        yield
        self._end()

    def restart(self) -> None:
        """As an operator brings up a new version: streams are ended, and the next process serves them."""
        self._end()
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(SERVE, env=self._environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert "listening" in json.loads(said), said

    def _end(self) -> None:
        self._process.terminate()
        _, _, used = os.wait4(self._process.pid, 0)
        self.cpu_s += used.ru_utime + used.ru_stime
        self._process.returncode = 0
        assert self._process.stdout is not None
        self._process.stdout.close()


async def everybody(gateway: Gateway, job_id: str, key: str, writing: Any) -> list[Seen]:
    """All watchers at once, and the writer, once they are there."""
    seen = [Seen() for _ in range(WATCHERS)]
    address = f"http://127.0.0.1:{gateway.port}/api/v1/jobs/{job_id}/events"
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, limits=limits, timeout=60) as http:
        watching = [asyncio.create_task(watch(http, address, each, random.Random(n))) for n, each in enumerate(seen)]
        while not all(each.ids for each in seen):
            await asyncio.sleep(0.1)
        await asyncio.to_thread(writing.start)
        await asyncio.sleep(WRITING_S / 2)
        await asyncio.to_thread(gateway.restart)
        await asyncio.gather(*watching)
    return seen


async def watch(http: httpx2.AsyncClient, address: str, seen: Seen, chance: random.Random) -> None:
    """Take up the stream from the last event, be cut off after a while, and come again; until there is nothing more."""
    while True:
        place = {"Last-Event-ID": str(seen.ids[-1])} if seen.ids else {}
        connected_s = time.time()
        try:
            async with asyncio.timeout(chance.uniform(*STAY_S)), http.stream("GET", address, headers=place) as answer:
                seen.connections += 1
                if answer.status_code == httpx2.codes.NO_CONTENT:
                    return
                async for event in httpx2.EventSource(answer):
                    if event.id:
                        seen.ids.append(int(event.id))
                        at_s = json.loads(event.data)["at"]
                        if at_s > connected_s:
                            seen.late_s.append(time.time() - at_s)
        except (TimeoutError, httpx2.TransportError):
            pass
        await asyncio.sleep(chance.uniform(*AWAY_S))


def write(url: str) -> None:
    """Do the job as a worker would, in a process of its own."""
    engine = connect(url)
    claim = leases.claim(engine, "benchmark", now_s=time.time())
    assert claim is not None
    for done in range(EVENTS):
        if done % 10:
            leases.report(engine, claim, "progress", {"stage": "render", "done": done}, now_s=time.time())
        else:
            leases.report(engine, claim, "preview", {"image": PICTURE, "share": done / EVENTS}, now_s=time.time())
        time.sleep(WRITING_S / EVENTS)
    leases.fail(engine, claim, "the benchmark has ended", now_s=time.time())
    engine.dispose()


if __name__ == "__main__":
    main()
