"""Channels: what goes where by its role, and what comes back."""

import numpy as np
import pytest

from aiprod_pipelines.sound.routing import HALF_POWER, Spread, route

LEFT, RIGHT, CENTRE, LFE, LEFT_BEHIND, RIGHT_BEHIND = range(6)


@pytest.fixture
def stereo() -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal((2, 48_000))).astype(np.float32)


def power(samples: np.ndarray) -> float:
    return float(np.square(samples, dtype=np.float64).sum())


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("spread", Spread)
def test_the_same_number_of_channels_is_left_as_it_is(channels: int, spread: Spread) -> None:
    samples = np.random.default_rng(1).standard_normal((channels, 100)).astype(np.float32)
    assert np.array_equal(route(samples, channels, spread), samples)


def test_mono_is_heard_alike_on_both_sides_and_comes_back() -> None:
    mono = np.random.default_rng(1).standard_normal((1, 100)).astype(np.float32)
    both = route(mono, 2, Spread.FRONT)
    assert np.array_equal(both, np.repeat(mono, 2, axis=0))
    assert route(both, 1, Spread.FRONT) == pytest.approx(mono)


def test_a_voice_in_the_middle_comes_from_the_centre_alone() -> None:
    mono = np.random.default_rng(1).standard_normal((1, 100)).astype(np.float32)
    spoken = route(mono, 6, Spread.CENTRE)
    assert spoken[CENTRE] == pytest.approx(mono[0] / HALF_POWER)
    assert not np.delete(spoken, CENTRE, axis=0).any()


@pytest.mark.parametrize("spread", Spread)
def test_stereo_keeps_its_power_in_a_room_of_six(stereo: np.ndarray, spread: Spread) -> None:
    assert power(route(stereo, 6, spread)) == pytest.approx(power(stereo), rel=1e-3)


@pytest.mark.parametrize("spread", [Spread.CENTRE, Spread.FRONT])
def test_what_keeps_to_the_front_comes_back_as_it_was(stereo: np.ndarray, spread: Spread) -> None:
    assert route(route(stereo, 6, spread), 2, spread) == pytest.approx(stereo, abs=1e-6)


def test_music_is_a_little_behind_and_ambience_as_much_as_in_front(stereo: np.ndarray) -> None:
    ratios_db = {}
    for spread in (Spread.FRONT, Spread.STAGE, Spread.AROUND):
        routed = route(stereo, 6, spread)
        ratios_db[spread] = 10 * np.log10(max(power(routed[4:]), 1e-12) / power(routed[:2]))
    assert ratios_db[Spread.FRONT] < -100
    assert ratios_db[Spread.STAGE] == pytest.approx(-8.4, abs=0.1)
    assert ratios_db[Spread.AROUND] == pytest.approx(0, abs=0.01)


def test_the_lfe_channel_has_the_bass_only_and_is_empty_unless_asked_for() -> None:
    seconds = np.arange(96_000) / 48_000
    tones = np.stack([np.sin(2 * np.pi * hz * seconds) for hz in (50, 1000)]).astype(np.float32)
    low, high = (route(np.repeat(tone[None], 2, axis=0), 6, Spread.FRONT, lfe=True)[LFE] for tone in tones)
    assert 20 * np.log10(np.abs(low[48_000:]).max()) == pytest.approx(-10, abs=0.3)
    assert np.abs(high[48_000:]).max() < 1e-4
    assert not route(tones, 6, Spread.FRONT)[LFE].any()
