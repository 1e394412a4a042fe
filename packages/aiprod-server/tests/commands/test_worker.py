"""`aiprod worker` works by the settings and the configuration, and ends when it is told to."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner
from workers_at_work import Queue

from aiprod_core.errors import InputError
from aiprod_server.commands import worker
from aiprod_server.database import reading
from aiprod_server.orchestration import config
from aiprod_server.queue import submissions
from aiprod_server.queue.jobs import State
from aiprod_server.tables import charges, error_log

LIGHT_RENDER = Path(__file__).parents[1] / "worker" / "light_render.py"
on_sqlite = pytest.mark.parametrize("server", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A child that loads nothing; files in a folder of the test; the signals of the tests as they were."""
    monkeypatch.setattr(worker, "PROGRAM", (sys.executable, str(LIGHT_RENDER)))
    monkeypatch.setenv("AIPROD_STORAGE", str(tmp_path))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@on_sqlite
def test_a_worker_renders_charges_and_ends_at_a_signal(engine: sa.Engine, url: str) -> None:
    queue = Queue(engine)
    good, bad = queue.submit(tier="premium"), queue.submit(["break", "by chance"], max_attempts=1)

    def stop() -> None:
        queue.ended(good)
        queue.ended(bad)
        os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop)
    stopper.start()
    result = CliRunner().invoke(worker.app, ["--database-url", url, "--devices", "cpu", "--slots", "2", "--json"])
    stopper.join()
    assert result.exit_code == 0
    facts = json.loads(result.stdout.splitlines()[0])
    assert (facts["devices"], facts["slots"]) == (["cpu"], 2)
    job = queue.job(good)
    orchestration = config.load(config.default_path())
    kept_s = 86_400 * orchestration.local_storage.retention_days
    assert job.expires_at == pytest.approx((job.finished_at or 0.0) + kept_s)
    with reading(engine) as connection:
        (charge,) = connection.execute(sa.select(charges)).all()
        (error,) = connection.execute(sa.select(error_log)).all()
    eur_per_h = orchestration.financial_orchestrator.tiers["premium"].eur_per_device_hour
    assert charge.cost_microeur == round(1e6 * eur_per_h * 1.5 / 3600)
    assert (error.source, error.kind, error.last_job_id) == ("render", "ValueError", bad)


@on_sqlite
def test_a_second_signal_gives_back_what_runs(engine: sa.Engine, url: str, tmp_path: Path) -> None:
    queue = Queue(engine)
    began = tmp_path / "began"
    job_id = queue.submit(["write pid", str(began)], ["sleep", 600])

    def stop() -> None:
        while not began.exists():
            time.sleep(0.01)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)

    stopper = threading.Thread(target=stop)
    stopper.start()
    result = CliRunner().invoke(worker.app, ["--database-url", url, "--devices", "cpu", "--drain-s", "600"])
    stopper.join()
    assert result.exit_code == 0
    assert submissions.job(engine, job_id).state is State.QUEUED


@pytest.mark.parametrize("devices", ["cpu,,cuda:0", "cpu,cpu", ""])
def test_devices_that_are_none_are_refused(devices: str) -> None:
    result = CliRunner().invoke(worker.app, ["--devices", devices])
    assert isinstance(result.exception, InputError)
    assert "expected such as cpu" in str(result.exception)


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_a_database_without_the_schema_is_refused(bare_url: str) -> None:
    result = CliRunner().invoke(worker.app, ["--devices", "cpu", "--database-url", bare_url])
    assert isinstance(result.exception, InputError)
    assert "aiprod db upgrade" in str(result.exception)
