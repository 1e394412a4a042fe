"""The worker beside a gateway: there while the gateway is, and not a moment longer."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aiprod_server.worker.beside import Beside

WAIT_S = 20.0
LASTS = (
    "import os, pathlib, time; p = pathlib.Path(os.environ['PIDS']); "
    "f = p.open('a'); f.write(f'{os.getpid()}\\n'); f.close(); "
)


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    return tmp_path / "pids"


def started(pids: Path, number: int = 1) -> list[int]:
    """The processes that have started, once they are so many."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found = [int(line) for line in pids.read_text().split()] if pids.exists() else []
        if len(found) >= number:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Whether a process ends within a while; one that nobody has waited for yet counts as gone."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


def beside(pids: Path, then: str, again_s: float = 0.01) -> Beside:
    program = (sys.executable, "-c", LASTS + then)
    return Beside({"PIDS": str(pids)}, program, again_s=again_s)


def test_it_drains_when_it_is_told(pids: Path, tmp_path: Path) -> None:
    drained = tmp_path / "drained"
    then = (
        f"import signal; signal.signal(15, lambda *_: (open({str(drained)!r}, 'w').close(), exit(0))); time.sleep(60)"
    )
    worker = beside(pids, "import time; " + then)
    worker.start()
    (pid,) = started(pids)
    time.sleep(0.2)  # until it hears the signal
    worker.stop(WAIT_S)
    assert is_gone(pid)
    assert drained.exists()


def test_what_does_not_end_is_killed(pids: Path) -> None:
    worker = beside(
        pids,
        "import signal; signal.signal(15, signal.SIG_IGN); open(os.environ['PIDS'], 'a').write('0\\n'); time.sleep(60)",
    )
    worker.start()
    pid, _ = started(pids, 2)
    worker.stop(0.05)
    assert is_gone(pid)


def test_one_that_dies_is_started_again(pids: Path) -> None:
    worker = beside(pids, "raise SystemExit(len(p.read_text().split()) < 2 or time.sleep(60))")
    worker.start()
    first, second = started(pids, 2)
    assert first != second
    worker.stop(WAIT_S)
    assert is_gone(second)
    assert len(started(pids, 2)) == 2


def test_it_ends_with_a_gateway_that_is_killed(pids: Path) -> None:
    code = (
        "import sys, time; from aiprod_server.worker.beside import Beside; "
        f"Beside({{'PIDS': {str(pids)!r}}}, (sys.executable, '-c', {DYING!r})).start(); time.sleep(60)"
    )
    gateway = subprocess.Popen([sys.executable, "-c", code])
    (pid,) = started(pids)
    os.kill(gateway.pid, signal.SIGKILL)
    gateway.wait()
    assert is_gone(pid)


DYING = "from aiprod_server.worker import beside; beside.die_with_parent(); " + LASTS + "time.sleep(60)"
