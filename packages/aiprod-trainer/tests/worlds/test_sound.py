"""What the scene says is what is heard: events on their moment, places and weathers apart from each other."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from aiprod_trainer.evaluation.onsets import onset_errors_s, onsets_s
from aiprod_trainer.worlds.ambience import SETTINGS, WEATHERS
from aiprod_trainer.worlds.bed import Wave
from aiprod_trainer.worlds.effects import event_sound
from aiprod_trainer.worlds.motion import events_of
from aiprod_trainer.worlds.scene import Scene, sample_scene
from aiprod_trainer.worlds.sound import SAMPLE_RATE_HZ, ambience_label, render_sound
from aiprod_trainer.worlds.vocabulary import IMPOSSIBLE, SUBJECTS
from aiprod_trainer.worlds.vocabulary import SETTINGS as SETTING_WORDS
from aiprod_trainer.worlds.vocabulary import WEATHERS as WEATHER_WORDS

KINDS = [(place, weather) for place in SETTINGS for weather in ("clear", *WEATHERS)]
KINDS = [kind for kind in KINDS if kind not in IMPOSSIBLE]
WINDOW = round(0.05 * SAMPLE_RATE_HZ)


def _silent(setting: str = "meadow", weather: str = "clear", index: int = 0) -> Scene:
    """A scene in which only the place is heard: a balloon hangs in the air."""
    scene = sample_scene(index)
    return replace(scene, subject="balloon", action="float", setting=setting, weather=weather, time="day")


def _bands_db(wave: Wave) -> np.ndarray:
    """Loudness in 24 bands of a third of an octave: what a listener tells places by."""
    frames = wave[: len(wave) // WINDOW * WINDOW].reshape(-1, WINDOW) * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    hz = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE_HZ)
    edges = 40 * 2 ** (np.arange(25) / 3)
    bands = np.stack([power[:, (hz >= low) & (hz < max(high, low + 21))].sum(1) for low, high in pairwise(edges)])
    return 10 * np.log10(bands.mean(1) + 1e-4)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_events_begin_on_their_moment_and_stand_out(level: int) -> None:
    errors: list[float] = []
    for index in range(60):
        scene = sample_scene(index, level=level)
        wave = render_sound(scene)
        found = onsets_s(wave, sample_rate_hz=SAMPLE_RATE_HZ)
        errors += onset_errors_s([event.time_s for event in events_of(scene) if event.time_s > 0.03], found)
    assert len(errors) > 60
    assert np.mean(np.array(errors) < 0.010) >= 0.98, np.sort(errors)[-10:]


def test_an_event_is_twelve_decibels_above_its_place() -> None:
    for index in range(80):
        scene = sample_scene(index, level=1 + index % 3)
        quiet = replace(scene, subject="balloon", action="float")
        place_rms = np.sqrt(np.mean(render_sound(quiet) ** 2))
        wave = render_sound(scene)
        for event in events_of(scene):
            start = round(event.time_s * SAMPLE_RATE_HZ)
            if start + WINDOW <= len(wave):
                event_rms = np.sqrt(np.mean(wave[start : start + WINDOW] ** 2))
                assert 20 * np.log10(event_rms / place_rms) >= 12, (scene.subject, event, ambience_label(scene))


@pytest.mark.parametrize(("frames", "rate"), [(25, 24_000), (17, 24_000), (25, 16_000), (9, 44_100)])
def test_length_is_exact_and_the_same_scene_sounds_the_same(frames: int, rate: int) -> None:
    scene = replace(sample_scene(3), num_frames=frames)
    wave = render_sound(scene, sample_rate_hz=rate)
    assert wave.dtype == np.float32
    assert len(wave) == round(scene.duration_s * rate)
    assert np.array_equal(wave, render_sound(scene, sample_rate_hz=rate))
    assert not np.array_equal(wave, render_sound(replace(scene, index=4), sample_rate_hz=rate))


def test_peak_stays_below_the_ceiling_in_every_scene() -> None:
    peaks = [np.abs(render_sound(sample_scene(index, level=1 + index % 3))).max() for index in range(150)]
    assert max(peaks) < 0.9
    assert min(peaks) > 0.01


def test_every_place_and_weather_has_its_own_spectrum() -> None:
    spectra = {kind: _bands_db(render_sound(_silent(*kind, index=1))) for kind in KINDS}
    for one, other in combinations(KINDS, 2):
        assert np.abs(spectra[one] - spectra[other]).max() > 6.0, (one, other)


def test_the_nearest_example_names_place_and_weather() -> None:
    def heard(kind: tuple[str, str], index: int) -> np.ndarray:
        return _bands_db(render_sound(_silent(*kind, index=index)))

    known = np.stack([np.mean([heard(kind, n) for n in range(4)], 0) for kind in KINDS])
    right = [KINDS[int(np.argmin(np.abs(known - heard(kind, n)).sum(1)))] == kind for kind in KINDS for n in (7, 8)]
    assert np.mean(right) >= 0.97


def test_every_word_has_a_sound_and_every_subject_its_own_voice() -> None:
    assert set(SETTINGS) == set(SETTING_WORDS)
    assert set(WEATHERS) == set(WEATHER_WORDS) - {"clear"}
    callers = [name for name, subject in SUBJECTS.items() if {"stand", "sit"} & set(subject.actions)]
    voices = {name: event_sound("call", name, SAMPLE_RATE_HZ) for name in callers}
    for one, other in combinations(callers, 2):
        assert np.abs(_bands_db(voices[one]) - _bands_db(voices[other])).max() > 6.0, (one, other)


def test_night_brings_crickets() -> None:
    night = render_sound(replace(_silent(), time="night"))
    assert (_bands_db(night) - _bands_db(render_sound(_silent()))).max() > 6.0


def test_label_names_setting_and_weather() -> None:
    assert ambience_label(_silent("beach", "rain")) == "beach/rain"
