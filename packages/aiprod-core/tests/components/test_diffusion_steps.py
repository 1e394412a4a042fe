"""Euler steps are exact where the path is straight."""

from itertools import pairwise

import pytest
import torch

from aiprod_core.components.diffusion_steps import euler_flow_step
from aiprod_core.components.noisers import add_noise, velocity
from aiprod_core.components.schedulers import FlowSchedule


@pytest.mark.parametrize("steps", [1, 7, 50])
def test_a_straight_path_leads_from_noise_to_its_target(steps: int) -> None:
    target, noise = torch.randn(2, 1, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    times = FlowSchedule(steps).times()
    x = noise
    for t, t_next in pairwise(times):
        x = euler_flow_step(x, velocity(target, noise), t, t_next)
        torch.testing.assert_close(x, add_noise(target, noise, t_next))
    torch.testing.assert_close(x, target)


def test_times_broadcast_per_frame_and_the_type_is_kept() -> None:
    x, v = torch.zeros(1, 2, 3, 4, 4, dtype=torch.bfloat16), torch.ones(1, 2, 3, 4, 4, dtype=torch.bfloat16)
    t = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64).view(1, 1, -1, 1, 1)
    stepped = euler_flow_step(x, v, t, t / 2)
    assert stepped.dtype == torch.bfloat16
    assert stepped[0, 0, :, 0, 0].tolist() == [0.0, -0.25, -0.5]
