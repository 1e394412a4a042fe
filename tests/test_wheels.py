"""What `pip install` of the built wheels gives: the command, and the weights inside, with no checkout in sight."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_family import PROMPT, write_tiny_family

from aiprod_pipelines.media import read_clip

ROOT = Path(__file__).parents[1]
PACKAGES = ("aiprod-core", "aiprod-pipelines", "aiprod-trainer", "aiprod-server")


@pytest.mark.slow
def test_installed_wheels_render_with_the_weights_they_carry(tmp_path: Path) -> None:
    checkout, wheels, site = tmp_path / "checkout", tmp_path / "wheels", tmp_path / "site"
    for package in PACKAGES:
        shutil.copytree(ROOT / "packages" / package, checkout / "packages" / package)
    shutil.copytree(ROOT / "config", checkout / "config")
    write_tiny_family(checkout / "models" / "aiprod-sovereign")
    for package in PACKAGES:
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", wheels]
        subprocess.run([*build, checkout / "packages" / package], check=True, capture_output=True)
    shutil.rmtree(checkout)
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", site]
    subprocess.run([*install, *wheels.glob("*.whl")], check=True, capture_output=True)
    size = ["--width", "32", "--height", "32", "--num-frames", "9", "--num-inference-steps", "2"]
    done = subprocess.run(
        [sys.executable, site / "bin" / "aiprod", "generate", PROMPT, *size, "--output-path", tmp_path / "film.mp4"],
        env={**os.environ, "PYTHONPATH": str(site), "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert read_clip(tmp_path / "film.mp4").audio is not None
    receipt = (tmp_path / "film.mp4.receipt.json").read_text()
    assert '"name": "aiprod-sovereign"' in receipt
    told = subprocess.run(
        [sys.executable, site / "bin" / "aiprod", "storyboard", "Un chat rouge marche sur la plage"],
        env={**os.environ, "PYTHONPATH": str(site), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "a red cat walking" in told.stdout, told.stderr
    studio = site / "aiprod_pipelines"
    assert (studio / "film" / "storyboard.schema.json").is_file()
    assert list((studio / "montage" / "fonts").glob("*Regular*"))
    assert (studio / "montage" / "fonts" / "LICENSE.md").is_file()
    find = "from aiprod_server.orchestration.config import *; print(load(default_path()).orchestrator.initial)"
    found = subprocess.run(
        [sys.executable, "-c", find],
        env={**os.environ, "PYTHONPATH": str(site), "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == "INIT", found.stderr
