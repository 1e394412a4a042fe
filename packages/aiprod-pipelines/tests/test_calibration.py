"""A calibration is of real renders in processes of their own, is kept for one way to render, and tells the truth."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aiprod_core.errors import AiprodError, InputError
from aiprod_core.execution import Execution
from aiprod_core.types import GenerationConfig
from aiprod_pipelines import calibration
from aiprod_pipelines.calibration import PROMPT, Calibrations, Meter, Probe
from aiprod_pipelines.machine import PeakMemory
from aiprod_pipelines.rendering import Setup
from aiprod_pipelines.workload import Shapes, upper_bound_bytes

REQUEST = GenerationConfig(prompt=PROMPT, width=96, height=96, num_frames=17, num_inference_steps=3)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "PROBES", (Probe(2, 2, 3), Probe(4, 4, 3, tiled=True)))


@pytest.mark.slow
def test_what_is_measured_once_is_kept(family: Path, tmp_path: Path, few: None) -> None:
    calibrations, setup = Calibrations(tmp_path / "cache"), Setup(models_dir=family)
    assert calibrations.find(setup) is None
    told = calibrations.estimate(REQUEST, setup)
    assert set(told.stages_s) == {"load", "text", "denoise", "decode video", "decode sound", "encode"}
    assert told.seconds > 0
    assert 100e6 < told.peak_memory_bytes < upper_bound_bytes(REQUEST, setup, Shapes.of(family))
    (kept,) = (tmp_path / "cache").iterdir()
    assert json.loads(kept.read_text())["of"]["threads"] == torch.get_num_threads()
    assert calibrations.estimate(REQUEST, setup) == told
    tiled = replace(setup, execution=Execution(vae_tiling=True))
    assert calibrations.find(tiled) == calibrations.find(setup)
    assert calibrations.find(replace(setup, precision="bf16")) is None
    kept.write_text("{")
    assert calibrations.find(setup) is None


def test_a_render_that_fails_is_told(family: Path, tmp_path: Path) -> None:
    setup = Setup(models_dir=family, execution=Execution(step_cache=5.0))
    with pytest.raises(AiprodError, match=r"failed \(.*cache: got 5.0"):
        Calibrations(tmp_path).make(setup)
    assert not list(tmp_path.iterdir())


def test_the_time_of_a_compiler_is_not_guessed(family: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got compile"):
        Calibrations(tmp_path).estimate(REQUEST, Setup(models_dir=family, execution=Execution(compile=True)))


def test_a_stage_is_told_by_the_peak_within_it() -> None:
    meter = Meter(PeakMemory(), on_processor=True)
    meter("small", 0, 1)
    large = torch.ones(64, 2**20)
    meter("large", 1, 1)
    del large
    meter("after", 0, 1)
    meter("after", 1, 1)
    peaks = {stage: peak for stage, (_, peak) in meter.took.items()}
    assert peaks["large"] - peaks["small"] > 200e6
    assert list(meter.took) == ["small", "large", "after"]
    assert all(seconds >= 0 for seconds, _ in meter.took.values())
