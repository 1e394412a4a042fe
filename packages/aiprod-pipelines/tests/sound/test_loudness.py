"""Loudness: the standard's own test signals, a second meter, and mastering to three targets of all kinds of sound."""

import math
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from ebur128 import ebur128

from aiprod_core.errors import InputError
from aiprod_pipelines.picture import Sound
from aiprod_pipelines.sound.file import read_sound_file
from aiprod_pipelines.sound.loudness import SHORT_TERM_S, integrated, levels, master, measure

RATE = 48_000
TARGETS = (-23.0, -16.0, -14.0)
REAL = (
    "audio/music/solo_trumpet.hq.ogg",
    "speech/LJ001-0002.wav",
    "audio/fx/t_rex_roar.mp3",
    "derived/talk_clipped_audio.mp4",
    "video/bbb_intro_480p_5p1.mp4",
)


def tone(level_dbfs: float, seconds: float, channels: int = 2, hz: float = 1000.0) -> np.ndarray:
    sine = 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(sine[None].astype(np.float32), channels, axis=0)


def test_the_signals_of_ebu_tech_3341() -> None:
    assert integrated(Sound(tone(-23, 20))) == pytest.approx(-23, abs=0.1)  # case 1
    assert integrated(Sound(tone(-33, 20))) == pytest.approx(-33, abs=0.1)  # case 2
    gated = np.concatenate([tone(-36, 10), tone(-23, 60), tone(-36, 10)], axis=1)  # case 3
    assert integrated(Sound(gated)) == pytest.approx(-23, abs=0.1)
    silent = np.concatenate([tone(-72, 10), tone(-36, 10), tone(-23, 60), tone(-36, 10), tone(-72, 10)], axis=1)
    assert integrated(Sound(silent)) == pytest.approx(-23, abs=0.1)  # case 4
    surround = np.concatenate(
        [tone(-28, 20), tone(-24, 20, 1), np.zeros((1, 20 * RATE), np.float32), tone(-30, 20)]
    )  # case 6
    assert integrated(Sound(surround)) == pytest.approx(-23, abs=0.1)


def test_the_range_of_ebu_tech_3342() -> None:
    for loud, quiet, range_lu in ((-20, -30, 10), (-20, -15, 5), (-40, -20, 20)):
        steps = np.concatenate([tone(loud, 20), tone(quiet, 20)], axis=1)
        assert measure(Sound(steps)).range_lu == pytest.approx(range_lu, abs=1)


def test_the_lfe_channel_does_not_count_and_surrounds_count_more() -> None:
    quiet = np.zeros((6, 2 * RATE), np.float32)
    front, behind, lfe = (quiet.copy() for _ in range(3))
    front[0], behind[4], lfe[3] = tone(-20, 2, 1), tone(-20, 2, 1), tone(-20, 2, 1)
    loudness = integrated(Sound(front))
    assert loudness is not None
    assert integrated(Sound(behind)) == pytest.approx(loudness + 10 * math.log10(1.41), abs=0.01)
    assert integrated(Sound(lfe)) is None


@pytest.mark.parametrize("name", REAL)
def test_two_other_meters_say_the_same_of_real_sound(media: Path, name: str) -> None:
    sound = read_sound_file(media / name)
    mine, other = measure(sound), ebur128(sound.samples)
    assert mine.integrated_lufs == pytest.approx(other.integrated_lufs, abs=0.1)
    assert mine.true_peak_dbtp == pytest.approx(other.true_peak_dbtp, abs=0.15)
    without_lfe = np.delete(sound.samples, 3, axis=0) if len(sound.samples) == 6 else sound.samples
    third = pyloudnorm.Meter(RATE).integrated_loudness(without_lfe.T.astype(np.float64))
    assert mine.integrated_lufs == pytest.approx(third, abs=0.2)  # its filters are approximations


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", REAL)
def test_real_sound_is_mastered_as_both_meters_say(media: Path, name: str, target: float) -> None:
    mastered = master(read_sound_file(media / name), target)
    mine, other = measure(mastered), ebur128(mastered.samples)
    assert mine.integrated_lufs == pytest.approx(target, abs=0.3)
    assert other.integrated_lufs == pytest.approx(target, abs=0.3)
    assert max(mine.true_peak_dbtp, other.true_peak_dbtp) <= -1


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", ["noise", "clipped", "quiet", "direct current", "bursts"])
def test_made_sound_is_mastered_too(kind: str, target: float) -> None:
    generator = np.random.default_rng(0)
    noise = generator.standard_normal((2, 6 * RATE))
    made = {
        "noise": noise,
        "clipped": np.clip(5 * noise, -1, 1),
        "quiet": 0.001 * noise,
        "direct current": 0.5 + 0.02 * noise,
        "bursts": 0.3 * noise * (np.arange(6 * RATE) // 12_000 % 4 == 0),
    }[kind]
    mastered = master(Sound(made.astype(np.float32)), target)
    other = ebur128(mastered.samples)
    assert other.integrated_lufs == pytest.approx(target, abs=0.3)
    assert other.true_peak_dbtp <= -1


def test_a_sound_too_short_to_be_measured_keeps_its_level() -> None:
    short = Sound(tone(-20, 0.3))
    assert measure(short).integrated_lufs is None
    assert np.abs(master(short, -16).samples[:, 2400:]).max() == pytest.approx(0.1, rel=0.02)
    loud = master(Sound(tone(6, 0.3)), -16)
    assert measure(loud).true_peak_dbtp <= -1


@pytest.mark.parametrize("samples", [np.zeros((2, RATE)), np.zeros((2, 0)), 1e-5 * np.ones((1, RATE))])
def test_silence_stays_silent(samples: np.ndarray) -> None:
    mastered = master(Sound(samples.astype(np.float32)), -16)
    assert mastered.samples.shape == samples.shape
    assert np.abs(mastered.samples).max(initial=0) < 1e-4
    assert measure(mastered).integrated_lufs is None


def test_single_clicks_end_under_the_ceiling_not_at_the_target() -> None:
    clicks = np.zeros((2, 5 * RATE), np.float32)
    clicks[:, ::24_000] = 0.8
    measured = measure(master(Sound(clicks), -14))
    assert measured.true_peak_dbtp <= -1
    assert measured.integrated_lufs is not None
    assert measured.integrated_lufs < -16


def test_short_term_levels_follow_the_sound() -> None:
    steps = np.concatenate([tone(-30, 6), tone(-20, 6)], axis=1)
    found = levels(Sound(steps), SHORT_TERM_S)
    assert (found[0], found[-1]) == (pytest.approx(-30, abs=0.1), pytest.approx(-20, abs=0.1))


@pytest.mark.parametrize(("target", "ceiling"), [(3, -1), (-80, -1), (-16, 1)])
def test_what_cannot_be_is_refused(target: float, ceiling: float) -> None:
    with pytest.raises(InputError, match="loudness"):
        master(Sound(tone(-20, 1)), target, ceiling)
