"""Fades: the power of two unrelated sounds that cross stays that of one."""

import numpy as np
import pytest

from aiprod_pipelines.sound.fades import fade, faded


def test_a_cross_fade_keeps_the_power_of_noise_within_a_tenth_of_a_decibel() -> None:
    generator = np.random.default_rng(0)
    leaving, coming = generator.standard_normal((2, 400, 4800)).astype(np.float32)  # 400 noises each
    gain = fade(4800)
    power = np.square(leaving * gain[::-1] + coming * gain).reshape(400, 12, 400).mean(axis=(0, 2))
    assert np.abs(10 * np.log10(power)).max() < 0.1


def test_the_squares_of_both_gains_add_to_one() -> None:
    gain = fade(777)
    assert gain**2 + gain[::-1] ** 2 == pytest.approx(np.ones(777), abs=1e-6)


def test_a_fade_longer_than_its_sound_takes_all_of_it() -> None:
    sound = faded(np.ones((1, 100), np.float32), 1000, 0)
    assert sound[0, 0] < 0.02
    assert sound[0, -1] == pytest.approx(1, abs=1e-3)


def test_what_is_between_the_fades_is_left_as_it_is() -> None:
    ones = np.ones((2, 1000), np.float32)
    sound = faded(ones, 100, 200)
    assert np.array_equal(sound[:, 100:800], ones[:, 100:800])
    assert np.array_equal(ones, np.ones((2, 1000), np.float32)), "what was given is not touched"
