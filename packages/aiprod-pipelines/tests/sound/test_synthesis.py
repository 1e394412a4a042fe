"""Primitives of synthesis: tones at their pitch, envelopes at their times, loops without a seam, rooms that ring."""

import numpy as np
import pytest

from aiprod_pipelines.sound.synthesis import (
    RATE_HZ,
    add_around,
    band_noise,
    decay,
    envelope,
    fm,
    harmonics,
    in_room,
    loop_drift,
    loop_noise,
    modes,
    panned,
    placed,
    scatter,
    sweep,
    swept_noise,
)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def peak_hz(sound: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * RATE_HZ / len(sound))


def test_tones_have_their_pitch() -> None:
    steady = np.full(RATE_HZ, 440, np.float32)
    assert peak_hz(sweep(steady)) == pytest.approx(440, abs=1)
    assert peak_hz(harmonics(steady, [0.2, 1.0])) == pytest.approx(880, abs=1)
    assert peak_hz(modes(1.0, (523.0, 0.3, 1.0))) == pytest.approx(523, abs=2)
    assert peak_hz(fm(330.0, 2.0, np.full(RATE_HZ, 0.3, np.float32))) == pytest.approx(330, abs=1)


def test_overtones_past_hearing_are_left_out_not_folded() -> None:
    tone = harmonics(np.full(RATE_HZ, 9000, np.float32), [1.0, 1.0, 1.0])
    assert np.abs(np.fft.rfft(tone))[21_000:].max() < 1
    assert np.abs(np.fft.rfft(tone))[:8900].max() < 1


def test_noise_keeps_to_its_band_and_its_level(generator: np.random.Generator) -> None:
    noise = band_noise(generator, 2.0, 500, 1000)
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert np.sqrt(np.square(noise).mean()) == pytest.approx(0.3, rel=1e-3)
    assert power[2 * 250 : 2 * 2000].sum() / power.sum() > 0.9, "an octave on either side"


def test_swept_noise_follows_its_centre(generator: np.random.Generator) -> None:
    noise = swept_noise(generator, envelope(2.0, (0, 300), (2, 5000)), 0.5)
    assert peak_hz(noise[:12_000]) < 700 < 2500 < peak_hz(noise[-12_000:])


def test_envelopes_pass_through_their_points_and_decays_halve() -> None:
    line = envelope(1.0, (0.0, 0.0), (0.5, 1.0), (1.0, 0.5))
    assert (line[0], line[24_000], line[-1]) == (0, 1, pytest.approx(0.5, abs=1e-3))
    falling = decay(2.0, 0.1)
    assert falling[48 + 4800] / falling[48] == pytest.approx(0.5, abs=0.01)
    assert falling[-1] == 0


@pytest.mark.parametrize("length", [48_000, 100_001])
def test_loops_go_over_into_themselves(generator: np.random.Generator, length: int) -> None:
    noise, drift = loop_noise(generator, length, 100, 2000, -3), loop_drift(generator, length, 9, 2)
    for loop in (noise, drift):
        steps = np.abs(np.diff(loop))
        assert abs(loop[0] - loop[-1]) <= 1.1 * steps.max()
    assert (drift.min(), drift.max()) == (0, pytest.approx(1))
    assert np.sqrt(np.square(noise).mean()) == pytest.approx(0.3, rel=1e-3)


def test_what_passes_the_end_of_a_loop_goes_on_at_its_beginning() -> None:
    loop = np.zeros((2, 5), np.float32)
    add_around(loop, np.ones((2, 7), np.float32), 4)
    assert np.array_equal(loop[0], [2, 1, 1, 1, 2])


def test_scatter_makes_as_many_grains_as_asked(generator: np.random.Generator) -> None:
    assert scatter(generator, 2 * RATE_HZ, 30, lambda g: np.ones(1, np.float32)).sum() == 60


def test_parts_lie_at_their_times_and_are_cut_at_the_end() -> None:
    line = placed(0.01, (0.0, np.ones(10, np.float32)), (0.009, np.ones(1000, np.float32)))
    assert line.sum() == 10 + 48


def test_a_room_rings_as_long_as_it_says_in_stereo(generator: np.random.Generator) -> None:
    click = np.zeros(RATE_HZ // 10, np.float32)
    click[0] = 1
    ringing = in_room(generator, click, 1.0, 0.5)
    assert ringing.shape == (2, RATE_HZ // 10 + RATE_HZ)
    level_db = 10 * np.log10(np.square(ringing).reshape(2, 11, -1).mean(axis=(0, 2)))
    assert level_db[2] - level_db[7] == pytest.approx(30, abs=6), "half a second is 30 dB"
    assert abs(np.corrcoef(*ringing)[0, 1]) < 0.7
    assert ringing[0, 0] == pytest.approx(0.5, abs=1e-3)


def test_panning_keeps_the_power() -> None:
    tone = np.ones(100, np.float32)
    for place in (-1.0, -0.3, 0.0, 0.8, 1.0):
        left, right = panned(tone, place)
        assert left**2 + right**2 == pytest.approx(np.ones(100), abs=1e-6)
    assert np.abs(panned(tone, 1.0)[0]).max() < 1e-6
