"""Effects: all of the library sound, are clean, differ, repeat from their seeds, and are what they are called."""

from functools import cache

import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.picture import SOUND_RATE_HZ
from aiprod_pipelines.sound.effects import LIBRARY, effect

CENTROIDS_HZ = {  # where the energy of each lies
    "boom": (20, 150),
    "heartbeat": (20, 150),
    "thunder": (30, 400),
    "motor": (50, 500),
    "knock": (100, 800),
    "owl": (250, 700),
    "horn": (400, 2500),
    "bird": (2500, 7000),
    "cricket": (3500, 5500),
    "glass": (3000, 10_000),
    "click": (1500, 6000),
    "drop": (500, 2000),
}


@cache
def made(name: str) -> np.ndarray:
    return effect(name).samples


def mono(name: str) -> np.ndarray:
    return made(name).mean(axis=0, dtype=np.float64)


def onsets_s(sound: np.ndarray, threshold: float = 0.25, apart_s: float = 0.1) -> list[float]:
    """Where the level rises through a share of its highest, no two closer than `apart_s`."""
    level = np.sqrt(np.square(sound[: len(sound) // 240 * 240]).reshape(-1, 240).mean(axis=1))
    loud = np.flatnonzero(level > threshold * level.max()) * 0.005
    return [float(at_s) for at_s, before_s in zip(loud, [-1, *loud], strict=False) if at_s - before_s > apart_s]


def test_there_are_at_least_twenty() -> None:
    assert len(LIBRARY) >= 20


@pytest.mark.parametrize("name", LIBRARY)
def test_each_is_heard_finite_unclipped_without_direct_current_and_ends_in_silence(name: str) -> None:
    samples = made(name)
    assert np.isfinite(samples).all()
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(LIBRARY[name].peak_db, abs=0.01)
    assert np.abs(samples.mean(axis=1)).max() < 1e-3
    assert np.abs(samples[:, -5:]).max() < 0.01 * np.abs(samples).max()
    assert 0.04 <= samples.shape[1] / SOUND_RATE_HZ <= 8


@pytest.mark.parametrize("name", LIBRARY)
def test_a_seed_repeats_to_the_bit_and_another_gives_another(name: str) -> None:
    once, again, other = made(name), effect(name).samples, effect(name, 1).samples
    assert np.array_equal(once, again)
    assert once.shape != other.shape or not np.array_equal(once, other)


@pytest.mark.parametrize("name", CENTROIDS_HZ)
def test_the_energy_lies_where_it_does_in_the_world(name: str) -> None:
    power = np.abs(np.fft.rfft(mono(name))) ** 2
    centroid_hz = float((power * np.fft.rfftfreq(len(mono(name)), 1 / SOUND_RATE_HZ)).sum() / power.sum())
    assert CENTROIDS_HZ[name][0] < centroid_hz < CENTROIDS_HZ[name][1]


@pytest.mark.parametrize(("name", "count"), [("knock", 3), ("clock", 4), ("dog", 2), ("phone", 2), ("clap", 1)])
def test_as_many_strokes_as_were_described(name: str, count: int) -> None:
    assert len(onsets_s(mono(name), apart_s=0.12)) == count


@pytest.mark.parametrize("name", ["footstep", "footstep_wood", "click", "clap", "knock", "shot", "impact", "glass"])
def test_what_strikes_does_so_at_once(name: str) -> None:
    assert onsets_s(mono(name))[0] <= 0.01


def test_a_car_passes_from_left_to_right_and_falls_in_pitch() -> None:
    left, right = effect("car").samples
    half = len(left) // 2
    assert np.square(left[:half]).sum() > 2 * np.square(right[:half]).sum()
    assert np.square(right[half:]).sum() > 2 * np.square(left[half:]).sum()


def test_a_riser_rises_and_is_loudest_before_its_end() -> None:
    sound = mono("riser")[: 3 * SOUND_RATE_HZ].reshape(6, -1)
    power = np.abs(np.fft.rfft(sound)) ** 2
    centroids = (power * np.fft.rfftfreq(sound.shape[1], 1 / SOUND_RATE_HZ)).sum(axis=1) / power.sum(axis=1)
    assert (np.diff(centroids) > 0).all()
    assert (np.diff(np.square(sound).sum(axis=1)) > 0).all()


def test_a_name_that_is_not_there_is_refused_with_those_near() -> None:
    with pytest.raises(InputError, match=r"'thundr'.*thunder"):
        effect("thundr")
