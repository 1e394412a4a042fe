"""The codec's transform loses nothing, time flows one way, and chunks are the whole."""

from dataclasses import replace

import pytest
import torch

from aiprod_core.models.hwvae import FULL, HWVAE, NANO, HaarBlocks, haar_matrix
from aiprod_core.models.layers import shift_from_past


def _clip(frames: int, height: int = 32, width: int = 48, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, frames, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("size", [2, 4, 8])
def test_haar_is_orthonormal_and_coarse_first(size: int) -> None:
    matrix = haar_matrix(size)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(size))
    torch.testing.assert_close(matrix[0], torch.full((size,), size**-0.5))
    assert matrix[1:].sum(dim=1).abs().max() < 1e-6


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_haar_blocks_keep_energy_and_come_back(levels: int) -> None:
    haar, side = HaarBlocks(levels), 2**levels
    video = _clip(2 * side, 2 * side, 3 * side)
    coefficients = haar(video)
    assert coefficients.shape == (1, 3 * side**3, 2, 2, 3)
    torch.testing.assert_close(coefficients.square().sum(), video.square().sum())
    torch.testing.assert_close(haar.inverse(coefficients), video)


@pytest.mark.parametrize("frames", [1, 5, 9])
def test_shapes_and_a_clip_of_one_frame(video_codec: HWVAE, frames: int) -> None:
    latents = video_codec.encode(_clip(frames))
    assert latents.shape == (1, 8, 1 + frames // 4, 4, 6)
    assert video_codec.decode(latents).shape == (1, 3, frames, 32, 48)


@pytest.mark.parametrize("changed", [1, 5, 9, 12])
def test_a_frame_never_changes_latents_before_it(video_codec: HWVAE, changed: int) -> None:
    video = _clip(13)
    other = video.clone()
    other[:, :, changed:] = -other[:, :, changed:]
    latents, different = video_codec.encode(video), video_codec.encode(other)
    at = -(-changed // 4)
    assert torch.equal(latents[:, :, :at], different[:, :, :at])
    assert not torch.allclose(latents[:, :, at], different[:, :, at], atol=1e-3)


def test_a_latent_never_changes_frames_before_it(video_codec: HWVAE) -> None:
    latents = torch.randn(1, 8, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    other = latents.clone()
    other[:, :, 2:] += 1
    video, different = video_codec.decode(latents), video_codec.decode(other)
    assert torch.equal(video[:, :, :5], different[:, :, :5])
    assert not torch.allclose(video[:, :, 5], different[:, :, 5], atol=1e-3)


def test_the_first_frame_stands_alone(video_codec: HWVAE) -> None:
    video = _clip(9)
    torch.testing.assert_close(video_codec.encode(video)[:, :, :1], video_codec.encode(video[:, :, :1]))
    latents = video_codec.encode(video)
    torch.testing.assert_close(video_codec.decode(latents)[:, :, :1], video_codec.decode(latents[:, :, :1]))


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 8, 100])
def test_decoding_in_chunks_is_decoding_the_whole(video_codec: HWVAE, chunk: int) -> None:
    latents = torch.randn(2, 8, 8, 3, 4, generator=torch.Generator().manual_seed(0))
    whole = video_codec.decode(latents)
    chunked = video_codec.decode_chunked(latents, frames=chunk)
    assert chunked.shape == whole.shape == (2, 3, 29, 24, 32)
    torch.testing.assert_close(chunked, whole, atol=1e-5, rtol=0)


def test_the_context_of_a_chunk_is_as_long_as_it_must_be(video_codec: HWVAE) -> None:
    """With one frame of context less, the pixels differ: the chunks really need the past."""
    latents = torch.randn(1, 8, 8, 3, 4, generator=torch.Generator().manual_seed(0))
    video_codec.decoder.temporal_context -= 1
    difference = video_codec.decode_chunked(latents, frames=1) - video_codec.decode(latents)
    assert difference.abs().max() > 1e-5


def test_normalised_latents_come_back_and_strong_channels_stay_stronger(video_codec: HWVAE) -> None:
    raw = torch.randn(2, 8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    raw = raw * torch.logspace(-1, 1, 8)[:, None, None, None] + torch.arange(8.0)[:, None, None, None]
    mean, std = raw.mean(dim=(0, 2, 3, 4)), raw.std(dim=(0, 2, 3, 4))
    video_codec.set_latent_statistics(mean, std)
    latents = video_codec.normalise(raw)
    torch.testing.assert_close(video_codec.denormalise(latents), raw, atol=1e-4, rtol=1e-4)
    assert latents.mean(dim=(0, 2, 3, 4)).abs().max() < 1e-4
    deviations = latents.std(dim=(0, 2, 3, 4))
    assert deviations.square().mean().item() == pytest.approx(1.0, rel=1e-4)
    assert (deviations.diff() > 0).all()
    torch.testing.assert_close(deviations[-1] / deviations[0], (std[-1] / std[0]).sqrt())


def test_statistics_are_part_of_the_weights_and_applied(video_codec: HWVAE) -> None:
    video = _clip(5)
    raw = video_codec.analyse(video)
    torch.testing.assert_close(video_codec.encode(video), raw)
    video_codec.set_latent_statistics(torch.ones(8), torch.full((8,), 2.0))
    again = HWVAE(video_codec.config)
    again.load_state_dict(video_codec.state_dict())
    torch.testing.assert_close(again.encode(video), (raw - 1) / 2)
    torch.testing.assert_close(again.decode(again.encode(video)), video_codec.synthesise(raw), atol=1e-4, rtol=1e-4)


def test_a_channel_that_never_moves_stays_finite(video_codec: HWVAE) -> None:
    video_codec.set_latent_statistics(torch.zeros(8), torch.tensor([0.0] + [1.0] * 7))
    assert video_codec.encode(_clip(1)).isfinite().all()


def test_at_first_both_halves_are_their_linear_paths() -> None:
    torch.manual_seed(0)
    codec = HWVAE(NANO)
    one, other = _clip(5), _clip(5, seed=1)
    difference = codec.analyse(one + other) - codec.analyse(one) - codec.analyse(other)
    torch.testing.assert_close(difference, -codec.analyse(torch.zeros_like(one)), atol=1e-4, rtol=1e-4)


def test_every_parameter_learns(video_codec: HWVAE) -> None:
    video_codec.requires_grad_(True)
    video = _clip(5)
    (video_codec.decode(video_codec.encode(video)) - video).square().mean().backward()
    for name, parameter in video_codec.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_past_channels_come_from_the_frame_before() -> None:
    x = torch.arange(1.0, 4.0).view(1, 3, 1, 1, 1).expand(1, 3, 2, 2, 4)
    shifted = shift_from_past(x, 1)
    assert shifted[0, :, 0, 0].tolist() == [[0, 1, 1, 1], [1, 2, 2, 2], [2, 3, 3, 3]]


def test_the_configs_say_how_much_they_compress() -> None:
    assert (NANO.time, NANO.space, NANO.coefficients) == (4, 8, 192)
    assert (FULL.time, FULL.space, FULL.coefficients, FULL.latent_channels) == (8, 32, 1536, 128)
    assert replace(NANO, haar_levels=1).space == 4
