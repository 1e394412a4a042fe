"""The limiter: under its ceiling, smooth, early, and still where nothing is too loud."""

import numpy as np
import pytest

from aiprod_pipelines.sound.limiter import LOOK_AHEAD_S, RELEASE_S, gains
from aiprod_pipelines.sound.true_peak import true_peak, true_peaks

RATE = 48_000


@pytest.fixture
def peaky() -> np.ndarray:
    """Noise that swells to three times full scale, with clicks."""
    generator = np.random.default_rng(0)
    noise = generator.standard_normal((2, 3 * RATE)) * np.linspace(0.02, 0.8, 3 * RATE)
    noise[:, generator.integers(0, 3 * RATE, 30)] += 3
    return noise.astype(np.float32)


@pytest.mark.parametrize("ceiling_dbtp", [-1.0, -6.0])
def test_true_peaks_stay_under_the_ceiling(peaky: np.ndarray, ceiling_dbtp: float) -> None:
    limited = peaky * gains(true_peaks(peaky), ceiling_dbtp, RATE)
    assert true_peak(limited) < ceiling_dbtp + 0.1
    assert true_peak(limited) > ceiling_dbtp - 1


def test_what_is_quiet_is_left_as_it_is() -> None:
    assert np.array_equal(gains(np.full(1000, 0.5, np.float32), -1.0, RATE), np.ones(1000, np.float32))


def test_the_gain_goes_down_before_a_peak_and_comes_up_slowly_without_corners() -> None:
    peaks = np.zeros(RATE, np.float32)
    peaks[RATE // 2] = 10 ** (11 / 20)  # 12 dB over the ceiling
    gain_db = 20 * np.log10(gains(peaks, -1.0, RATE).astype(np.float64))
    early = np.flatnonzero(gain_db < -0.01)[0]
    assert early == pytest.approx(RATE // 2 - LOOK_AHEAD_S * RATE, abs=60)
    assert gain_db[RATE // 2] == pytest.approx(-12, abs=0.5)
    assert gain_db[RATE // 2 + round((RELEASE_S + LOOK_AHEAD_S / 2) * RATE)] == pytest.approx(-12 / np.e, abs=0.3)
    assert np.abs(np.diff(gain_db)).max() < 0.15, "dB a sample"


def test_reduction_is_never_less_than_a_peak_needs() -> None:
    peaks = np.random.default_rng(3).exponential(0.5, 20_000).astype(np.float32)
    assert (peaks * gains(peaks, -1.0, RATE)).max() <= 10 ** (-1 / 20) * 1.001
