"""A real PostgreSQL of one's own: in a temporary folder, reached by a file and not by the network, gone afterwards."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SUPERUSER = "aiprod"
START_S = 30


def programs() -> Path | None:
    """The folder that holds `initdb` and `postgres`, of the newest PostgreSQL of this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Server:
    """A server that can be stopped and started again. Its data are in `folder`, and so is the file it is reached by."""

    def __init__(self, folder: Path, programs: Path, account: Mapping[str, Any], settings: Sequence[str]) -> None:
        self.url = f"postgresql+psycopg://{SUPERUSER}@/postgres?host={folder}"
        self._folder, self._is_ready, self._account = folder, programs / "pg_isready", account
        more = [part for setting in ("listen_addresses=", *settings) for part in ("-c", setting)]
        self._command = [programs / "postgres", "-D", folder / "data", "-k", folder, *more]

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: it does not; its words are in the message.
        """
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self._folder, **self._account)
        deadline = time.monotonic() + START_S
        while subprocess.run([self._is_ready, "-q", "-h", self._folder], check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"PostgreSQL does not start: {(self._folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it: sessions are ended at once, what they had committed is kept."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait()


@contextmanager
def private_server(*settings: str) -> Iterator[Server]:
    """A fresh server with an empty database; `settings` are such as `fsync=off`.

    Raises:
        RuntimeError: it does not start; its words are in the message.
    """
    folder_of_programs = programs()
    assert folder_of_programs is not None, "ask programs() first"
    # PostgreSQL refuses to run as root: there, its own account runs it.
    account: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="aiprod-pg-") as name:
        folder = Path(name)
        if account:
            shutil.chown(folder, account["user"], account["group"])
        make = [folder_of_programs / "initdb", "-D", folder / "data", "-U", SUPERUSER, "-A", "trust", "-E", "UTF8"]
        subprocess.run([*make, "--no-sync"], check=True, capture_output=True, cwd=folder, **account)
        server = Server(folder, folder_of_programs, account, settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def private_postgresql(*settings: str) -> Iterator[str]:
    """The URL of a fresh server's empty database, as `private_server` makes it."""
    with private_server(*settings) as server:
        yield server.url
