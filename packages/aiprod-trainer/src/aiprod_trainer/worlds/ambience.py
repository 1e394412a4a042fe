"""What a place, a weather and a time of day sound like: one bed each, and the grains that they hold."""

import math

import numpy as np

from aiprod_trainer.worlds.bed import Bed, Wave

SETTING_LEVEL = 0.016
WEATHER_LEVEL = 0.014


def ring(rate_hz: int, partials: tuple[tuple[float, float], ...], length_s: float, decay_s: float) -> Wave:
    """Struck partials (hz, gain) that die away: bells, drops, metal. Peak about 1 where the gains sum to 1."""
    seconds = np.arange(round(length_s * rate_hz)) / rate_hz
    wave = sum(gain * np.sin(math.tau * hz * seconds) for hz, gain in partials)
    return np.asarray(wave * np.exp(-seconds / decay_s), np.float32)


def glide(rate_hz: int, path_hz: tuple[float, ...], length_s: float, harmonics: tuple[float, ...] = (1.0,)) -> Wave:
    """A tone that glides through `path_hz`, spaced evenly, with soft ends. Peak at most the sum of `harmonics`."""
    samples = round(length_s * rate_hz)
    hz = np.interp(np.linspace(0, len(path_hz) - 1, samples), np.arange(len(path_hz)), path_hz)
    turns = np.cumsum(hz) / rate_hz
    wave = sum(gain * np.sin(math.tau * (n + 1) * turns) for n, gain in enumerate(harmonics))
    return np.asarray(wave * soft_ends(samples, rate_hz), np.float32)


def soft_ends(samples: int, rate_hz: int, attack_s: float = 0.004, release_s: float = 0.03) -> Wave:
    """An envelope of ones with a short rise and fall, [s]."""
    seconds = np.arange(samples) / rate_hz
    rise = np.minimum(seconds / attack_s, 1.0)
    fall = np.minimum((samples / rate_hz - seconds) / release_s, 1.0)
    return np.asarray(np.clip(rise * fall, 0.0, 1.0), np.float32)


def rest(rate_hz: int, length_s: float) -> Wave:
    """Silence, [s]."""
    return np.zeros(round(length_s * rate_hz), np.float32)


def _song(rate_hz: int) -> Wave:
    """Meadow bird: three rising chirps."""
    chirp = glide(rate_hz, (3200, 4400, 3900), 0.07)
    return np.concatenate([chirp, rest(rate_hz, 0.03), chirp, rest(rate_hz, 0.03), chirp])


def _cuckoo(rate_hz: int) -> Wave:
    """Forest bird: two falling whistles."""
    low = glide(rate_hz, (1020, 990), 0.24, (1.0, 0.1))
    return np.concatenate([glide(rate_hz, (1270, 1250), 0.18, (1.0, 0.1)), rest(rate_hz, 0.08), low])


def _lap(rate_hz: int) -> Wave:
    """Water against the shore: a hollow upward blip."""
    return glide(rate_hz, (260, 340, 520), 0.12, (1.0, 0.3))


def _cluck(rate_hz: int) -> Wave:
    """Hens: two nasal clucks."""
    cluck = glide(rate_hz, (520, 640, 480), 0.06, (0.4, 0.5, 0.6, 0.3))
    return np.concatenate([cluck, rest(rate_hz, 0.09), cluck])


def _bell(rate_hz: int) -> Wave:
    """A village bell, its partials hum, prime, tierce, quint and nominal."""
    partials = ((330, 0.2), (660, 0.4), (792, 0.25), (990, 0.15), (1320, 0.3))
    return ring(rate_hz, partials, 0.9, 0.35) * soft_ends(round(0.9 * rate_hz), rate_hz)


def _drop(rate_hz: int) -> Wave:
    return ring(rate_hz, ((2600, 0.6), (4100, 0.4)), 0.02, 0.004)


def _cricket(rate_hz: int) -> Wave:
    """A trill at 4.6 kHz, pulsed 32 times a second."""
    trill = glide(rate_hz, (4600, 4600), 0.22)
    seconds = np.arange(len(trill)) / rate_hz
    return np.asarray(trill * (0.5 - 0.5 * np.cos(math.tau * 32 * seconds)), np.float32)


def _signal(rate_hz: int) -> Wave:
    """Far street life: a soft two-tone horn."""
    return glide(rate_hz, (440, 440), 0.3, (0.6, 0.2)) + glide(rate_hz, (554, 554), 0.3, (0.6, 0.2))


SETTINGS = {
    "meadow": Bed(level=0.006, noise=((300, 1500, 1.0),), grain=_song, grain_hz=1.6, grain_gain=5.0),
    "forest": Bed(level=0.010, noise=((250, 700, 1.0),), swell=(0.5, 0.5), grain=_cuckoo, grain_hz=1.0, grain_gain=3.0),
    "beach": Bed(level=SETTING_LEVEL, noise=((400, 3500, 1.0),), swell=(0.4, 0.9)),
    "city": Bed(
        level=SETTING_LEVEL, noise=((50, 140, 1.0),), tones=((100, 0.6),),
        grain=_signal, grain_hz=0.6, grain_gain=0.7,
    ),
    "desert": Bed(level=SETTING_LEVEL, noise=((700, 1100, 1.0), (1400, 2600, 0.4)), swell=(0.9, 0.6)),
    "mountains": Bed(level=0.012, noise=((1850, 2000, 1.0), (2700, 2800, 0.5)), swell=(0.6, 0.7)),
    "lake": Bed(level=0.008, noise=((200, 500, 1.0),), swell=(1.6, 0.8), grain=_lap, grain_hz=2.4, grain_gain=3.5),
    "farm": Bed(level=0.006, noise=((80, 400, 1.0),), grain=_cluck, grain_hz=1.8, grain_gain=3.5),
    "village": Bed(level=0.010, noise=((2200, 4500, 1.0),), grain=_bell, grain_hz=0.9, grain_gain=3.0),
    "moon": Bed(level=SETTING_LEVEL, tones=((55, 0.8), (82.5, 0.6), (110.4, 0.5), (165.2, 0.3)), tremolo=(0.8, 0.4)),
}  # fmt: skip

WEATHERS = {
    "rain": Bed(level=WEATHER_LEVEL, noise=((3500, 9000, 1.0),), grain=_drop, grain_hz=70, grain_gain=4.0),
    "snow": Bed(level=0.012, noise=((110, 240, 1.0), (5500, 7000, 0.25)), swell=(1.0, 0.4)),
    "fog": Bed(level=WEATHER_LEVEL, tones=((196.0, 1.0), (392.2, 0.5), (587.6, 0.25)), tremolo=(1.25, 0.5)),
}

TIMES = {"night": Bed(level=0.004, noise=((4500, 4700, 1.0),), grain=_cricket, grain_hz=3.0, grain_gain=4.0)}
