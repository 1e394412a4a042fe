"""Schedules fall from noise to data; training times stay inside."""

import pytest
import torch

from aiprod_core.components.schedulers import FlowSchedule, training_times


@pytest.mark.parametrize("steps", [1, 2, 20, 1000])
@pytest.mark.parametrize("shift", [0.5, 1.0, 3.0, 10.0])
def test_times_fall_from_one_to_zero(steps: int, shift: float) -> None:
    times = FlowSchedule(steps, shift).times()
    assert times.shape == (steps + 1,)
    assert times.dtype == torch.float64
    assert times[0] == 1
    assert times[-1] == 0
    assert (times.diff() < 0).all()


def test_no_shift_is_even_and_a_shift_leans_towards_noise() -> None:
    even = FlowSchedule(10, shift=1.0).times()
    torch.testing.assert_close(even, torch.linspace(1, 0, 11, dtype=torch.float64))
    assert (FlowSchedule(10, shift=3.0).times()[1:-1] > even[1:-1]).all()


@pytest.mark.parametrize("start", [0.1, 0.5, 1.0])
def test_a_later_start_walks_the_same_way_from_there(start: float) -> None:
    times = FlowSchedule(4, start=start).times()
    assert times[0].item() == pytest.approx(start)
    assert times[-1] == 0
    assert (times.diff() < 0).all()
    whole = FlowSchedule(8)
    assert torch.allclose(FlowSchedule(4, start=whole.times()[4].item()).times(), whole.times()[4:])


def test_shifts_compose() -> None:
    twice = FlowSchedule(8, shift=2.0).times()
    again = 3 * twice / (1 + 2 * twice)
    torch.testing.assert_close(again, FlowSchedule(8, shift=6.0).times())


def test_training_times_are_repeatable_inside_and_lean_with_the_shift() -> None:
    def draw(shift: float, share: float = 0.1) -> torch.Tensor:
        return training_times(20_000, torch.Generator().manual_seed(0), shift, share)

    times = draw(1.0)
    assert torch.equal(times, draw(1.0))
    assert times.min() >= 0
    assert times.max() <= 1
    assert times.mean().item() == pytest.approx(0.5, abs=0.01)
    assert draw(3.0).mean() > times.mean() + 0.1
    middle = ((draw(1.0, share=0.0) - 0.5).abs() < 0.25).float().mean()
    assert middle > ((draw(1.0, share=1.0) - 0.5).abs() < 0.25).float().mean() + 0.1  # the uniform share is flat
