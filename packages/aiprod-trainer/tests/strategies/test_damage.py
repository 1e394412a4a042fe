"""Damage does what it says, in the range of pictures, and the same again for the same chance."""

import random

import pytest
import torch

from aiprod_trainer.evaluation.metrics import PrincipalCodec, psnr_db
from aiprod_trainer.strategies.damage import (
    blocky,
    blurred,
    damaged_sound,
    damaged_video,
    dct_matrix,
    recoded,
    resampled,
    tinted,
)
from aiprod_trainer.worlds.pixels import scene_video
from aiprod_trainer.worlds.scene import sample_scene

FRAMES = range(9)


@pytest.fixture(name="video", scope="module")
def _video() -> torch.Tensor:
    return scene_video(sample_scene(11), size_px=64, frames=FRAMES)


@pytest.fixture(name="codec", scope="module")
def _codec() -> PrincipalCodec:
    clips = [scene_video(sample_scene(index), size_px=64, frames=FRAMES) for index in range(6)]
    return PrincipalCodec(clips, time=4, space=8, values=64)


def test_blur_keeps_flat_pictures_and_softens_others(video: torch.Tensor) -> None:
    flat = torch.full((3, 2, 16, 16), 0.4)
    torch.testing.assert_close(blurred(flat, 1.0), flat)
    assert blurred(video, 1.0).diff(dim=-1).abs().mean() < 0.9 * video.diff(dim=-1).abs().mean()
    assert psnr_db(blurred(video, 0.05), video) > 80


def test_resampling_to_the_same_size_changes_nothing(video: torch.Tensor) -> None:
    torch.testing.assert_close(resampled(video, 64), video)
    assert psnr_db(resampled(video, 32), video) < psnr_db(resampled(video, 60), video)


def test_finer_steps_are_less_blocky(video: torch.Tensor) -> None:
    waves = dct_matrix(8)
    torch.testing.assert_close(waves @ waves.T, torch.eye(8), atol=1e-6, rtol=0)
    assert psnr_db(blocky(video, 1e-4), video) > 60
    assert psnr_db(blocky(video, 0.5), video) < psnr_db(blocky(video, 0.1), video)


def test_recoding_without_error_is_the_codec(video: torch.Tensor, codec: PrincipalCodec) -> None:
    rng = random.Random(0)
    torch.testing.assert_close(recoded(video, codec, values=64, error=0, rng=rng), codec.round_trip(video))
    few = psnr_db(recoded(video, codec, values=8, error=0, rng=rng), video)
    assert few < psnr_db(recoded(video, codec, values=64, error=0, rng=rng), video)
    assert psnr_db(recoded(video, codec, values=64, error=1, rng=rng), video) < psnr_db(codec.round_trip(video), video)
    assert len(codec.basis) == 64


def test_a_tint_is_mild(video: torch.Tensor) -> None:
    assert all(psnr_db(tinted(video, random.Random(seed)), video) > 15 for seed in range(10))


def test_damage_is_repeatable_and_in_range(video: torch.Tensor, codec: PrincipalCodec) -> None:
    for seed in range(12):
        once, again = (damaged_video(video, codec, random.Random(seed)) for _ in range(2))
        assert torch.equal(once, again)
        assert once.shape == video.shape
        assert once.abs().max() <= 1
        assert psnr_db(once, video) > 8
    sound = torch.sin(torch.arange(2400) / 10)
    assert torch.equal(damaged_sound(sound, random.Random(3)), damaged_sound(sound, random.Random(3)))
    assert not torch.equal(damaged_sound(sound, random.Random(3)), damaged_sound(sound, random.Random(4)))
