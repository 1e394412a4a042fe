"""Sounds of animals, water, fire and weather. Each from a generator, mono `[s]`."""

import numpy as np

from aiprod_pipelines.sound.filters import bandpass, lowpass
from aiprod_pipelines.sound.synthesis import (
    RATE_HZ,
    Wave,
    band_noise,
    decay,
    envelope,
    harmonics,
    placed,
    samples_of,
    scatter,
    sweep,
    swept_noise,
    times,
)


def thunder(generator: np.random.Generator) -> Wave:
    crack = band_noise(generator, 6.0, 300, 6000) * decay(6.0, 0.06) * (1 + band_noise(generator, 6.0, 10, 60))
    starts_s = [float(start_s) for start_s in generator.uniform(0.05, 2.5, 6)]
    rolls = placed(6.0, *((start_s, decay(6 - start_s, generator.uniform(0.3, 0.7), 0.08)) for start_s in starts_s))
    rumble = lowpass(band_noise(generator, 6.0, 25, 160), 220, RATE_HZ) * rolls
    return (0.5 * crack + 1.2 * rumble) * envelope(6.0, (0, 1), (4, 1), (6, 0))


def fire(generator: np.random.Generator) -> Wave:
    flame = band_noise(generator, 4.0, 60, 400) * (1 + band_noise(generator, 4.0, 0.5, 6))
    sparks = scatter(generator, RATE_HZ * 4, 35, spark)
    return (0.25 * flame + sparks) * envelope(4.0, (0, 0), (0.3, 1), (3.4, 1), (4, 0))


def spark(generator: np.random.Generator) -> Wave:
    snap = band_noise(generator, 0.03, 800, float(generator.uniform(3000, 12000)))
    return snap * decay(0.03, float(generator.uniform(0.0005, 0.004))) * float(generator.exponential(0.5))


def drop(generator: np.random.Generator) -> Wave:
    """A bubble's pitch rises as it nears the surface: Minnaert, On Musical Air-Bubbles, Phil. Mag. 16, 1933."""
    pitch_hz = generator.uniform(700, 1400)
    bubble = sweep(envelope(0.2, (0, pitch_hz), (0.12, 1.8 * pitch_hz))) * decay(0.2, 0.018, 0.002)
    return placed(0.35, (0, 0.3 * band_noise(generator, 0.02, 2000, 9000) * decay(0.02, 0.002)), (0.03, bubble))


def splash(generator: np.random.Generator) -> Wave:
    burst = swept_noise(generator, envelope(1.6, (0, 3500), (0.2, 1800), (1.6, 700)), 1.2)
    body = burst * envelope(1.6, (0, 0), (0.015, 1), (0.25, 0.4), (1.6, 0))
    bubbles = scatter(generator, samples_of(1.6), 40, drop) * envelope(1.6, (0, 0), (0.2, 0.6), (1.2, 0.2), (1.6, 0))
    return body + 0.4 * bubbles


def bird(generator: np.random.Generator) -> Wave:
    def chirp() -> Wave:
        duration_s, low_hz = generator.uniform(0.06, 0.16), generator.uniform(2600, 3600)
        bends = generator.uniform(1, 1.7, 4)
        points = zip(np.linspace(0, duration_s, 4), low_hz * bends, strict=True)
        curve = envelope(duration_s, *((float(at_s), float(hz)) for at_s, hz in points))
        return harmonics(curve, [1, 0.15]) * envelope(
            duration_s, (0, 0), (0.02, 1), (duration_s - 0.02, 0.8), (duration_s, 0)
        )

    at_s = np.cumsum(generator.uniform(0.12, 0.25, int(generator.integers(3, 8)))) - 0.1
    return placed(float(at_s[-1]) + 0.25, *((float(start_s), generator.uniform(0.5, 1) * chirp()) for start_s in at_s))


def dog(generator: np.random.Generator) -> Wave:
    def bark(pitch_hz: float) -> Wave:
        curve = envelope(0.3, (0, 0.8 * pitch_hz), (0.05, 1.35 * pitch_hz), (0.22, 0.7 * pitch_hz))
        rough = harmonics(curve * (1 + 0.15 * band_noise(generator, 0.3, 20, 90)), [1 / n for n in range(1, 16)])
        throat = bandpass(rough, 350, 1100, RATE_HZ) + 0.5 * bandpass(rough, 1100, 2200, RATE_HZ)
        breath = 0.5 * band_noise(generator, 0.3, 500, 3000)
        return (throat + breath) * envelope(0.3, (0, 0), (0.025, 1), (0.12, 0.6), (0.3, 0))

    pitch_hz = generator.uniform(280, 380)
    return placed(1.1, (0, bark(pitch_hz)), (0.5, 0.9 * bark(1.05 * pitch_hz)))


def cricket(generator: np.random.Generator) -> Wave:
    pitch_hz, at_s = generator.uniform(4200, 4800), times(0.7)
    pulses = np.square(np.sin(np.pi * 33 * at_s)) * (at_s < 0.12)
    trill = (np.sin(2 * np.pi * pitch_hz * at_s) * pulses).astype(np.float32)
    return placed(1.6, (0, trill), (0.5, trill), (1.0, trill))


def owl(generator: np.random.Generator) -> Wave:
    def hoot(duration_s: float) -> Wave:
        curve = envelope(duration_s, (0, 0.94 * pitch_hz), (0.1, pitch_hz), (duration_s, 0.92 * pitch_hz))
        return harmonics(curve, [1, 0.12, 0.05]) * envelope(
            duration_s, (0, 0), (0.08, 1), (duration_s - 0.1, 0.8), (duration_s, 0)
        )

    pitch_hz = generator.uniform(330, 390)
    return placed(2.4, (0, hoot(0.3)), (0.55, hoot(0.25)), (1.1, hoot(0.9)))


def gust(generator: np.random.Generator) -> Wave:
    centre_hz = envelope(4.0, (0, 250), (1.6, 700), (2.4, 500), (4, 220))
    return swept_noise(generator, centre_hz, 0.6) * envelope(4.0, (0, 0), (1.6, 1), (2.4, 0.6), (4, 0))
