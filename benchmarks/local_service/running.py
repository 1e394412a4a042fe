"""A service of this machine for benchmarks that break it: a gateway, workers, and what keeps them up.

All is the product's, but the child of the workers, which is the benchmarks' own (`render.py`). Whatever ends is started
again a moment later, as an init system would.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from aiprod_server import migrations
from aiprod_server.access import keys, secrets
from aiprod_server.access.audit_log import Author
from aiprod_server.client import Client
from aiprod_server.database import connect, reading
from aiprod_server.storage import Storage

sys.path.append(str(Path(__file__).parents[2] / "tests"))  # where the private server is started
from private_postgresql import private_postgresql, programs

HERE = Path(__file__).parent
RESTART_S = 0.5
STEPS = 3  # of a job of `render.py`
CLIENTS = 5
PATIENCE_S = 300.0  # of a client, whose gateway may be killed again before it listens
REQUEST = {"prompt": "a red cat walking to the right on a beach by day", "tier": "eco", "seed": 7}
SERVE = "from aiprod_server.commands.serve import app; app()"


class LocalService:
    """The programs, by name, and where they work.

    Args:
        rounds: of the hash that each step of a job is; 150 000 are about 40 ms of a core.
        haste: by how much the queue's waits, such as its leases of 60 s, are shorter than the product's.
    """

    def __init__(self, url: str, folder: Path, *, workers: int, rounds: int, haste: float) -> None:
        folder.mkdir(parents=True)
        self.engine = connect(url)
        self._environment = os.environ | {"AIPROD_REQUESTS_PER_MIN": "1000000"}
        self.storage, self._counts, self._log = Storage(folder / "files"), folder / "renders", folder / "log"
        self._counts.touch()
        render = [sys.executable, HERE / "render.py", self.storage.root, self._counts, str(rounds)]
        worker = [sys.executable, HERE / "worker.py", "--database-url", url, "--haste", str(haste), "--log", self._log]
        self._commands = {f"worker {number}": [*worker, "--", *render] for number in range(workers)}
        self._port = free_port()
        gateway = [sys.executable, "-c", SERVE, "--database-url", url, "--storage", self.storage.root]
        self._commands["gateway"] = [*gateway, "--port", str(self._port)]
        where = f"http://127.0.0.1:{self._port}"
        self._clients = [
            Client(where, self._key(f"client{number}"), patience_s=PATIENCE_S) for number in range(CLIENTS)
        ]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._again_s = dict.fromkeys(self._commands, 0.0)
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep_up)
        self._keeper.start()

    def workers(self) -> list[int]:
        """Process ids of the workers that run."""
        return [process.pid for name, process in self._running.copy().items() if name != "gateway"]

    def gateways(self) -> list[int]:
        """Likewise of the gateway, once it listens."""
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", self._port)) != 0:
                return []
        return [process.pid for name, process in self._running.copy().items() if name == "gateway"]

    def renders(self) -> int:
        """How many renders of a step were begun."""
        return len(self._counts.read_text().splitlines())

    def submit(self, number: int) -> str:
        """The id of a job, asked of whichever gateway runs; one client after the other asks."""
        client = self._clients[number % CLIENTS]
        return client.submit(REQUEST, idempotency_key=str(number)).id

    def close(self) -> None:
        """Stop everything: workers end what they hold."""
        self._closed.set()
        self._keeper.join()
        for name, process in self._running.items():
            process.send_signal(signal.SIGKILL if name == "gateway" else signal.SIGTERM)
        for process in self._running.values():
            process.wait()
        for client in self._clients:
            client.close()
        self.engine.dispose()

    def _key(self, client: str) -> str:
        pepper, seal = (secrets.load(self.storage.root, name) for name in ("pepper", "audit_key"))
        author = Author(name="benchmark", key=seal)
        key, _ = keys.create(
            self.engine, client=client, roles=["creator"], pepper=pepper, author=author, now_s=time.time()
        )
        return key.reveal()

    def _keep_up(self) -> None:
        while not self._closed.wait(0.05):
            for name, command in self._commands.items():
                process = self._running.get(name)
                if process is not None and process.poll() is not None:
                    self._again_s[name] = time.monotonic() + RESTART_S
                    del self._running[name]
                elif process is None and time.monotonic() >= self._again_s[name]:
                    with self._log.open("a") as log:
                        self._running[name] = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)


@contextmanager
def local_service(url: str, folder: Path, *, workers: int, rounds: int, haste: float) -> Iterator[LocalService]:
    service = LocalService(url, folder, workers=workers, rounds=rounds, haste=haste)
    try:
        yield service
    finally:
        service.close()


def databases(wanted: str) -> Iterator[tuple[str, str, Path]]:
    """Name, URL with the schema in it, and folder for files: of SQLite and PostgreSQL, if wanted and here."""
    with tempfile.TemporaryDirectory(prefix="aiprod-service-") as name:
        folder = Path(name)
        if "sqlite" in wanted:
            yield "SQLite", _with_schema(f"sqlite:///{folder}/jobs.db"), folder / "sqlite"
        if "postgresql" in wanted and programs() is not None:
            with private_postgresql() as url:
                yield "PostgreSQL", _with_schema(url), folder / "postgresql"


def _with_schema(url: str) -> str:
    engine = connect(url)
    migrations.upgrade(engine)
    engine.dispose()
    return url


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def children(pid: int) -> list[int]:
    """The processes that a process has started (proc_pid_children(5))."""
    try:
        found = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for text in found for child in text.split()]


def count(engine: sa.Engine, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    """How many rows of a table there are."""
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one()


def until(holds: Callable[[], bool], limit_s: float) -> None:
    """Wait for something to hold.

    Raises:
        RuntimeError: it does not within `limit_s`.
    """
    deadline_s = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"waited {limit_s} s in vain")
        time.sleep(0.02)
