"""The mix: to the sample, by role, at any rate and number of channels; music makes way for what is said."""

from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound.file import read_sound_file
from aiprod_pipelines.sound.mix import Placed, Role, at_rate, mix


def noise(seconds: float, channels: int = 2, seed: int = 0, level: float = 0.1) -> Sound:
    shape = (channels, round(seconds * SOUND_RATE_HZ))
    return Sound((level * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32))


@pytest.mark.parametrize("role", [Role.EFFECT, Role.CLIP, Role.DIALOGUE])
@pytest.mark.parametrize("start", [0, 1, 12_345])
def test_a_sound_lies_exactly_where_it_is_placed(role: Role, start: int) -> None:
    sound = noise(0.5)
    mixed = mix([Placed(sound=sound, start=start, role=role)], 48_000).samples
    assert np.array_equal(mixed[:, start : start + 24_000], sound.samples)
    assert not mixed[:, :start].any()
    assert not mixed[:, start + 24_000 :].any()


def test_what_lies_before_the_beginning_and_after_the_end_is_cut() -> None:
    sound = noise(1.0)
    mixed = mix([Placed(sound=sound, start=-1000, role=Role.EFFECT)], 5000).samples
    assert np.array_equal(mixed, sound.samples[:, 1000:6000])
    away = [Placed(sound=sound, start=start, role=Role.EFFECT) for start in (-60_000, 60_000)]
    assert not mix(away, 5000).samples.any()


def test_sounds_add_up_and_gain_is_in_decibels() -> None:
    one, other = noise(0.2, seed=1), noise(0.2, seed=2)
    mixed = mix(
        [
            Placed(sound=one, start=0, role=Role.EFFECT),
            Placed(sound=other, start=0, role=Role.CLIP, gain_db=-20),
        ],
        9600,
    )
    assert mixed.samples == pytest.approx(one.samples + 0.1 * other.samples, abs=1e-7)


@pytest.mark.parametrize("role", [Role.MUSIC, Role.AMBIENCE])
def test_background_is_twelve_decibels_down_while_something_is_said(role: Role, media: Path) -> None:
    speech = read_sound_file(media / "speech" / "LJ001-0002.wav")
    bed, start = noise(6), 2 * SOUND_RATE_HZ
    said = Placed(sound=speech, start=start, role=Role.DIALOGUE)
    with_bed = mix([said, Placed(sound=bed, start=0, role=role)], 6 * SOUND_RATE_HZ).samples
    background = with_bed - mix([said], 6 * SOUND_RATE_HZ).samples
    gain_db = 20 * np.log10(
        np.sqrt(np.square(background).reshape(2, -1, 480).mean(axis=(0, 2)))
        / np.sqrt(np.square(bed.samples).reshape(2, -1, 480).mean(axis=(0, 2)))
    )
    assert gain_db[205:380] == pytest.approx(-12, abs=0.5)
    assert np.abs(gain_db[:190]).max() < 0.01
    assert np.abs(gain_db[440:]).max() < 0.01


def test_effects_and_clips_do_not_make_way_and_nothing_does_without_ducking() -> None:
    said = Placed(sound=noise(1, seed=1), start=0, role=Role.DIALOGUE)
    effect, bed = noise(1, seed=2), noise(1, seed=3)
    alone = mix([said], 48_000).samples
    with_effect = mix([said, Placed(sound=effect, start=0, role=Role.EFFECT)], 48_000).samples
    assert with_effect - alone == pytest.approx(effect.samples, abs=1e-6)
    unducked = mix([said, Placed(sound=bed, start=0, role=Role.MUSIC)], 48_000, ducking=None).samples
    assert unducked - alone == pytest.approx(bed.samples, abs=1e-6)


def test_another_rate_is_resampled_without_delay() -> None:
    seconds = np.arange(44_100) / 44_100
    tone = Sound((0.5 * np.sin(2 * np.pi * 1000 * seconds)).astype(np.float32)[None], 44_100)
    mixed = mix([Placed(sound=tone, start=480, role=Role.EFFECT)], 48_480).samples
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)
    assert mixed[0, 1480:47_480] == pytest.approx(expected[1000:47_000], abs=1e-3)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_order_in_which_sounds_are_named_changes_nothing_that_is_heard(channels: int) -> None:
    placed = [Placed(sound=noise(0.3, seed=n), start=n * 999, role=role) for n, role in enumerate(Role)]
    forth, back = mix(placed, 20_000, channels).samples, mix(placed[::-1], 20_000, channels).samples
    assert forth.shape == (channels, 20_000)
    assert forth == pytest.approx(back, abs=1e-6)
    assert np.array_equal(forth, mix(placed, 20_000, channels).samples)


def test_what_cannot_be_mixed_is_refused() -> None:
    broken = Sound(np.array([[0.0, np.nan]], np.float32))
    with pytest.raises(MediaError, match=r"sound 1 \(music\)"):
        mix([Placed(sound=noise(0.1), start=0, role=Role.CLIP), Placed(sound=broken, start=0, role=Role.MUSIC)], 10)
    with pytest.raises(InputError, match="3 channels"):
        mix([], 10, 3)
    with pytest.raises(InputError, match="0 samples"):
        mix([], 0)
    with pytest.raises(InputError, match="fade"):
        Placed(sound=noise(0.1), start=0, role=Role.CLIP, fade_in=-1)
    with pytest.raises(InputError, match="gain"):
        Placed(sound=noise(0.1), start=0, role=Role.CLIP, gain_db=float("-inf"))


def test_nothing_is_silence_and_no_samples_stay_none() -> None:
    assert not mix([], 100).samples.any()
    assert at_rate(Sound(np.zeros((1, 0), np.float32), 8000)).samples.shape == (1, 0)
