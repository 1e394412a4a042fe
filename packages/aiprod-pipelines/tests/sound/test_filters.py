"""Filters pass what they should and stop the rest."""

import numpy as np
import pytest

from aiprod_pipelines.sound.filters import bandpass, highpass, lowpass

RATE = 48_000


def level_db(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.abs(samples[..., RATE // 2 :]).max()))


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("decades", [-1, 0, 1])
def test_an_edge_is_three_decibels_down_and_a_decade_falls_twenty_for_each_order(order: int, decades: int) -> None:
    tone = np.sin(2 * np.pi * 1000 * 10.0**decades * np.arange(RATE) / RATE).astype(np.float32)[None]
    stopped = -20 * order * abs(decades) if decades else -3
    low, high = (stopped, 0) if decades > 0 else (0, stopped) if decades < 0 else (-3, -3)
    assert level_db(lowpass(tone, 1000, RATE, order)) <= low + 0.5
    assert level_db(highpass(tone, 1000, RATE, order)) == pytest.approx(high, abs=0.5)


def test_a_band_passes_its_middle_and_stops_both_sides() -> None:
    levels_db = [
        level_db(bandpass(np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype(np.float32), 500, 2000, RATE))
        for hz in (50, 1000, 20_000)
    ]
    assert levels_db[1] == pytest.approx(0, abs=1)
    assert max(levels_db[0], levels_db[2]) < -35


def test_nothing_stays_nothing() -> None:
    assert lowpass(np.zeros((2, 0), np.float32), 100, RATE).shape == (2, 0)
