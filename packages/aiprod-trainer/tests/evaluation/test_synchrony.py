"""Events are heard where an onset is near, and shuffled sound says what chance would reach."""

import random

from aiprod_trainer.evaluation.onsets import onsets_s
from aiprod_trainer.evaluation.synchrony import chance_share, heard_share
from aiprod_trainer.worlds.motion import events_of
from aiprod_trainer.worlds.scene import sample_scene
from aiprod_trainer.worlds.sound import SAMPLE_RATE_HZ, render_sound


def test_an_onset_counts_within_80_ms_on_either_side() -> None:
    share = heard_share([[0.5, 1.0, 1.5, 2.0]], [[0.43, 1.07, 1.7]])
    assert (share.right, share.count) == (2, 4)


def test_sound_of_another_clip_counts_for_nothing() -> None:
    assert heard_share([[0.5], [1.5]], [[1.5], [0.5]]).right == 0


def test_chance_of_random_sound_is_its_density() -> None:
    rng = random.Random(0)
    events = [[rng.uniform(0.2, 2.3) for _ in range(3)] for _ in range(400)]
    onsets = [[rng.uniform(0, 2.5)] for _ in range(400)]
    assert abs(chance_share(events, onsets).value - 0.16 / 2.5) < 0.02


def test_the_world_is_in_step_and_chance_is_far_below() -> None:
    scenes = [sample_scene(index, split="test") for index in range(24)]
    events = [[event.time_s for event in events_of(scene)] for scene in scenes]
    onsets = [onsets_s(render_sound(scene), sample_rate_hz=SAMPLE_RATE_HZ) for scene in scenes]
    real = heard_share(events, onsets).value
    assert real > 0.9
    assert chance_share(events, onsets).value < real - 0.3
