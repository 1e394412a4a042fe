"""Shares carry honest intervals, and accuracy counts what was right."""

import math

import pytest

from aiprod_trainer.evaluation.attributes import Judgement, Share, accuracy, truth
from aiprod_trainer.worlds.scene import sample_scene

SCENES = [sample_scene(index, split="test") for index in range(40)]


def test_wilson_interval_of_a_known_case() -> None:
    low, high = Share(8, 10).interval
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


@pytest.mark.parametrize("right", [0, 1, 150, 299, 300])
def test_an_interval_holds_its_share_and_stays_within_bounds(right: int) -> None:
    low, high = Share(right, 300).interval
    assert 0 <= low <= right / 300 <= high <= 1
    assert low < high


def test_nothing_counted_is_nothing_known() -> None:
    assert math.isnan(Share(0, 0).value)
    assert Share(0, 0).interval == (0.0, 1.0)


def test_the_truth_is_all_right() -> None:
    shares = accuracy([Judgement(truth(scene), ()) for scene in SCENES], SCENES)
    assert {share.value for share in shares.values()} == {1.0}
    assert {"time+weather", "all", "ambience setting"} <= shares.keys()


def test_one_wrong_word_costs_its_attribute_and_all() -> None:
    said = [truth(scene) for scene in SCENES]
    said[0]["weather"] = "none"
    said[1]["time"] = "none"
    said[2]["ambience weather"] = "none"
    shares = accuracy([Judgement(row, ()) for row in said], SCENES)
    wrong = {name: share.count - share.right for name, share in shares.items() if share.right < share.count}
    assert wrong == {"weather": 1, "time": 1, "ambience weather": 1, "time+weather": 2, "all": 2}
