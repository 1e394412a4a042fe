"""Modes are the same prompts and seeds under other settings: the plain one is itself, and each has its own clips."""

import json
from dataclasses import replace
from pathlib import Path

from aiprod_core.family import SovereignModels
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.types import GenerationConfig
from aiprod_trainer.evaluation.modes import MODES, PLAIN, Mode, evaluate_modes, size_bytes
from aiprod_trainer.evaluation.nano import Plan, generation_digest

REQUEST = GenerationConfig(prompt="set for each clip", num_inference_steps=2, width=64, height=64)
PLAN = Plan(request=REQUEST, prompts=2)


def test_each_mode_is_told_beside_plain_and_kept(weights: Path, judge: AttributeJudge, tmp_path: Path) -> None:
    names = ["no guidance", "int8", "distilled 4"]
    report = evaluate_modes(weights, judge, PLAN, names, tmp_path, lambda *step: None)
    plain, unguided, int8, distilled = report.rows
    assert [row.mode for row in report.rows] == [PLAIN, *names]
    assert (plain.beside_plain, plain.same, plain.size) == (1.0, 1.0, 1.0)
    assert set(plain.pictures.values()) == {1.0}
    assert set(unguided.pictures.values()) != {1.0}
    assert set(distilled.pictures.values()) != {1.0}
    assert unguided.size == 1.0 > int8.size
    assert json.loads((tmp_path / "modes.json").read_text())["about"]["prompts"] == 2
    assert report.table().row_count == 4

    clips = sorted((tmp_path / "clips").rglob("*.npz"))
    assert len(clips) == 4 * PLAN.prompts
    before = [path.stat().st_mtime_ns for path in clips]
    again = evaluate_modes(weights, judge, PLAN, ["int8", *names], tmp_path, lambda *step: None)
    assert [path.stat().st_mtime_ns for path in clips] == before
    assert {row.mode: row for row in again.rows} == {row.mode: row for row in report.rows}


def test_plain_clips_are_those_of_the_evaluation(
    weights: Path, models: SovereignModels, judge: AttributeJudge, tmp_path: Path
) -> None:
    evaluate_modes(weights, judge, replace(PLAN, prompts=1), [], tmp_path, lambda *step: None)
    assert [path.name for path in (tmp_path / "clips").iterdir()] == [generation_digest(models, PLAN)]


def test_clips_do_not_depend_on_a_second_stage_that_they_do_not_have(models: SovereignModels) -> None:
    digest = generation_digest(models, PLAN)
    assert generation_digest(models, replace(PLAN, request=replace(REQUEST, refine_steps=9))) == digest
    assert generation_digest(models, replace(PLAN, request=replace(REQUEST, guidance_scale=4.0))) != digest


def test_every_mode_changes_something(models: SovereignModels) -> None:
    assert MODES[PLAIN] == Mode()
    for name, mode in MODES.items():
        changed = replace(REQUEST, **dict(mode.settings))  # type: ignore[arg-type]
        assert (changed != REQUEST) or mode.stored_as is not None or name == PLAIN


def test_size_is_that_of_released_weights(models: SovereignModels) -> None:
    parameters = sum(tensor.numel() for tensor in models.shdt.state_dict().values())
    assert size_bytes(models) >= 2 * parameters
