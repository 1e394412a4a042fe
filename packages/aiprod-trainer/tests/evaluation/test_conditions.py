"""Figures of what is given: identities of the measure of lines, and every figure on a tiny, untrained family."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aiprod_core.family import SovereignModels
from aiprod_core.types import GenerationConfig
from aiprod_trainer.evaluation.conditions import Given, evaluate_conditions, line_f1

REQUEST = GenerationConfig(prompt="set for each clip", num_inference_steps=1, width=32, height=32, audio=False)


def _steps(*columns: int, by: float = 1.0) -> torch.Tensor:
    """A clip that gets brighter at each of these columns."""
    row = torch.zeros(64)
    for column in columns:
        row[column:] += by / len(columns)
    return row.expand(3, 1, 64, 64) - 0.5


def test_lines_follow_within_their_reach_and_no_further() -> None:
    assert line_f1(_steps(10, 40), _steps(10, 40)) == 1.0
    assert line_f1(_steps(10, 40), _steps(11, 41)) == 1.0
    assert line_f1(_steps(10), _steps(40)) == 0.0
    assert line_f1(_steps(10, 40), _steps(10)) == pytest.approx(2 / 3, abs=0.02)


def test_lines_are_the_same_by_day_and_by_night() -> None:
    assert line_f1(_steps(10, 40), _steps(10, 40, by=0.1)) == 1.0
    assert line_f1(_steps(10, 40), torch.zeros(3, 1, 64, 64)) == 0.0


def test_every_figure_is_measured(weights: Path, models: SovereignModels, tmp_path: Path) -> None:
    given, told = Given(weights=weights, request=replace(REQUEST, num_frames=25), scenes=2), []
    figures = evaluate_conditions(models, given, tmp_path / "sheet.png", lambda *step: told.append(step))
    found = {f"{figure.group}:{figure.name.strip()}": figure.value for figure in figures}
    assert found["keyframes:difference"] == pytest.approx(
        found["keyframes:pictures at their frames"] - found["keyframes:through the codec alone"]
    )
    assert {figure.group for figure in figures if figure.bar is not None} == {
        "keyframes",
        "upsampler",
        "in-context LoRA: another time of day",
    }
    assert {stage for stage, done, total in told if done == total} == {"keyframes", "upsampler", "references"}
    assert (tmp_path / "sheet.png").is_file()
    assert not any(layer._forward_hooks for layer in models.shdt.modules())  # the LoRA is off again
