"""Music as it sounds: its length, loudness, key and tempo, measured from the samples."""

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import maximum_filter1d
from scipy.signal import stft

from aiprod_core.errors import InputError
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound.composition import Mood, compose
from aiprod_pipelines.sound.loudness import measure
from aiprod_pipelines.sound.music import mood_of, music

DURATION_S = 12.0
HOP = 480


@cache
def samples(mood: Mood) -> np.ndarray:
    return music(mood, DURATION_S).samples


def flux(sound: np.ndarray) -> np.ndarray:
    """How much each 10 ms grows louder over those before it, summed over the spectrum."""
    _, _, spectrum = stft(sound.mean(axis=0), SOUND_RATE_HZ, nperseg=2048, noverlap=2048 - HOP)
    level = np.log1p(1000 * np.abs(spectrum))
    return np.maximum(level[:, 1:] - maximum_filter1d(level, 3, axis=0)[:, :-1], 0).sum(axis=0)


@pytest.mark.parametrize("mood", Mood)
def test_exact_length_one_loudness_and_silence_at_the_end(mood: Mood) -> None:
    sound = Sound(samples(mood))
    measured = measure(sound)
    assert sound.samples.shape == (2, round(DURATION_S * SOUND_RATE_HZ))
    assert measured.integrated_lufs == pytest.approx(-20, abs=0.5)
    assert measured.true_peak_dbtp <= -1
    assert np.abs(sound.samples[:, -48:]).max() < 1e-3
    assert np.abs(sound.samples.mean(axis=1)).max() < 1e-3


@pytest.mark.parametrize("mood", Mood)
def test_the_energy_lies_in_the_key(mood: Mood) -> None:
    sound = samples(mood).mean(axis=0)
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / SOUND_RATE_HZ)
    heard = (frequencies > 180) & (frequencies < 1500)  # above the drums
    classes = np.round(12 * np.log2(frequencies[heard] / 440) + 69).astype(int) % 12
    chroma = np.bincount(classes, power[heard], 12)
    assert chroma[list(compose(mood, DURATION_S).pitch_classes())].sum() / chroma.sum() > 0.9


@pytest.mark.parametrize(("mood", "bpm"), [(Mood.HAPPY, 100.0), (Mood.EPIC, 84.0), (Mood.NEUTRAL, 120.0)])
def test_onsets_return_at_the_tempo_asked_for(mood: Mood, bpm: float) -> None:
    onsets = flux(music(mood, DURATION_S, bpm).samples)
    onsets = onsets - onsets.mean()
    alike = np.correlate(onsets, onsets, "full")[len(onsets) - 1 :]
    tempi = np.arange(0.75 * bpm, 1.35 * bpm, 0.5)  # between half and double
    lags = 60 / tempi * SOUND_RATE_HZ / HOP
    strengths = [np.interp(lags * beats, np.arange(len(alike)), alike) for beats in (1, 2, 4)]
    assert tempi[int(np.argmax(np.sum(strengths, axis=0)))] == pytest.approx(bpm, rel=0.02)


def test_the_last_chord_is_heard_when_the_beats_say() -> None:
    piece = compose(Mood.HAPPY, DURATION_S)
    onsets, last = flux(samples(Mood.HAPPY)), piece.beats()[-1] * SOUND_RATE_HZ / HOP
    around = onsets[round(last) - 12 : round(last) + 12]
    assert abs(int(np.flatnonzero(around > around.max() / 2)[0]) - 12) <= 3
    assert onsets[round(last) + 40 :].max() < around.max() / 2, "nothing is struck after it"


def test_it_is_stereo_and_repeats_from_its_seed() -> None:
    left, right = samples(Mood.CALM)
    assert np.corrcoef(left, right)[0, 1] < 0.95
    once, again, other = (music("playful", 3.0, seed=seed).samples for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_very_short_music_is_a_chord() -> None:
    assert music("sad", 0.5).samples.shape == (2, 24_000)
    assert np.isfinite(music("sad", 0.01).samples).all()


def test_a_mood_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match=r"'angry'.*calm"):
        mood_of("angry")
