"""Ducking: how deep, how fast, and from where on; the first word finds the music down already."""

import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.sound.ducking import Ducking, heard, makes_way

RATE = 48_000


def decibels(gains: np.ndarray) -> np.ndarray:
    return 20 * np.log10(gains)


def spoken(*spans_s: tuple[float, float], length_s: float = 6.0) -> np.ndarray:
    speech = np.zeros(round(length_s * RATE), np.bool_)
    for start_s, end_s in spans_s:
        speech[round(start_s * RATE) : round(end_s * RATE)] = True
    return speech


def test_twelve_decibels_in_fifty_milliseconds_and_back_in_three_hundred() -> None:
    gain_db = decibels(makes_way(spoken((2, 3)), Ducking(), RATE))
    assert gain_db[2 * RATE : 3 * RATE] == pytest.approx(-12, abs=0.01)
    assert gain_db[round(1.95 * RATE) - 1] == 0
    assert gain_db[round(1.975 * RATE)] == pytest.approx(-6, abs=0.01)
    assert gain_db[round(3.15 * RATE)] == pytest.approx(-6, abs=0.01)
    assert gain_db[round(3.3 * RATE)] == pytest.approx(0, abs=0.01)


def test_a_pause_too_short_to_come_up_in_is_held_and_a_longer_one_is_not() -> None:
    gain_db = decibels(makes_way(spoken((1, 2), (2.3, 3), (3.5, 4)), Ducking(), RATE))
    assert gain_db[round(2.15 * RATE)] == pytest.approx(-12, abs=0.01)
    assert gain_db[round(3.3 * RATE) : round(3.45 * RATE)].max() == pytest.approx(0, abs=0.01)


def test_speech_at_the_very_beginning_finds_the_background_down() -> None:
    assert decibels(makes_way(spoken((0, 1)), Ducking(), RATE))[0] == pytest.approx(-12, abs=0.01)


def test_nobody_speaks_nothing_moves() -> None:
    assert np.array_equal(makes_way(spoken(), Ducking(), RATE), np.ones(6 * RATE, np.float32))


def test_speech_is_heard_where_it_is_and_not_in_the_silence_or_the_hiss_around_it() -> None:
    hiss = np.random.default_rng(0).normal(0, 0.001, 3 * RATE)
    voice = 0.2 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    hiss[RATE : 2 * RATE] += voice
    found = np.flatnonzero(heard(hiss[None].astype(np.float32), RATE))
    assert (found[0] / RATE, found[-1] / RATE) == (pytest.approx(1, abs=0.006), pytest.approx(2, abs=0.006))


def test_a_whisper_is_heard_as_a_shout_is() -> None:
    voice = np.zeros((1, RATE), np.float32)
    voice[0, 12_000:24_000] = 0.3 * np.sin(2 * np.pi * 300 * np.arange(12_000) / RATE)
    assert np.count_nonzero(heard(voice, RATE) ^ heard(voice * 0.03, RATE)) < 48, "a millisecond at its edges"
    assert np.count_nonzero(heard(voice * 0.03, RATE)) > 11_000


@pytest.mark.parametrize("wrong", [{"depth_db": -1}, {"attack_s": 0}, {"release_s": 0}])
def test_what_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="ducking"):
        Ducking(**wrong)


def test_no_sound_is_no_speech() -> None:
    assert not heard(np.zeros((1, 4800), np.float32), RATE).any()
    assert heard(np.zeros((1, 0), np.float32), RATE).shape == (0,)
