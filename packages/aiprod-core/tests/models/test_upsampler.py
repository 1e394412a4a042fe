"""The upsampler begins as a linear map in closed form, works frame by frame at any size, and can learn."""

from dataclasses import replace

import pytest
import torch
from einops import rearrange

from aiprod_core.models.upsampler import NANO, LatentUpsampler, around, interpolated

TINY = replace(NANO, channels=4, width=16, small_blocks=1, large_blocks=1)


@pytest.fixture(name="model")
def _model() -> LatentUpsampler:
    torch.manual_seed(0)
    return LatentUpsampler(TINY)


def test_it_doubles_the_size_of_every_frame(model: LatentUpsampler) -> None:
    assert model(torch.randn(2, 4, 3, 4, 6)).shape == (2, 4, 3, 8, 12)


def test_the_linear_path_finds_what_nine_latents_say(model: LatentUpsampler) -> None:
    small = torch.randn(16, 4, 2, 6, 6)
    wanted = rearrange(around(small) @ torch.randn(36, 16), "b t h w (p q c) -> b c t (h p) (w q)", p=2, q=2)
    model.fit(small, wanted + 0.5)
    torch.testing.assert_close(model(small), wanted + 0.5, atol=1e-3, rtol=1e-3)


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
