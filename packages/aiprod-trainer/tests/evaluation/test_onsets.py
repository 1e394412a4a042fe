"""Onsets are found where they were put, and only there."""

import math

import numpy as np
import pytest

from aiprod_trainer.evaluation.onsets import onset_errors_s, onsets_s

RATE_HZ = 24_000


def test_clicks_in_noise_are_found_within_a_few_milliseconds() -> None:
    rng = np.random.default_rng(0)
    wave = 0.01 * rng.standard_normal(2 * RATE_HZ)
    moments = [0.3, 0.71, 1.2, 1.55]
    for moment in moments:
        start = round(moment * RATE_HZ)
        wave[start : start + 1200] += 0.2 * rng.standard_normal(1200)
    found = onsets_s(wave.astype(np.float32), sample_rate_hz=RATE_HZ)
    assert len(found) == 4
    assert max(onset_errors_s(moments, found)) < 0.004


@pytest.mark.parametrize("seed", range(4))
def test_steady_noise_has_no_onsets(seed: int) -> None:
    wave = np.random.default_rng(seed).standard_normal(2 * RATE_HZ).astype(np.float32)
    assert onsets_s(wave, sample_rate_hz=RATE_HZ) == []


def test_silence_has_no_onsets_and_a_missed_moment_is_infinitely_far() -> None:
    found = onsets_s(np.zeros(RATE_HZ, np.float32), sample_rate_hz=RATE_HZ)
    assert found == []
    assert onset_errors_s([0.5], found) == [math.inf]
