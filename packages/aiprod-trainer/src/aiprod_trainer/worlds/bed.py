"""A bed: a sound that lasts as long as the clip, made of filtered noise, tones and scattered grains.

Noise is drawn in the frequency domain, so that any spectrum costs one inverse FFT. Spectra, tones and grains are
cached; only the noise and the places of the grains differ from scene to scene.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfftfreq
from scipy.signal import oaconvolve

Wave = NDArray[np.float32]
Grain = Callable[[int], Wave]  # sample rate in Hz → one grain, [s]

MANY_GRAINS_HZ = 20.0  # from here on grains are scattered by chance and placed by one convolution


@dataclass(frozen=True, kw_only=True)
class Bed:
    """What a lasting sound consists of; gains are linear, relative to each other, `level` is the RMS of the whole.

    `noise`: (low_hz, high_hz, gain) bands. `swell`: slow loudness wave of the noise, (hz, depth in [0, 1]).
    `tones`: (hz, gain). `tremolo`: the same wave for the tones. `grain`: a short sound, `grain_hz` of them a second.
    """

    level: float
    noise: tuple[tuple[float, float, float], ...] = ()
    swell: tuple[float, float] = (0.0, 0.0)
    tones: tuple[tuple[float, float], ...] = ()
    tremolo: tuple[float, float] = (0.0, 0.0)
    grain: Grain | None = None
    grain_hz: float = 1.0
    grain_gain: float = 1.0


def render_bed(bed: Bed, samples: int, rate_hz: int, rng: np.random.Generator) -> Wave:
    """A bed of exactly `samples` samples, float32 [s], of RMS about `bed.level`."""
    wave = np.zeros(samples, np.float32)
    if bed.noise:
        wave += _noise(bed.noise, samples, rate_hz, rng) * _pulse(*bed.swell, samples, rate_hz, rng.random())
    if bed.tones:
        wave += _tones(bed.tones, bed.tremolo, samples, rate_hz)
    if bed.grain is not None:
        wave += bed.grain_gain * _scatter(bed.grain, bed.grain_hz, samples, rate_hz, rng)
    return wave * np.float32(bed.level / _expected_rms(bed))


def _expected_rms(bed: Bed) -> float:
    """RMS of noise and tones before the level is set; grains come on top, so that their chance moves no level."""
    noise = sum(gain**2 for _, _, gain in bed.noise) * _power(bed.swell[1])
    tones = sum(gain**2 for _, gain in bed.tones) / 2 * _power(bed.tremolo[1])
    return math.sqrt(noise + tones) or 1.0


def _power(depth: float) -> float:
    """Mean square of the wave `1 − depth/2·(1 − cos)`."""
    return (1 - depth / 2) ** 2 + depth**2 / 8


def _noise(bands: tuple[tuple[float, float, float], ...], samples: int, rate_hz: int, rng: np.random.Generator) -> Wave:
    length = next_fast_len(samples, real=True)
    magnitude = _magnitude(bands, length, rate_hz)
    spectrum = rng.standard_normal(2 * len(magnitude), dtype=np.float32).view(np.complex64) * magnitude
    return np.asarray(irfft(spectrum, n=length)[:samples], np.float32)


@lru_cache(maxsize=128)
def _magnitude(bands: tuple[tuple[float, float, float], ...], length: int, rate_hz: int) -> Wave:
    """Spectrum that turns unit complex normals into noise with each band's gain as its RMS; edges fall 24 dB/octave."""
    hz = np.maximum(rfftfreq(length, 1 / rate_hz), 1e-3)
    power = np.zeros_like(hz)
    for low, high, gain in bands:
        band = 1 / (1 + (low / hz) ** 8) / (1 + (hz / high) ** 8)
        power += gain**2 * band / band.sum()
    return np.asarray(np.sqrt(power) * length / 2, np.float32)


@lru_cache(maxsize=128)
def _turns(hz: float, samples: int, rate_hz: int) -> Wave:
    return np.asarray(hz * np.arange(samples) / rate_hz, np.float32)


def _pulse(hz: float, depth: float, samples: int, rate_hz: int, phase: float) -> Wave | np.float32:
    if depth == 0.0:
        return np.float32(1.0)
    wave = np.cos(np.float32(math.tau) * (_turns(hz, samples, rate_hz) + np.float32(phase)))
    return np.asarray(1 - depth / 2 * (1 - wave), np.float32)


@lru_cache(maxsize=64)
def _tones(tones: tuple[tuple[float, float], ...], tremolo: tuple[float, float], samples: int, rate_hz: int) -> Wave:
    seconds = np.arange(samples) / rate_hz
    wave = sum(gain * np.sin(math.tau * (hz * seconds + 0.37 * n)) for n, (hz, gain) in enumerate(tones))
    return np.asarray(wave * _pulse(*tremolo, samples, rate_hz, 0.0), np.float32)


@lru_cache(maxsize=64)
def _grain(grain: Grain, rate_hz: int) -> Wave:
    return grain(rate_hz)


def _scatter(grain: Grain, grain_hz: float, samples: int, rate_hz: int, rng: np.random.Generator) -> Wave:
    """Grains over the clip: few of them stand about evenly apart, many fall by chance and with chance strengths."""
    sound = _grain(grain, rate_hz)
    impulses = np.zeros(samples, np.float32)
    if grain_hz >= MANY_GRAINS_HZ:
        count = round(grain_hz * samples / rate_hz)
        np.add.at(impulses, rng.integers(0, samples, count), rng.uniform(0.3, 1.0, count).astype(np.float32))
        return np.asarray(oaconvolve(impulses, sound)[:samples], np.float32)
    step = rate_hz / grain_hz
    places = step * (rng.random() + np.arange(-1, math.ceil(samples / step)) + rng.uniform(-0.15, 0.15))
    for place in places.astype(int):
        start, stop = max(place, 0), min(place + len(sound), samples)
        if start < stop:
            impulses[start:stop] += sound[start - place : stop - place]
    return impulses
