"""Guidance reduces to the prompt alone, to no prompt, and to the prompt's own deviation where it should."""

import pytest
import torch

from aiprod_core.components.guiders import ClassifierFreeGuider


def _velocities() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 4, 3, 8, 8, generator=generator), 2 * torch.randn(2, 4, 3, 8, 8, generator=generator) + 1


@pytest.mark.parametrize("rescale", [0.0, 0.4, 1.0])
def test_scale_one_is_the_prompt_alone(rescale: float) -> None:
    prompted, unprompted = _velocities()
    guider = ClassifierFreeGuider(1.0, rescale)
    assert not guider.active
    torch.testing.assert_close(guider(prompted, unprompted), prompted)


def test_scale_zero_is_without_the_prompt_and_scales_are_linear() -> None:
    prompted, unprompted = _velocities()
    torch.testing.assert_close(ClassifierFreeGuider(0.0)(prompted, unprompted), unprompted)
    two, three, four = (ClassifierFreeGuider(scale)(prompted, unprompted) for scale in (2.0, 3.0, 4.0))
    torch.testing.assert_close(two + four, 2 * three)


def test_guidance_changes_nothing_where_the_prompt_does_not() -> None:
    prompted, _ = _velocities()
    torch.testing.assert_close(ClassifierFreeGuider(7.0)(prompted, prompted), prompted)


@pytest.mark.parametrize("shape", [(2, 4, 3, 8, 8), (2, 4, 50)])
def test_full_rescale_keeps_the_deviation_of_each_sample(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    prompted, unprompted = torch.randn(2, *shape, generator=generator)
    axes = tuple(range(1, len(shape)))
    guided = ClassifierFreeGuider(6.0, 1.0)(prompted, unprompted)
    assert guided.shape == shape
    torch.testing.assert_close(guided.std(dim=axes), prompted.std(dim=axes))
    washed_out = ClassifierFreeGuider(6.0)(prompted, unprompted).std(dim=axes)
    assert (washed_out > 2 * prompted.std(dim=axes)).all()
    half = ClassifierFreeGuider(6.0, 0.5)(prompted, unprompted)
    torch.testing.assert_close(half, (guided + ClassifierFreeGuider(6.0)(prompted, unprompted)) / 2)
