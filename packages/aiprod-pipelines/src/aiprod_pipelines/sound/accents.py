"""Sounds of the cut and not of the world: whooshes, impacts, risers, booms. Each from a generator, stereo `[2 s]`."""

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.sound.synthesis import (
    band_noise,
    decay,
    envelope,
    harmonics,
    in_room,
    modes,
    panned,
    sweep,
    swept_noise,
)


def whoosh(generator: np.random.Generator) -> NDArray[np.float32]:
    centre_hz = envelope(0.9, (0, 300), (0.45, 3200), (0.9, 500))
    air = swept_noise(generator, centre_hz, 0.8) * envelope(0.9, (0, 0), (0.42, 1), (0.55, 0.8), (0.9, 0))
    return panned(air, envelope(0.9, (0, -0.8), (0.9, 0.8)))


def impact(generator: np.random.Generator) -> NDArray[np.float32]:
    thump = sweep(envelope(0.8, (0, 140), (0.15, 45))) * decay(0.8, 0.1)
    metal = modes(0.8, (310, 0.08, 0.3), (587, 0.06, 0.25), (1130, 0.04, 0.2), (2270, 0.02, 0.15))
    hit = band_noise(generator, 0.8, 200, 8000) * decay(0.8, 0.015)
    return in_room(generator, thump + metal + hit, 1.6, 0.3)


def riser(generator: np.random.Generator) -> NDArray[np.float32]:
    growing = envelope(3.0, (0, 0), (2.0, 0.35), (2.95, 1), (3, 0))
    air = swept_noise(generator, envelope(3.0, (0, 300), (3, 7000)), 0.6)
    tone = harmonics(envelope(3.0, (0, 110), (3, 440)), [1, 0.5, 0.3, 0.2, 0.1])
    return in_room(generator, (air + 0.25 * tone) * growing, 0.8, 0.25)


def boom(generator: np.random.Generator) -> NDArray[np.float32]:
    deep = sweep(envelope(3.0, (0, 70), (0.6, 34))) * decay(3.0, 0.45, 0.01)
    skin = band_noise(generator, 3.0, 60, 400) * decay(3.0, 0.06)
    return in_room(generator, deep + 0.6 * skin, 2.0, 0.25, 1500)


def shimmer(generator: np.random.Generator) -> NDArray[np.float32]:
    scale_hz = 1046.5 * np.array([1, 9 / 8, 5 / 4, 3 / 2, 5 / 3, 2, 9 / 4, 5 / 2])
    line = np.zeros((2, 96_000), np.float32)
    for number, pitch_hz in enumerate(scale_hz):
        start = round(48_000 * (0.06 * number + generator.uniform(0, 0.02)))
        note = modes(1.2, (float(pitch_hz), 0.2, 0.5), (2.76 * float(pitch_hz), 0.08, 0.15), attack_s=0.002)
        line[:, start : start + len(note)] += panned(note, float(generator.uniform(-0.7, 0.7)))
    return in_room(generator, line, 1.5, 0.35, 9000)


def downer(generator: np.random.Generator) -> NDArray[np.float32]:
    tone = harmonics(envelope(1.8, (0, 320), (1.8, 45)), [1, 0.6, 0.4, 0.25, 0.15]) * envelope(
        1.8, (0, 0), (0.03, 1), (1.8, 0)
    )
    air = swept_noise(generator, envelope(1.8, (0, 4000), (1.8, 150)), 0.7) * envelope(
        1.8, (0, 0), (0.05, 0.6), (1.8, 0)
    )
    return in_room(generator, 0.5 * tone + air, 1.0, 0.25)
