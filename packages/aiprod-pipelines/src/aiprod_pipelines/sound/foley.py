"""Sounds of people and of what they touch: steps, doors, glass, keys, hands. Each from a generator, mono `[s]`."""

import numpy as np

from aiprod_pipelines.sound.filters import lowpass
from aiprod_pipelines.sound.synthesis import (
    RATE_HZ,
    Wave,
    band_noise,
    decay,
    envelope,
    harmonics,
    modes,
    placed,
    scatter,
    sweep,
    times,
)


def step_concrete(generator: np.random.Generator) -> Wave:
    heel = modes(0.3, (95, 0.012, 0.8), (210, 0.008, 0.4), (1900, 0.003, 0.2))
    scuff = band_noise(generator, 0.3, 1500, 7000) * decay(0.3, 0.012)
    return heel + 0.5 * scuff + 0.5 * placed(0.3, (generator.uniform(0.07, 0.1), 0.5 * scuff))


def step_wood(generator: np.random.Generator) -> Wave:
    plank_hz = generator.uniform(110, 140)
    board = modes(0.4, (plank_hz, 0.03, 1.0), (2.4 * plank_hz, 0.018, 0.5), (4.1 * plank_hz, 0.01, 0.3))
    return board + 0.25 * band_noise(generator, 0.4, 600, 3500) * decay(0.4, 0.01)


