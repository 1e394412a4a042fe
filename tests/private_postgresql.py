"""A real PostgreSQL of one's own: in a temporary folder, reached by a file and not by the network, gone afterwards."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
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


@contextmanager
def private_postgresql(*settings: str) -> Iterator[str]:
    """The URL of a fresh server's empty database; `settings` are such as `fsync=off`.

    Raises:
        RuntimeError: the server does not start; its words are in the message.
    """
    folder_of_programs = programs()
    assert folder_of_programs is not None, "ask programs() first"
    # PostgreSQL refuses to run as root: there, its own account runs it.
    account: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="aiprod-pg-") as name:
        folder = Path(name)
        if account:
            shutil.chown(folder, account["user"], account["group"])
        data = folder / "data"
        make: list[str | Path] = [
            folder_of_programs / "initdb",
            "-D",
            data,
            "-U",
            SUPERUSER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **account)
        run: list[str | Path] = [folder_of_programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        with (folder / "log").open("w+") as log:
            more = [part for setting in settings for part in ("-c", setting)]
            server = subprocess.Popen([*run, *more], stdout=log, stderr=log, text=True, cwd=folder, **account)
            try:
                _await(folder_of_programs / "pg_isready", folder, server)
                yield f"postgresql+psycopg://{SUPERUSER}@/postgres?host={folder}"
            finally:
                server.send_signal(signal.SIGINT)  # fast shutdown, which ends sessions
                server.wait()


def _await(is_ready: Path, folder: Path, server: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_S
    while subprocess.run([is_ready, "-q", "-h", folder], check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL does not start: {(folder / 'log').read_text()}")
        time.sleep(0.05)
