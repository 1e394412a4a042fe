"""Sounds of vehicles, bells and weapons. Each from a generator; mono `[s]`, or stereo `[2 s]` for what passes by."""

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.sound.filters import lowpass
from aiprod_pipelines.sound.synthesis import (
    RATE_HZ,
    Wave,
    band_noise,
    decay,
    envelope,
    harmonics,
    in_room,
    modes,
    panned,
    placed,
    samples_of,
    sweep,
    times,
)

SOUND_SPEED_M_S = 343.0


def bell(generator: np.random.Generator) -> Wave:
    """Hum, prime, tierce, quint, nominal: the partials of a church bell (Rossing: The Physics of Bells, 1984)."""
    prime_hz = generator.uniform(240, 330)
    tuned = (
        (0.5, 1.6, 0.5),
        (1, 1.0, 0.8),
        (1.2, 0.8, 0.7),
        (1.5, 0.6, 0.4),
        (2, 0.7, 0.9),
        (3, 0.3, 0.3),
        (4.2, 0.15, 0.2),
    )
    partials = [(ratio * prime_hz, half_life_s, amplitude) for ratio, half_life_s, amplitude in tuned]
    beating = [
        (1.004 * frequency_hz, half_life_s, 0.4 * amplitude) for frequency_hz, half_life_s, amplitude in partials
    ]
    strike = 0.3 * band_noise(generator, 5.0, 1500, 8000) * decay(5.0, 0.01)
    return (modes(5.0, *partials, *beating) + strike) * envelope(5.0, (0, 1), (4, 1), (5, 0))


def horn(generator: np.random.Generator) -> Wave:
    low_hz = generator.uniform(360, 410)
    brass = [1, 0.9, 0.8, 0.6, 0.5, 0.35, 0.25, 0.2]
    chord = harmonics(np.full(samples_of(0.9), low_hz, np.float32), brass)
    chord += harmonics(np.full(samples_of(0.9), 1.25 * low_hz, np.float32), brass)
    return chord * envelope(0.9, (0, 0), (0.02, 1), (0.8, 1), (0.9, 0))


def siren(generator: np.random.Generator) -> Wave:
    low_hz = generator.uniform(430, 460)
    tones = np.where(times(3.0) % 1.0 < 0.5, low_hz, 1.33 * low_hz).astype(np.float32)
    gliding = lowpass(tones - low_hz, 30, RATE_HZ) + np.float32(low_hz)
    return harmonics(gliding, [1, 0.5, 0.4, 0.2]) * envelope(3.0, (0, 0), (0.05, 1), (2.8, 1), (3, 0))


def alarm(generator: np.random.Generator) -> Wave:
    pitch_hz = generator.uniform(1900, 2200)
    beep = harmonics(np.full(samples_of(0.1), pitch_hz, np.float32), [1, 0, 0.3]) * envelope(
        0.1, (0, 0), (0.005, 1), (0.09, 1), (0.1, 0)
    )
    return placed(1.6, *((start_s + group_s, beep) for group_s in (0, 0.8) for start_s in (0, 0.15, 0.3)))


def car(generator: np.random.Generator) -> NDArray[np.float32]:
    """An engine and its tyres from left to right, with the Doppler shift of 14 m/s at a distance of 4 m."""
    duration_s, speed_m_s, distance_m = 4.0, 14.0, 4.0
    along_m = speed_m_s * (times(duration_s) - duration_s / 2)
    away_m = np.hypot(along_m, distance_m)
    doppler = 1 / (1 + speed_m_s * along_m / away_m / SOUND_SPEED_M_S)
    engine = harmonics(generator.uniform(70, 90) * doppler, [1, 0.8, 0.9, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.1])
    tyres = band_noise(generator, duration_s, 400, 2500) + 0.4 * band_noise(generator, duration_s, 2500, 7000)
    near = (distance_m / away_m).astype(np.float32)
    heard = (0.25 * engine + tyres) * near * envelope(duration_s, (0, 0), (0.3, 1), (3.7, 1), (duration_s, 0))
    return panned(heard, np.clip(along_m / 12, -0.9, 0.9).astype(np.float32))


def train(generator: np.random.Generator) -> Wave:
    rumble = band_noise(generator, 5.0, 35, 180) + 0.3 * band_noise(generator, 5.0, 300, 1500)

    def joint() -> Wave:
        steel = modes(0.25, (140, 0.02, 1), (480, 0.012, 0.7), (1150, 0.01, 0.4))
        return steel + band_noise(generator, 0.25, 400, 4000) * decay(0.25, 0.01)

    pairs = [start_s + axle_s for start_s in np.arange(0.1, 4.6, 0.62) for axle_s in (0.0, 0.16)]
    wheels = placed(5.0, *((float(start_s), joint()) for start_s in pairs))
    return (0.6 * rumble + 0.6 * wheels) * envelope(5.0, (0, 0), (0.8, 1), (4, 1), (5, 0))


def motor(generator: np.random.Generator) -> Wave:
    pitch_hz = envelope(3.0, (0, 20), (0.4, 60), (0.8, 38), (3, 38)) * generator.uniform(0.95, 1.05)
    cylinders = harmonics(pitch_hz, [0.6, 1, 0.5, 0.9, 0.4, 0.5, 0.3, 0.3, 0.2, 0.2])
    return (cylinders + 0.5 * band_noise(generator, 3.0, 80, 900)) * envelope(3.0, (0, 0), (0.2, 1), (2.6, 0.7), (3, 0))


def plane(generator: np.random.Generator) -> Wave:
    whine = 0.12 * sweep(envelope(6.0, (0, 1500), (3, 1250), (6, 900)))
    roar = band_noise(generator, 6.0, 60, 600) + 0.4 * band_noise(generator, 6.0, 600, 3000)
    return (roar + whine) * envelope(6.0, (0, 0), (3, 1), (6, 0))


def explosion(generator: np.random.Generator) -> NDArray[np.float32]:
    blast = band_noise(generator, 3.0, 30, 5000) * decay(3.0, 0.12)
    thump = sweep(envelope(3.0, (0, 90), (0.4, 28))) * decay(3.0, 0.25)
    debris = band_noise(generator, 3.0, 1000, 6000) * envelope(3.0, (0, 0), (0.3, 0.15), (2, 0))
    return in_room(generator, blast + thump + debris, 1.5, 0.2, 2500)


def shot(generator: np.random.Generator) -> NDArray[np.float32]:
    crack = band_noise(generator, 0.5, 200, 12000) * decay(0.5, 0.012, 0.0003)
    body = sweep(envelope(0.5, (0, 220), (0.1, 60))) * decay(0.5, 0.03)
    return in_room(generator, crack + 0.7 * body, 1.4, 0.25, 4000)
