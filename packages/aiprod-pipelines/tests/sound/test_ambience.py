"""Ambience: any length, one loudness, no seam, and the same beginning however long it goes on."""

from functools import cache

import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound.ambience import BEDS, LOOPS_S, ambience
from aiprod_pipelines.sound.loudness import integrated

LONG = 32 * SOUND_RATE_HZ  # past the end of every loop


@cache
def bed(name: str) -> np.ndarray:
    return ambience(name, LONG).samples


@pytest.mark.parametrize("name", BEDS)
def test_a_bed_is_clean_even_and_without_a_seam(name: str) -> None:
    samples = bed(name)
    assert samples.shape == (2, LONG)
    assert np.abs(samples).max() < 0.5
    assert np.abs(samples.mean(axis=1)).max() < 1e-4
    assert integrated(Sound(samples)) == pytest.approx(-30, abs=2)
    steps = np.abs(np.diff(samples, axis=1))
    seams = max(float(steps[:, round(loop_s * SOUND_RATE_HZ) - 1].max()) for loop_s in LOOPS_S)
    assert seams < 1.5 * np.percentile(steps, 99.99)


@pytest.mark.parametrize("name", ["rain", "room"])
def test_a_long_bed_begins_as_a_short_one_and_repeats_from_its_seed(name: str) -> None:
    short = ambience(name, 1234).samples
    assert np.array_equal(short, bed(name)[:, :1234])
    assert not np.array_equal(short, ambience(name, 1234, seed=1).samples)


def test_two_sides_are_not_one() -> None:
    left, right = bed("wind")
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.3


def test_rain_is_bright_and_a_room_is_dark() -> None:
    brightness = {}
    for name in ("rain", "room"):
        power = np.abs(np.fft.rfft(bed(name)[0, : 5 * SOUND_RATE_HZ])) ** 2
        brightness[name] = power[5 * 1000 :].sum() / power.sum()  # above 1 kHz
    assert brightness["rain"] > 0.8
    assert brightness["room"] < 0.1


def test_waves_come_about_every_eight_seconds() -> None:
    level = np.sqrt(np.square(bed("sea")).reshape(2, -1, SOUND_RATE_HZ // 10).mean(axis=(0, 2)))
    swing = np.fft.rfft(level - level.mean())
    period_s = 32 / max(int(np.abs(swing[:30]).argmax()), 1)
    assert 5 < period_s < 13


def test_what_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match=r"'rayn'.*rain"):
        ambience("rayn", 100)
    with pytest.raises(InputError, match="0 samples"):
        ambience("rain", 0)
