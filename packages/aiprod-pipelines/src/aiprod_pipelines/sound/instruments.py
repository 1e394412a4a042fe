"""How each part of a piece sounds: simple instruments with soft attacks, stereo, out of `synthesis`."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.sound.composition import Part
from aiprod_pipelines.sound.filters import lowpass
from aiprod_pipelines.sound.synthesis import (
    RATE_HZ,
    Wave,
    band_noise,
    decay,
    envelope,
    fm,
    harmonics,
    modes,
    panned,
    samples_of,
    sweep,
    times,
)

Stereo: TypeAlias = NDArray[np.float32]  # [2 s]

RELEASE_S = {Part.PAD: 1.2, Part.STRINGS: 0.7, Part.BRASS: 0.35, Part.BASS: 0.15, Part.KEYS: 0.5}
PLACES = {Part.PLUCK: -0.35, Part.MALLET: 0.3, Part.GLASS: 0.4, Part.KEYS: -0.15, Part.SHAKER: 0.5, Part.CLAP: -0.3}
LEVELS = {
    Part.PAD: 0.4,
    Part.KEYS: 0.6,
    Part.PLUCK: 0.55,
    Part.MALLET: 0.6,
    Part.GLASS: 0.3,
    Part.STRINGS: 0.35,
    Part.BRASS: 0.4,
    Part.BASS: 0.3,
    Part.DRUM: 0.7,
    Part.SHAKER: 0.12,
    Part.CLAP: 0.25,
}


def play(part: Part, pitch: int, duration_s: float) -> Stereo:
    """One note, stereo `[2 s]`, at full strength; sounds on for its release after `duration_s`."""
    frequency_hz = 440.0 * 2 ** ((pitch - 69) / 12)
    heard = INSTRUMENTS[part](frequency_hz, duration_s)
    stereo = heard if heard.ndim == 2 else panned(heard, PLACES.get(part, 0.0))
    return LEVELS[part] * stereo


def _held(part: Part, duration_s: float, attack_s: float) -> Wave:
    """Up in `attack_s`, held for the note, down in the part's release."""
    attack_s, end_s = min(attack_s, duration_s / 2), duration_s + RELEASE_S[part]
    return envelope(end_s, (0, 0), (attack_s, 1), (duration_s, 0.85), (end_s, 0)) ** 1.5


def _ensemble(frequency_hz: float, duration_s: float, overtones: int, cents: float, vibrato: float) -> Stereo:
    """Several players a little out of tune, spread from left to right."""
    at_s, spread = times(duration_s), np.zeros((2, samples_of(duration_s)), np.float32)
    for number, place in enumerate((-0.8, 0.0, 0.8)):
        detuned_hz = frequency_hz * 2 ** ((number - 1) * cents / 1200)
        wavering = detuned_hz * (1 + vibrato * np.sin(2 * np.pi * (4.6 + 0.4 * number) * at_s + number))
        tone = harmonics(wavering.astype(np.float32), [1 / n**1.2 for n in range(1, overtones + 1)])
        spread += panned(tone, place) / 3
    return spread


def _pad(frequency_hz: float, duration_s: float) -> Stereo:
    return _ensemble(frequency_hz, duration_s + RELEASE_S[Part.PAD], 9, 7, 0.0) * _held(Part.PAD, duration_s, 0.5)


def _strings(frequency_hz: float, duration_s: float) -> Stereo:
    bowed = _held(Part.STRINGS, duration_s, 0.18)
    return _ensemble(frequency_hz, duration_s + RELEASE_S[Part.STRINGS], 10, 5, 0.003) * bowed


def _brass(frequency_hz: float, duration_s: float) -> Stereo:
    blown = _held(Part.BRASS, duration_s, 0.09)
    mellow, bright = (_ensemble(frequency_hz, duration_s + RELEASE_S[Part.BRASS], n, 4, 0.002) for n in (3, 10))
    return (mellow * (1 - 0.5 * blown) + bright * 0.5 * blown) * blown


def _keys(frequency_hz: float, duration_s: float) -> Wave:
    end_s = duration_s + RELEASE_S[Part.KEYS]
    struck = decay(end_s, 0.55, 0.004) * envelope(end_s, (0, 1), (duration_s, 1), (end_s, 0))
    tine = 0.12 * fm(frequency_hz, 7.0, 0.6 * decay(end_s, 0.05)) * decay(end_s, 0.12)
    return (fm(frequency_hz, 1.0, 1.1 * decay(end_s, 0.35)) + tine) * struck


def _pluck(frequency_hz: float, duration_s: float) -> Wave:
    partials = [(n * frequency_hz, 0.28 / n**0.7, 1 / n**1.3) for n in range(1, 9) if n * frequency_hz < 16_000]
    return modes(1.2, *partials, attack_s=0.003)


def _mallet(frequency_hz: float, duration_s: float) -> Wave:
    bar = ((frequency_hz, 0.16, 1.0), (3.93 * frequency_hz, 0.05, 0.25), (9.2 * frequency_hz, 0.02, 0.08))
    return modes(0.9, *(partial for partial in bar if partial[0] < 16_000), attack_s=0.002)


def _glass(frequency_hz: float, duration_s: float) -> Wave:
    return fm(frequency_hz, 3.5, 1.2 * decay(3.0, 0.25)) * decay(3.0, 0.55, 0.006)


def _bass(frequency_hz: float, duration_s: float) -> Wave:
    end_s = duration_s + RELEASE_S[Part.BASS]
    tone = harmonics(np.full(samples_of(end_s), frequency_hz, np.float32), [1, 0.45, 0.2, 0.1, 0.05])
    return tone * _held(Part.BASS, duration_s, 0.012) * envelope(end_s, (0, 1), (0.3, 0.7), (end_s, 0.6))


def _drum(frequency_hz: float, duration_s: float) -> Wave:
    skin = sweep(envelope(0.6, (0, 120), (0.08, 62), (0.6, 50))) * decay(0.6, 0.09, 0.003)
    stick = lowpass(band_noise(np.random.default_rng(1), 0.6, 150, 1200), 900, RATE_HZ) * decay(0.6, 0.012)
    return skin + 0.4 * stick


def _shaker(frequency_hz: float, duration_s: float) -> Wave:
    return band_noise(np.random.default_rng(2), 0.12, 5000, 12_000) * envelope(0.12, (0, 0), (0.015, 1), (0.12, 0))


def _clap(frequency_hz: float, duration_s: float) -> Wave:
    return band_noise(np.random.default_rng(3), 0.2, 900, 3500) * decay(0.2, 0.025, 0.002)


INSTRUMENTS: dict[Part, Callable[[float, float], NDArray[np.float32]]] = {
    Part.PAD: _pad,
    Part.KEYS: _keys,
    Part.PLUCK: _pluck,
    Part.MALLET: _mallet,
    Part.GLASS: _glass,
    Part.STRINGS: _strings,
    Part.BRASS: _brass,
    Part.BASS: _bass,
    Part.DRUM: _drum,
    Part.SHAKER: _shaker,
    Part.CLAP: _clap,
}
