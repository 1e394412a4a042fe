"""A step that is left out takes the last velocity; how many are left out follows the threshold."""

import torch

from aiprod_core.components.guiders import Pass
from aiprod_core.components.step_cache import Flows, StepCache
from aiprod_core.types import LatentState


def _run(velocities: list[float], threshold: float) -> tuple[list[float], StepCache]:
    """Velocities used when those of a run would be these; latents move by one a step."""
    cache, used = StepCache(threshold), []
    for step, value in enumerate(velocities):

        def ask(value: float = value) -> Flows:
            return {Pass.PROMPTED: LatentState(torch.full((1, 1, 1, 2, 2), value), None)}

        video = cache.flows(torch.full((1, 1, 1, 2, 2), float(step)), ask)[Pass.PROMPTED].video
        assert video is not None
        used.append(round(float(video.mean()), 4))
    return used, cache


def test_a_constant_velocity_is_computed_twice() -> None:
    used, cache = _run([3.0] * 8, 0.01)
    assert used == [3.0] * 8
    assert cache.reused == 6


def test_a_velocity_that_changes_more_than_the_threshold_is_always_computed() -> None:
    velocities = [1.0, 2.0, 4.0, 8.0]
    used, cache = _run(velocities, 0.3)
    assert used == velocities
    assert cache.reused == 0


def test_what_has_moved_since_adds_up_until_the_model_is_asked_again() -> None:
    """10 % a step foretold: with 0.25 two steps are left out, then one is computed."""
    used, cache = _run([0.9, 1.0, 7.0, 7.0, 1.3], 0.25)
    assert used == [0.9, 1.0, 1.0, 1.0, 1.3]
    assert cache.reused == 2


def test_latents_that_stand_still_need_no_other_velocity() -> None:
    cache, asked = StepCache(0.1), []
    state = torch.zeros(1, 1, 1, 2, 2)

    def ask() -> Flows:
        asked.append(1)
        return {Pass.PROMPTED: LatentState(state + len(asked), None)}

    for _ in range(3):
        cache.flows(state, ask)
    assert len(asked) == 3  # nothing moved, so nothing tells how the velocity changes