def step_gravel(generator: np.random.Generator) -> Wave:
    stones = scatter(generator, RATE_HZ * 45 // 100, 600, _stone)
    return stones * envelope(0.45, (0, 0), (0.03, 1), (0.12, 0.35), (0.2, 0.7), (0.45, 0))


def _stone(generator: np.random.Generator) -> Wave:
    return (
        generator.uniform(0.1, 1)
        * band_noise(generator, 0.02, 1200, generator.uniform(3000, 9000))
        * decay(0.02, 0.003)
    )


def step_grass(generator: np.random.Generator) -> Wave:
    rustle = band_noise(generator, 0.45, 1800, 9000) * envelope(
        0.45, (0, 0), (0.05, 1), (0.18, 0.3), (0.25, 0.6), (0.45, 0)
    )
    return 0.6 * rustle + 0.5 * modes(0.45, (70, 0.02, 1.0), attack_s=0.01)


def step_snow(generator: np.random.Generator) -> Wave:
    crunch = scatter(generator, RATE_HZ // 2, 900, lambda g: band_noise(g, 0.008, 500, 4000) * decay(0.008, 0.002))
    return crunch * envelope(0.5, (0, 0), (0.06, 0.6), (0.2, 1), (0.32, 0.4), (0.5, 0))


def door(generator: np.random.Generator) -> Wave:
    creak_hz = envelope(1.0, (0, 90), (0.4, 130), (0.8, 75)) * (1 + 0.1 * band_noise(generator, 1.0, 3, 20))
    creak = harmonics(creak_hz, [0.2, 0.3, 0.5, 0.8, 1, 0.7, 0.5, 0.3]) * envelope(
        1.0, (0, 0), (0.2, 0.5), (0.8, 0.3), (1, 0)
    )
    slam = modes(0.8, (62, 0.06, 1.0), (118, 0.04, 0.7), (240, 0.025, 0.4)) + band_noise(
        generator, 0.8, 200, 3000
    ) * decay(0.8, 0.02)
    latch = modes(0.1, (2300, 0.006, 0.5), (3700, 0.004, 0.4))
    return placed(2.0, (0.0, 0.12 * creak), (1.1, slam), (1.14, 0.4 * latch))


def knock(generator: np.random.Generator) -> Wave:
    def rap() -> Wave:
        wood_hz = generator.uniform(180, 210)
        board = modes(0.2, (wood_hz, 0.014, 1.0), (2.3 * wood_hz, 0.01, 0.6), (5.2 * wood_hz, 0.005, 0.4))
        struck = board + 0.3 * band_noise(generator, 0.2, 1000, 5000) * decay(0.2, 0.003)
        return struck * np.float32(generator.uniform(0.8, 1))

    return placed(0.9, (0, rap()), (0.2, rap()), (0.39, rap()))


def glass(generator: np.random.Generator) -> Wave:
    def shard(g: np.random.Generator) -> Wave:
        pitch_hz = g.uniform(2200, 9000)
        return g.uniform(0.1, 0.6) * modes(0.4, (pitch_hz, 0.04, 1), (1.53 * pitch_hz, 0.03, 0.5))

    blow = band_noise(generator, 1.8, 2500, 14000) * decay(1.8, 0.03)
    falling = scatter(generator, RATE_HZ * 18 // 10, 45, shard) * envelope(
        1.8, (0, 0.2), (0.05, 1), (0.5, 0.5), (1.3, 0)
    )
    return blow + 0.7 * falling


def click(generator: np.random.Generator) -> Wave:
    snap = modes(0.05, (3100, 0.002, 0.7), (4800, 0.0015, 0.5), attack_s=0.0002)
    return snap + 0.4 * band_noise(generator, 0.05, 2000, 9000) * decay(0.05, 0.001)


def typing(generator: np.random.Generator) -> Wave:
    def key() -> Wave:
        tap = modes(0.08, (generator.uniform(500, 800), 0.006, 0.5), (generator.uniform(2500, 3500), 0.003, 0.5))
        struck = tap + 0.5 * band_noise(generator, 0.08, 1500, 8000) * decay(0.08, 0.003)
        return struck * np.float32(generator.uniform(0.5, 1))

    at_s = np.cumsum(generator.uniform(0.07, 0.2, 18))
    return placed(3.0, *((float(start_s), key()) for start_s in at_s if start_s < 2.9))


def clap(generator: np.random.Generator) -> Wave:
    hands = band_noise(generator, 0.35, 900, 3200)
    palms = placed(0.35, *((start_s, hands * decay(0.35, 0.006)) for start_s in (0, 0.008, 0.017)))
    return palms + 0.3 * band_noise(generator, 0.35, 700, 4000) * decay(0.35, 0.045)


def applause(generator: np.random.Generator) -> Wave:
    def pair(g: np.random.Generator) -> Wave:
        middle_hz = g.uniform(800, 2200)
        return g.uniform(0.1, 1) * band_noise(g, 0.06, middle_hz * 0.7, middle_hz * 1.5) * decay(0.06, 0.007)

    return scatter(generator, 4 * RATE_HZ, 140, pair) * envelope(4.0, (0, 0), (0.5, 1), (2.5, 0.9), (4, 0))


def heartbeat(generator: np.random.Generator) -> Wave:
    first = sweep(envelope(0.25, (0, 75), (0.15, 42))) * decay(0.25, 0.05, 0.012)
    second = 0.7 * sweep(envelope(0.2, (0, 85), (0.12, 50))) * decay(0.2, 0.04, 0.012)
    beat = placed(0.9, (0.0, first), (0.28, second))
    hiss = 0.02 * lowpass(band_noise(generator, 1.8, 40, 200), 150, RATE_HZ)
    return placed(1.8, (0.0, beat), (0.85, generator.uniform(0.92, 1) * beat)) + hiss * envelope(1.8, (0, 1), (1.8, 0))


def clock(generator: np.random.Generator) -> Wave:
    def tick(pitch_hz: float) -> Wave:
        return modes(0.15, (pitch_hz, 0.004, 0.7), (2.1 * pitch_hz, 0.003, 0.5), (420, 0.008, 0.3), attack_s=0.0003)

    pitch_hz = generator.uniform(1900, 2300)
    return placed(
        2.0, (0, tick(pitch_hz)), (0.5, tick(0.85 * pitch_hz)), (1, tick(pitch_hz)), (1.5, tick(0.85 * pitch_hz))
    )


def phone(generator: np.random.Generator) -> Wave:
    pitch_hz = generator.uniform(1250, 1400)
    at_s = times(1.0)
    hammer = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 22 * at_s))
    bells = np.sin(2 * np.pi * pitch_hz * at_s) + 0.6 * np.sin(2 * np.pi * 1.26 * pitch_hz * at_s)
    ring = lowpass(hammer, 400, RATE_HZ) * bells * envelope(1.0, (0, 0), (0.01, 1), (0.8, 1), (1, 0))
    return placed(2.4, (0, ring), (1.3, ring))
