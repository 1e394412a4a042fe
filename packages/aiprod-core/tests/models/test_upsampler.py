"""The upsampler begins as a linear map in closed form, works frame by frame at any size, and can learn."""

from dataclasses import replace

import pytest
import torch
from einops import rearrange

from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.upsampler import NANO, LatentUpsampler, UpsamplerConfig, around, interpolated

TINY = replace(NANO, channels=4, widths=(16, 8), depths=(1, 1, 1))


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


def test_the_head_says_more_than_the_linear_path(model: LatentUpsampler) -> None:
    small = torch.randn(8, 4, 2, 4, 4)
    wanted = rearrange(model.features(small) @ torch.randn(8, 4), "b t h w c -> b c t h w").detach()
    model.fit(small, wanted)
    direct = rearrange(model.direct(small), "b t h w c -> b c t h w")
    assert (model(small) - wanted).norm() < (direct - wanted).norm()


def test_interpolation_keeps_a_constant_and_does_not_prefer_a_side() -> None:
    torch.testing.assert_close(interpolated(torch.full((1, 2, 1, 4, 4), 3.0)), torch.full((1, 2, 1, 8, 8), 3.0))
    picture = torch.randn(1, 1, 1, 8, 8)
    torch.testing.assert_close(interpolated(picture.flip(-1)).flip(-1), interpolated(picture))


def test_a_frame_sees_no_later_one(model: LatentUpsampler) -> None:
    torch.nn.init.normal_(model.head.weight)
    latents = torch.randn(1, 4, 3, 4, 4)
    torch.testing.assert_close(model(latents)[:, :, :2], model(latents[:, :, :2]))


def test_its_trunk_is_the_decoders(video_codec: HWVAE) -> None:
    of = video_codec.config
    model = LatentUpsampler(
        UpsamplerConfig(
            channels=of.latent_channels, widths=of.widths[::-1], depths=(*of.decoder_depths[::-1], 1), kernel=of.kernel
        )
    )
    mean, scale = torch.randn(of.latent_channels), torch.rand(of.latent_channels) + 0.5
    video_codec.latent_mean.copy_(mean)
    video_codec.latent_scale.copy_(scale)
    model.start(video_codec.decoder, mean, scale)
    latents, reached = torch.randn(1, of.latent_channels, 2, 4, 4), []
    for trunk in (model.large, video_codec.decoder.stages[1]):
        trunk.register_forward_hook(lambda module, given, output: reached.append(output))
    model(latents)
    video_codec.decode(latents)
    torch.testing.assert_close(*reached, atol=1e-4, rtol=1e-4)


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
