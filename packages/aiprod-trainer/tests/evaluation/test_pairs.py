"""Pairs differ in one word, and a verdict says whether clips differ in that alone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aiprod_core.family import SovereignModels
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.types import GenerationConfig
from aiprod_trainer.evaluation.attributes import SEEN, Judgement, truth
from aiprod_trainer.evaluation.nano import Plan, held_out
from aiprod_trainer.evaluation.pairs import evaluate_pairs, judged, pairs_of
from aiprod_trainer.strategies.attribute_judge import judge_config
from aiprod_trainer.worlds.captions import caption
from aiprod_trainer.worlds.scene import is_possible, sample_scene

CLASSES = judge_config(1).classes


def test_scenes_of_a_pair_are_one_but_for_an_attribute_and_both_possible() -> None:
    pairs = pairs_of(held_out(70, level=1), CLASSES)
    assert {pair.attribute for pair in pairs} == set(SEEN)
    for pair in pairs:
        one, other = pair.first.attributes, pair.second.attributes
        assert [name for name in SEEN if one[name] != other[name]] == [pair.attribute]
        assert is_possible(pair.second)
        assert caption(pair.first) != caption(pair.second)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_what_is_sampled_is_possible(level: int) -> None:
    assert all(is_possible(sample_scene(index, level=level)) for index in range(300))


def test_what_the_world_does_not_hold_is_not_possible() -> None:
    scene = replace(sample_scene(0), subject="cat", action="walk", setting="desert", weather="clear", camera="static")
    assert is_possible(scene)
    for change in (
        {"action": "fly"},
        {"weather": "snow"},
        {"setting": "lake"},
        {"action": "sit", "camera": "tracking"},
    ):
        assert not is_possible(replace(scene, **change))


def test_the_verdict_tells_a_missed_change_from_one_too_many() -> None:
    pair = pairs_of(held_out(1, level=1), CLASSES)[0]
    first, second = truth(pair.first), truth(pair.second)
    right = judged(pair, Judgement(first, ()), Judgement(second, ()))
    assert (right.asked, right.alone, right.right) == (True, True, True)
    unchanged = judged(pair, Judgement(first, ()), Judgement(first, ()))
    assert (unchanged.asked, unchanged.alone, unchanged.right) == (False, True, False)
    other = next(name for name in SEEN if name != pair.attribute)
    too_much = judged(pair, Judgement(first, ()), Judgement(second | {other: "something else"}, ()))
    assert (too_much.asked, too_much.alone, too_much.right) == (True, False, False)


def test_clips_are_kept_and_the_report_has_every_attribute(
    models: SovereignModels, judge: AttributeJudge, tmp_path: Path
) -> None:
    plan = Plan(
        request=GenerationConfig(prompt="set for each clip", num_inference_steps=2, width=64, height=64), prompts=2
    )
    report = evaluate_pairs(models, judge, plan, tmp_path, lambda *step: None)
    assert [figure.count for figure in report.figures[:3]] == [2, 2, 2]
    assert len(report.figures) == 3 + len(SEEN) + 1
    assert report.figures[0].bar == 0.70
    assert json.loads((tmp_path / "pairs.json").read_text())["about"]["pairs"] == 2
    clips = sorted((tmp_path / "clips").rglob("*.npz"))
    assert len(clips) == 4
    before = [path.stat().st_mtime_ns for path in clips]
    evaluate_pairs(models, judge, plan, tmp_path, lambda *step: None)
    assert [path.stat().st_mtime_ns for path in clips] == before
