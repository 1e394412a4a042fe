"""How fast jobs are submitted over HTTP: the gateway, its database and this load, all on one machine.

The gateway is `aiprod serve` as a user starts it, on SQLite and on a private PostgreSQL with fsync. First 100 jobs a
second come from 50 connections, at their times whatever the answers take: a late answer counts from when its request
was due, so that a stall is not hidden. Seconds before those are not counted. Then each connection sends its next job as
soon as the last is answered. Every job has an idempotency key. Prints a table and writes
build/benchmarks/submit_http.json.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the private server is started
from private_postgresql import private_postgresql, programs

CONNECTIONS, STEADY_PER_S, STEADY_S, WARM_S, FULL_S = 50, 100, 20.0, 3.0, 10.0
P99_BAR_S, RATE_BAR_PER_S = 0.100, 200.0
BODY = json.dumps({"prompt": "a red cat walking to the right on a beach by day", "num_frames": 33}).encode()
SERVE = "from aiprod_server.commands.serve import app; app()"
CONSOLE = Console(width=120)


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs: its port, its first key, and how long its start took."""

    port: int
    key: str
    started_s: float


class Connection:
    """One keep-alive connection; one request at a time."""

    def __init__(self, gateway: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._key, self._reader, self._writer = gateway.key, reader, writer

    async def submit(self, number: int) -> None:
        """Send a job, and wait for its 202."""
        self._writer.write(
            b"POST /api/v1/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            + f"Authorization: Bearer {self._key}\r\nIdempotency-Key: {number}-{os.getpid()}\r\n".encode()
            + f"Content-Length: {len(BODY)}\r\n\r\n".encode()
            + BODY
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if b" 202 " not in head[:20]:
            raise RuntimeError(f"got {head[:40]!r} {body[:300]!r}, expected 202")


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        rows.append({"database": "SQLite"} | measured(f"sqlite:///{folder}/jobs.db"))
    if programs() is not None:
        with private_postgresql() as url:
            rows.append({"database": "PostgreSQL"} | measured(url))
    else:
        CONSOLE.print("no PostgreSQL on this machine: measured on SQLite alone")
    table = Table("database", "p50", "p99", "worst", "saturation", "start", "load", "bars")
    for row in rows:
        row["met"] = row["p99_s"] <= P99_BAR_S and row["saturation_per_s"] >= RATE_BAR_PER_S
        times = [f"{1000 * row[name]:.1f} ms" for name in ("p50_s", "p99_s", "worst_s")]
        rate, start = f"{row['saturation_per_s']:.0f}/s", f"{row['started_s']:.2f} s"
        table.add_row(row["database"], *times, rate, start, f"{row['load']:.1f}", "met" if row["met"] else "missed")
    CONSOLE.print(table)
    CONSOLE.print(
        f"bars: p99 ≤ {1000 * P99_BAR_S:.0f} ms at {STEADY_PER_S}/s from {CONNECTIONS} connections, and "
        f"≥ {RATE_BAR_PER_S:.0f}/s where they send all they can"
    )
    path = Path("build/benchmarks/submit_http.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


def measured(url: str) -> dict[str, Any]:
    """The figures of one database."""
    with tempfile.TemporaryDirectory() as storage, serving(url, storage) as gateway:
        waits_s, rate_per_s = asyncio.run(loaded(gateway))
    waits_s.sort()
    return {
        "p50_s": waits_s[len(waits_s) // 2],
        "p99_s": waits_s[int(0.99 * len(waits_s))],
        "worst_s": waits_s[-1],
        "saturation_per_s": rate_per_s,
        "started_s": gateway.started_s,
        "load": os.getloadavg()[0],
    }


@contextmanager
def serving(url: str, storage: str) -> Iterator[Gateway]:
    """`aiprod serve` on a free port, with limits that this load does not meet."""
    environment = os.environ | {
        "AIPROD_DATABASE_URL": url,
        "AIPROD_STORAGE": storage,
        "AIPROD_PORT": "0",
        "AIPROD_REQUESTS_PER_MIN": "1000000",
    }
    began_s = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, "--upgrade", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a line of the log for each request
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        key = json.loads(process.stdout.readline())["first_key"]
        port = int(json.loads(process.stdout.readline())["listening"].rpartition(":")[2])
        yield Gateway(port, key, time.perf_counter() - began_s)
    finally:
        process.terminate()
        process.communicate(timeout=60)


async def loaded(gateway: Gateway) -> tuple[list[float], float]:
    """Seconds that each steady submit waited, and jobs a second where all connections are busy."""
    async with connected(gateway) as connections:
        await steady(connections, WARM_S, 1_000_000)
        waits_s = await steady(connections, STEADY_S, 2_000_000)
        return waits_s, await saturated(connections, FULL_S)


@asynccontextmanager
async def connected(gateway: Gateway) -> AsyncIterator[list[Connection]]:
    pairs = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(CONNECTIONS)]
    yield [Connection(gateway, *pair) for pair in pairs]
    for _, writer in pairs:
        writer.close()


async def steady(connections: list[Connection], duration_s: float, first: int) -> list[float]:
    """Requests at even times, dealt to the connections in turn."""
    began_s, waits_s = time.perf_counter(), []

    async def send(index: int) -> None:
        for number in range(index, int(duration_s * STEADY_PER_S), CONNECTIONS):
            due_s = began_s + number / STEADY_PER_S
            await asyncio.sleep(max(due_s - time.perf_counter(), 0))
            await connections[index].submit(first + number)
            waits_s.append(time.perf_counter() - due_s)

    await asyncio.gather(*map(send, range(CONNECTIONS)))
    return waits_s


async def saturated(connections: list[Connection], duration_s: float) -> float:
    began_s, counts = time.perf_counter(), [0] * CONNECTIONS

    async def send(index: int) -> None:
        while time.perf_counter() - began_s < duration_s:
            await connections[index].submit(3_000_000 + counts[index] * CONNECTIONS + index)
            counts[index] += 1

    await asyncio.gather(*map(send, range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
