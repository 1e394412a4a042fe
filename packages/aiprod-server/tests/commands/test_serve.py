"""`aiprod serve` as it is started and stopped: a process, a socket, a first key, a worker beside."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from aiprod_core.errors import InputError
from aiprod_server.commands import serve
from aiprod_server.database import connect
from aiprod_server.queue import submissions

SERVE = "from aiprod_server.commands.serve import app; app()"
WAIT_S = 30.0


@dataclass
class Served:
    """`said`: what it printed before it listened; `url`: where."""

    process: "subprocess.Popen[str]"
    said: list[dict[str, Any]]
    url: str


@contextmanager
def served(folder: Path, *options: str, code: str = SERVE) -> Iterator[Served]:
    """A gateway of its own process, which is killed if it does not end before."""
    environment = os.environ | {
        "AIPROD_DATABASE_URL": f"sqlite:///{folder / 'jobs.db'}",
        "AIPROD_STORAGE": str(folder / "storage"),
        "AIPROD_DRAIN_S": "5",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--port", "0", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        said: list[dict[str, Any]] = []
        while "listening" not in (said[-1] if said else {}):
            line = process.stdout.readline()
            assert line, process.communicate()
            said.append(json.loads(line))
        yield Served(process, said, said[-1]["listening"])
    finally:
        process.kill()
        process.communicate(timeout=WAIT_S)


def test_the_first_start_shows_a_key_that_opens_and_the_second_none(tmp_path: Path) -> None:
    with served(tmp_path) as first:
        key = first.said[0]["first_key"]
        answer = httpx2.get(f"{first.url}/api/v1/admin/keys", headers={"X-API-Key": key})
        assert [row["client"] for row in answer.json()["data"]] == ["admin"]
        first.process.send_signal(signal.SIGTERM)
        out, error = first.process.communicate(timeout=WAIT_S)
        assert first.process.returncode == 0
        assert key not in out + error
    with served(tmp_path) as second:
        assert [*second.said[0]] == ["listening"]


def test_it_stops_well_while_a_job_is_watched(tmp_path: Path) -> None:
    with served(tmp_path) as gateway:
        headers = {"X-API-Key": gateway.said[0]["first_key"]}
        job = httpx2.post(f"{gateway.url}/v1/generate", json={"prompt": "a cat"}, headers=headers).json()["id"]
        watching, ended = threading.Event(), threading.Event()

        def watch() -> None:
            path = f"{gateway.url}/api/v1/jobs/{job}/events"
            with httpx2.stream("GET", path, headers=headers, timeout=WAIT_S) as stream:
                for line in stream.iter_lines():
                    if line.startswith("event: queued"):
                        watching.set()
            ended.set()

        thread = threading.Thread(target=watch)
        thread.start()
        assert watching.wait(WAIT_S)
        gateway.process.send_signal(signal.SIGINT)
        _, error = gateway.process.communicate(timeout=WAIT_S)
        assert ended.wait(WAIT_S)
        thread.join()
        assert gateway.process.returncode == 0
        assert "Traceback" not in error
    engine = connect(f"sqlite:///{tmp_path / 'jobs.db'}")
    assert submissions.job(engine, job).state == "queued"
    engine.dispose()


def test_a_worker_beside_is_started_with_the_same_settings_and_stopped(tmp_path: Path) -> None:
    told = tmp_path / "told"
    program = (
        "import os, signal, time, pathlib; "
        f"pathlib.Path({str(told)!r}).write_text(os.environ['AIPROD_STORAGE'] + chr(10) + str(os.getpid())); "
        "signal.pause()"
    )
    code = (
        "import sys; from aiprod_server.worker import beside; from aiprod_server.commands import serve; "
        f"serve.Beside = lambda env: beside.Beside(env, (sys.executable, '-c', {program!r})); serve.app()"
    )
    with served(tmp_path, "--with-worker", code=code) as gateway:
        deadline = time.monotonic() + WAIT_S
        while not (told.exists() and len(told.read_text().split()) == 2):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        storage, pid = told.read_text().split()
        assert storage == str(tmp_path / "storage")
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.communicate(timeout=WAIT_S)
        assert gateway.process.returncode == 0
    assert not Path(f"/proc/{pid}").exists()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that comes as far as its check, and no further."""
    monkeypatch.setenv("AIPROD_DATABASE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    monkeypatch.setenv("AIPROD_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setattr(serve.logs, "configure", lambda level, form: None)


def refused(*words: str) -> tuple[str, str]:
    """The error of a start that is refused, and what was said before."""
    result = CliRunner().invoke(serve.app, words)
    assert isinstance(result.exception, InputError), result
    return str(result.exception), result.stderr


@pytest.mark.usefixtures("quiet")
def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        error, _ = refused("--port", str(taken.getsockname()[1]))
    assert "choose another --host or --port" in error


@pytest.mark.usefixtures("quiet")
def test_half_of_tls_is_refused(tmp_path: Path) -> None:
    assert "expected both" in refused("--tls-key", str(tmp_path / "key.pem"))[0]
    both = ("--tls-key", str(tmp_path / "key.pem"), "--tls-certificate", str(tmp_path / "cert.pem"))
    assert "cert.pem is no file" in refused(*both)[0]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("localhost", False), ("203.0.113.7", True)])
def test_an_open_address_without_tls_is_warned_of(host: str, warned: bool, tmp_path: Path) -> None:
    _, said = refused("--host", host, "--config", str(tmp_path / "nothing.json"))
    assert ("open to the network without TLS" in said) is warned


@pytest.mark.usefixtures("quiet")
def test_a_setting_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIPROD_DRAIN_S", "soon")
    assert refused()[0].startswith("AIPROD_DRAIN_S: ")
