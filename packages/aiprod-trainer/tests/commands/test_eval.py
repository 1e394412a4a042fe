"""`aiprod eval nano` prints the table, writes the report, and its exit code says whether every bar is reached."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from tiny_family import write_tiny_family
from typer.testing import CliRunner

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.errors import InputError, WeightsError
from aiprod_core.models.judge import AttributeJudge
from aiprod_trainer.commands.eval import app
from aiprod_trainer.strategies.attribute_judge import judge_config


@pytest.fixture(name="weights")
def _weights(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    write_tiny_family(folder)
    torch.manual_seed(0)
    small = dataclasses.replace(judge_config(1), still_widths=(16, 16), motion_widths=(16, 16), motion_width=32)
    judge = AttributeJudge(small)
    lineage = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)
    save_checkpoint(folder / "judge.safetensors", "judge", judge.config, judge.state_dict(), lineage)
    return folder


def test_an_untrained_family_misses_its_bars(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    options = ["--models", str(weights), "--output", str(folder), "--media", str(tmp_path / "none")]
    result = CliRunner().invoke(
        app, ["nano", *options, "--prompts", "1", "--num-inference-steps", "1"], catch_exceptions=False
    )
    assert result.exit_code == 2
    assert "left out; name one with --media" in result.output
    assert "judge on real renders" in result.output
    assert json.loads((folder / "report.json").read_text())["met"] is False
    assert (folder / "sheet.png").is_file()


def test_missing_weights_are_named(weights: Path, tmp_path: Path) -> None:
    (weights / "judge.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"judge\.safetensors is missing"):
        CliRunner().invoke(app, ["nano", "--models", str(weights)], catch_exceptions=False)


def test_modes_prints_a_row_for_each(weights: Path, tmp_path: Path) -> None:
    options = ["--models", str(weights), "--output", str(tmp_path / "report"), "--prompts", "1", "--threads", "1"]
    result = CliRunner().invoke(
        app,
        ["modes", *options, "--num-inference-steps", "1", "--mode", "CFG 4", "--mode", "fp8", "--json"],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    assert [row["mode"] for row in json.loads(result.output)["modes"]] == ["plain", "CFG 4", "fp8"]


def test_a_mode_that_is_not_there_is_answered_with_those_that_are(weights: Path) -> None:
    with pytest.raises(InputError, match="'CFG 3', expected one of 'plain', 'no guidance'"):
        CliRunner().invoke(app, ["modes", "--models", str(weights), "--mode", "CFG 3"], catch_exceptions=False)


def test_conditions_of_an_untrained_family_miss_a_bar(weights: Path, tmp_path: Path) -> None:
    options = ["--models", str(weights), "--output", str(tmp_path / "report"), "--scenes", "2", "--json"]
    result = CliRunner().invoke(app, ["conditions", *options, "--num-inference-steps", "1"], catch_exceptions=False)
    assert result.exit_code == 2
    assert json.loads(result.output) == json.loads((tmp_path / "report" / "conditions.json").read_text())
    assert (tmp_path / "report" / "references.png").is_file()


def test_camera_prints_a_row_for_each_move_and_strength(weights: Path, tmp_path: Path) -> None:
    options = ["--models", str(weights), "--output", str(tmp_path / "report"), "--prompts", "1", "--renders", "1"]
    result = CliRunner().invoke(
        app, ["camera", *options, "--num-inference-steps", "1", "--move", "zoom-in", "--json"], catch_exceptions=False
    )
    assert result.exit_code == 0
    rows = json.loads(result.output)["rows"]
    assert [(row["move"], row["strength"]) for row in rows] == [
        ("static", 0.0),
        *(("zoom-in", s) for s in (0.3, 0.6, 1.0)),
    ]


def test_a_move_that_is_not_there_is_answered_with_those_that_are(weights: Path) -> None:
    with pytest.raises(InputError, match="'dolly-in', expected one of pan-left"):
        CliRunner().invoke(app, ["camera", "--models", str(weights), "--move", "dolly-in"], catch_exceptions=False)
