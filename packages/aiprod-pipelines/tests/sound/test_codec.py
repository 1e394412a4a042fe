"""The codec for storage: length and loudness come back, and codes or weights that are not of a pair are refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.errors import InputError, MediaError, WeightsError
from aiprod_core.family import AUDIO_FILE
from aiprod_core.models.nac import NAC
from aiprod_core.models.nac import NANO as NAC_NANO
from aiprod_core.models.rvq import ResidualQuantizer, RVQConfig
from aiprod_pipelines.picture import Sound
from aiprod_pipelines.sound.codec import LONGEST_S, SoundCodec

RATE_HZ = 24_000
TINY = replace(NAC_NANO, latent_channels=8, width=32, encoder_depth=1, decoder_depth=1, fine_width=32, fine_depth=1)


@pytest.fixture(scope="module")
def codec(weights: Path) -> SoundCodec:
    return SoundCodec.load(weights)


def _steps(samples: int = 30_001) -> Sound:
    """Bursts of noise over a tone, three a second."""
    at_s = np.arange(samples) / RATE_HZ
    noise = np.random.default_rng(0).standard_normal(samples) * np.exp(-12 * (at_s % (1 / 3)))
    return Sound((0.1 * np.sin(2 * np.pi * 440 * at_s) + 0.2 * noise).astype(np.float32)[None], RATE_HZ)


def _level_db(sound: Sound) -> float:
    return float(10 * np.log10(np.square(sound.samples).mean()))


@pytest.mark.parametrize("samples", [1, 959, 960, 961, 30_001])
def test_a_sound_comes_back_at_its_length(codec: SoundCodec, samples: int) -> None:
    stored = codec.encode(_steps(samples))
    again = codec.decode(stored)
    assert stored.codes.shape == (8, -(-samples // 960))
    assert (again.samples.shape, again.rate_hz) == ((1, samples), RATE_HZ)
    assert np.abs(again.samples).max() <= 1


def test_it_is_as_loud_as_from_continuous_latents_and_always_the_same(codec: SoundCodec) -> None:
    stored = codec.encode(_steps())
    again = codec.decode(stored)
    with torch.inference_mode():
        continuous = codec.nac.decode(codec.nac.encode(torch.from_numpy(_steps().samples)[None]), 30_001)[0]
    assert _level_db(again) == pytest.approx(_level_db(Sound(continuous.numpy(), RATE_HZ)), abs=0.5)
    np.testing.assert_array_equal(codec.decode(stored).samples, again.samples)
    np.testing.assert_array_equal(codec.encode(_steps(), 3).codes, stored.codes[:3])


def test_one_channel_stands_for_all_of_a_codec_of_two() -> None:
    torch.manual_seed(0)
    nac = NAC(replace(TINY, channels=2)).eval()
    config = RVQConfig(channels=8, codebooks=2, entries=16, latent_rate_hz=25.0, codec="")
    stereo = SoundCodec(nac=nac, quantiser=ResidualQuantizer(config), digest="0123456789ab")
    stereo.quantiser.codebooks.normal_()
    mono = _steps()
    both = Sound(np.repeat(mono.samples, 2, axis=0), RATE_HZ)
    np.testing.assert_array_equal(stereo.encode(mono).codes, stereo.encode(both).codes)
    assert stereo.decode(stereo.encode(mono)).samples.shape == both.samples.shape


@pytest.mark.parametrize(
    ("samples", "rate_hz", "said"),
    [
        (np.zeros((2, 960)), RATE_HZ, "got 2 channels"),
        (np.zeros((1, 960)), 48_000, "at 48000 Hz, expected 1 or 1 at 24000 Hz"),
        (np.zeros((1, 0)), RATE_HZ, r"got 0\.0 s"),
        (np.broadcast_to(0.0, (1, LONGEST_S * RATE_HZ + 1)), RATE_HZ, "expected up to 600 s; cut it into parts"),
        (np.full((1, 960), np.nan), RATE_HZ, "no numbers"),
    ],
)
def test_what_it_cannot_hear_is_refused(codec: SoundCodec, samples: np.ndarray, rate_hz: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        codec.encode(Sound(samples.astype(np.float32), rate_hz))


def test_codes_of_another_codec_or_another_length_are_refused(codec: SoundCodec) -> None:
    stored = codec.encode(_steps())
    with pytest.raises(MediaError, match=f"codec 0123456789ab, expected {codec.digest}"):
        codec.decode(replace(stored, codec="0123456789ab"))
    with pytest.raises(MediaError, match="got 32 latents for 40000 samples, expected 42"):
        codec.decode(replace(stored, samples=40_000))
    with pytest.raises(InputError, match="expected up to 600 s"):
        codec.decode(replace(stored, samples=2**32 - 1))


def test_codebooks_of_another_codec_are_refused(tmp_path: Path, weights: Path) -> None:
    shutil.copy(weights / "nac_rvq.safetensors", tmp_path)
    lineage = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)
    save_checkpoint(tmp_path / AUDIO_FILE, "nac", TINY, NAC(TINY).state_dict(), lineage)
    with pytest.raises(WeightsError, match="fit it again with 'aiprod train codebooks'"):
        SoundCodec.load(tmp_path)
