"""Nothing is lost, doubled or billed twice while all that works is killed; a stopped machine's jobs go to another."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"
# The queue's waits are shortened, as the jobs are: what is tested is the order of things.
CHAOS = ("--jobs", "60", "--every-s", "2.5", "--pace-s", "0.02", "--rounds", "50000", "--haste", "30")


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_sixty_jobs_survive_the_kills(tmp_path: Path, database: str) -> None:
    (row,) = ran(tmp_path, "chaos", *CHAOS, "--databases", database, "--limit-s", "240")
    assert (row["lost"], row["doubled"], row["charges"], row["files"]) == (0, 0, 60, 180)
    assert 180 <= row["renders"] <= 198
    assert sum(row["kills"].values()) > 0


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_stopped_machines_job_goes_to_another_and_woken_it_writes_nothing(tmp_path: Path, database: str) -> None:
    (row,) = ran(tmp_path, "takeover", "--haste", "20", "--databases", database)
    assert row["changed"] == 0
    assert row["taken_over_s"] > 0


def ran(folder: Path, name: str, *words: str) -> list[dict[str, Any]]:
    """The rows that a benchmark writes, in a folder of the test."""
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *words]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    written = folder / "build" / "benchmarks" / f"{name}.json"
    assert written.exists(), run.stderr
    rows: list[dict[str, Any]] = json.loads(written.read_text())
    if not rows:
        pytest.skip("no PostgreSQL on this machine: initdb is neither on PATH nor in /usr/lib/postgresql")
    return rows
