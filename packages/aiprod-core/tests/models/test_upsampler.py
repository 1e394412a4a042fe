"""The upsampler begins as interpolation, works frame by frame at any size, and can learn."""

from dataclasses import replace

import pytest
import torch

from aiprod_core.models.upsampler import NANO, LatentUpsampler, interpolated

TINY = replace(NANO, channels=4, width=16, small_blocks=1, large_blocks=1)


@pytest.fixture(name="model")
def _model() -> LatentUpsampler:
    torch.manual_seed(0)
    return LatentUpsampler(TINY)


def test_it_begins_as_interpolation(model: LatentUpsampler) -> None:
    latents = torch.randn(2, 4, 3, 4, 6)
    large = model(latents)
    assert large.shape == (2, 4, 3, 8, 12)
    torch.testing.assert_close(large, interpolated(latents))


def test_interpolation_keeps_a_constant_and_does_not_prefer_a_side() -> None:
    torch.testing.assert_close(interpolated(torch.full((1, 2, 1, 4, 4), 3.0)), torch.full((1, 2, 1, 8, 8), 3.0))
    picture = torch.randn(1, 1, 1, 8, 8)
    torch.testing.assert_close(interpolated(picture.flip(-1)).flip(-1), interpolated(picture))


def test_a_frame_depends_on_no_other(model: LatentUpsampler) -> None:
    torch.nn.init.normal_(model.head.weight)
    latents = torch.randn(1, 4, 3, 4, 4)
    torch.testing.assert_close(model(latents)[:, :, 1:2], model(latents[:, :, 1:2]))


def test_it_learns_what_interpolation_cannot_say(model: LatentUpsampler) -> None:
    small = torch.randn(4, 4, 1, 4, 4)
    large = interpolated(small) + interpolated(small.roll(1, dims=1)).tanh()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    errors = []
    for _ in range(60):
        error = (model(small) - large).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < errors[0] / 4
