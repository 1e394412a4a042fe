"""An estimate is of this machine; a film that does not fit is refused before anything is loaded."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_family import PROMPT
from typer.testing import CliRunner

from aiprod_core.errors import InputError
from aiprod_core.types import GenerationConfig
from aiprod_pipelines import calibration
from aiprod_pipelines.calibration import Calibrations, Probe
from aiprod_pipelines.cli import app
from aiprod_pipelines.commands import estimate
from aiprod_pipelines.machine import available_memory_bytes
from aiprod_pipelines.rendering import PipelineName, Setup

SMALL = ["--width", "32", "--height", "32", "--num-frames", "9", "--num-inference-steps", "2", "--threads", "1"]
REQUEST = GenerationConfig(prompt=PROMPT, width=32, height=32, num_frames=9)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of caches, and two probes instead of all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "PROBES", (Probe(2, 2, 3), Probe(4, 4, 3, tiled=True)))
        yield tmp_path_factory.mktemp("cache")


@pytest.mark.slow
def test_a_machine_is_measured_once_and_then_told(family: Path, cache: Path) -> None:
    asked = [*SMALL, "--model", str(family), "--cache-root", str(cache), "--json"]
    first, again = (CliRunner().invoke(estimate.app, asked) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert "measuring this machine first" in first.stderr
    assert again.stderr == ""
    told = json.loads(again.stdout)
    assert told == json.loads(first.stdout)
    assert told["seconds"] == pytest.approx(sum(told["stages_s"].values()))
    assert told["peak_memory_bytes"] > 100e6
    shown = CliRunner().invoke(estimate.app, asked[:-1]).stdout
    assert "decode video" in shown
    assert "MiB" in shown


@pytest.mark.slow
def test_a_film_that_does_not_fit_is_refused_and_one_that_does_is_rendered(
    family: Path, cache: Path, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    asked = ["generate", PROMPT, *SMALL, "--model", str(family), "--output-path", str(film), "--json"]
    asked += ["--cache-root", str(cache)]
    refused = CliRunner().invoke(app, [*asked, "--max-memory", "1MiB"])
    assert refused.exit_code == 1
    assert "allow more with --max-memory" in refused.stderr
    assert not film.exists()
    made = CliRunner().invoke(app, [*asked, "--max-memory", "100GiB"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["changes"] == []


def test_what_surely_fits_is_not_measured(family: Path, tmp_path: Path) -> None:
    assert available_memory_bytes() > 2**31
    assert estimate.fitted(REQUEST, Setup(models_dir=family), None, Calibrations(tmp_path)) is None
    assert not list(tmp_path.iterdir())


def test_a_device_that_is_not_here_is_refused(family: Path) -> None:
    result = CliRunner().invoke(app, ["estimate", *SMALL, "--model", str(family), "--device", "cuda:99"])
    assert result.exit_code == 1
    assert "device: got cuda:99, expected one that is here: cpu" in result.stderr


def test_a_limit_on_what_cannot_be_estimated_is_refused(family: Path, tmp_path: Path) -> None:
    retake = Setup(models_dir=family, pipeline=PipelineName.RETAKE)
    assert estimate.fitted(REQUEST, retake, None, Calibrations(tmp_path)) is None
    with pytest.raises(InputError, match="max-memory: got it with"):
        estimate.fitted(REQUEST, retake, 2**30, Calibrations(tmp_path))
