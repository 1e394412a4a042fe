"""Beds of ambience, as long as asked and without a seam: wind, rain, sea, city, forest and more, synthesised here.

A bed is a sum of layers. Each is a loop that goes over into itself, and their lengths differ, so that the bed as a
whole does not come back for hours. The first seconds of a long bed are those of a short one.
"""

import difflib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound import machines, nature
from aiprod_pipelines.sound.filters import highpass
from aiprod_pipelines.sound.loudness import integrated
from aiprod_pipelines.sound.synthesis import (
    KINDS,
    Wave,
    add_around,
    band_noise,
    decay,
    envelope,
    harmonics,
    in_room,
    loop_drift,
    loop_noise,
    panned,
    scatter,
    sweep,
)

Stereo: TypeAlias = NDArray[np.float32]
LayerMaker: TypeAlias = Callable[[np.random.Generator, int], Stereo]

LOUDNESS_LUFS = -30.0  # of every bed: under a voice, and heard
REFERENCE_S = 12.0  # measured over this much of its beginning
LOOPS_S = (23.0, 29.0, 31.0)  # of the layers, in turn: no two have a common divisor


@dataclass(frozen=True, kw_only=True)
class Bed:
    """Layers, each a loop made for a generator and a length in samples, and what they are in words."""

    layers: Sequence[LayerMaker]
    words: str


def hiss(low_hz: float, high_hz: float, tilt_db: float, level: float, *wander: float) -> LayerMaker:
    """A layer of wide noise between two frequencies; `wander`: by how many decibels, and in about how many seconds."""
    depth_db, slow_s = wander or (0.0, 10.0)

    def make(generator: np.random.Generator, length: int) -> Stereo:
        sides = np.stack([loop_noise(generator, length, low_hz, high_hz, tilt_db) for _ in range(2)])
        drift = loop_drift(generator, length, slow_s, slow_s / 4)
        return level * sides * np.power(10.0, -depth_db * drift / 20, dtype=np.float32)

    return make


def events(
    per_s: float, level: float, one: Callable[[np.random.Generator], NDArray[np.float32]], room_s: float = 1.2
) -> LayerMaker:
    """A layer of single sounds at random times and places, far and near, in one room."""

    def make(generator: np.random.Generator, length: int) -> Stereo:
        line, count = np.zeros((2, length), np.float32), max(round(per_s * length / SOUND_RATE_HZ), 1)
        kinds = [np.atleast_2d(one(generator)).mean(axis=0, dtype=np.float32) for _ in range(min(count, KINDS))]
        for number, start in enumerate(np.sort(generator.integers(0, length, count))):
            sound = kinds[number % KINDS]
            near = float(generator.uniform(0.25, 1)) / max(float(np.abs(sound).max()), 1e-9)
            add_around(line, panned(near * sound, float(generator.uniform(-0.9, 0.9))), int(start))
        ringing = in_room(generator, line, room_s, 0.35)
        loop = np.ascontiguousarray(ringing[:, :length])
        add_around(loop, ringing[:, length:], 0)
        return level * loop

    return make


def patter(per_s: float, level: float, grain: Callable[[np.random.Generator], Wave]) -> LayerMaker:
    """A layer of many small grains, each side its own."""
    return lambda generator, length: level * np.stack([scatter(generator, length, per_s, grain) for _ in range(2)])


def waves(level: float, every_s: float) -> LayerMaker:
    """Breakers that come, break and run back, about `every_s` apart; the two sides a moment apart."""

    def make(generator: np.random.Generator, length: int) -> Stereo:
        line = np.zeros((2, length), np.float32)
        count = round(length / SOUND_RATE_HZ / every_s)
        for number in range(count):
            duration_s = float(generator.uniform(1.1, 1.4)) * every_s
            swell = envelope(duration_s, (0, 0), (0.4 * duration_s, 0.4), (0.5 * duration_s, 1), (duration_s, 0))
            foam = envelope(duration_s, (0.45 * duration_s, 0), (0.55 * duration_s, 1), (duration_s, 0))
            start = round((number + generator.uniform(-0.15, 0.15)) * length / count)
            for side in range(2):
                body = band_noise(generator, duration_s, 80, 700) * swell
                crest = band_noise(generator, duration_s, 900, 7000) * foam
                add_around(line[side], 0.7 * body + 0.4 * crest, start + side * 4800)
        return level * line

    return make


def drone(level: float, pitches_hz: Sequence[float]) -> LayerMaker:
    """Low tones that beat slowly against each other, each coming and going; whole cycles fit into the loop."""

    def make(generator: np.random.Generator, length: int) -> Stereo:
        line = np.zeros((2, length), np.float32)
        for pitch_hz in pitches_hz:
            for side in range(2):
                cycles = round(pitch_hz * (1 + generator.uniform(-0.004, 0.004)) * length / SOUND_RATE_HZ)
                steady = np.full(length, cycles * SOUND_RATE_HZ / length, np.float32)
                line[side] += harmonics(steady, [1, 0.4, 0.2, 0.1]) * loop_drift(generator, length, 12, 4)
        return level * line

    return make


def rain_drop(generator: np.random.Generator) -> Wave:
    high_hz = float(generator.uniform(3000, 11_000))
    return band_noise(generator, 0.012, 1500, high_hz) * decay(0.012, 0.0015) * float(generator.exponential())


def bubble(generator: np.random.Generator) -> Wave:
    pitch_hz = float(generator.uniform(400, 1800))
    rising = sweep(envelope(0.08, (0, pitch_hz), (0.08, 1.4 * pitch_hz)))
    return rising * decay(0.08, 0.012, 0.003) * float(generator.exponential())


def syllables(generator: np.random.Generator) -> Wave:
    """Something said that nobody understands: a few vowels of one voice, from two formants each."""
    pitch_hz, spoken = float(generator.choice([110, 130, 190, 220])) * float(generator.uniform(0.9, 1.1)), []
    for _ in range(int(generator.integers(3, 9))):
        duration_s = float(generator.uniform(0.1, 0.28))
        bend = envelope(duration_s, (0, pitch_hz), (duration_s, pitch_hz * float(generator.uniform(0.85, 1.15))))
        formants_hz = generator.uniform((300, 900), (800, 2300))
        numbers = np.arange(1, 24)[:, None] * pitch_hz
        strengths = np.exp(-np.square((numbers - formants_hz) / 180)).sum(axis=1) / np.arange(1, 24) ** 0.3
        vowel = harmonics(bend, [float(strength) for strength in strengths])
        spoken.append(vowel * envelope(duration_s, (0, 0), (0.04, 1), (duration_s - 0.04, 0.7), (duration_s, 0)))
        spoken.append(np.zeros(int(generator.integers(0, 3000)), np.float32))
    return np.concatenate(spoken)


BEDS = {
    "wind": Bed(
        layers=(hiss(60, 400, -4, 1.0, 18, 9), hiss(350, 900, -6, 0.5, 30, 7), hiss(700, 1400, -6, 0.2, 36, 5)),
        words="wind in gusts over open land",
    ),
    "rain": Bed(
        layers=(hiss(900, 12_000, -3, 0.35, 2, 12), patter(140, 0.15, rain_drop), hiss(120, 600, -3, 0.12, 3, 12)),
        words="steady rain",
    ),
    "storm": Bed(
        layers=(hiss(700, 10_000, -3, 0.5, 6, 7), hiss(60, 500, -4, 0.8, 14, 7), events(0.07, 1.6, nature.thunder, 2)),
        words="rain and wind with thunder",
    ),
    "sea": Bed(layers=(waves(1.0, 7.5), waves(0.6, 9.5), hiss(60, 300, -3, 0.15, 4, 10)), words="waves on a beach"),
    "stream": Bed(
        layers=(patter(60, 0.2, bubble), hiss(400, 5000, -3, 0.2, 3, 8), patter(30, 0.15, bubble)), words="a brook"
    ),
    "fire": Bed(layers=(patter(16, 0.2, nature.spark), hiss(50, 350, -4, 0.35, 10, 3)), words="a fire near by"),
    "city": Bed(
        layers=(
            hiss(40, 250, -5, 0.6, 5, 9),
            events(0.12, 0.8, machines.car),
            hiss(250, 2500, -5, 0.25, 6, 8),
            events(0.035, 0.05, machines.horn, 2.5),
        ),
        words="traffic, near and far",
    ),
    "forest": Bed(
        layers=(hiss(1500, 8000, -4, 0.1, 14, 7), events(0.45, 0.35, nature.bird, 2), hiss(80, 400, -4, 0.08, 6, 9)),
        words="leaves and birds",
    ),
    "night": Bed(
        layers=(
            events(1.3, 0.22, nature.cricket),
            hiss(80, 500, -4, 0.06, 8, 9),
            events(0.07, 0.15, nature.owl, 2.5),
        ),
        words="crickets and an owl",
    ),
    "room": Bed(layers=(hiss(40, 500, -6, 1.0, 1, 14), hiss(500, 5000, -4, 0.08)), words="the tone of a quiet room"),
    "space": Bed(
        layers=(drone(0.4, (41.2, 61.7, 82.4)), hiss(60, 250, -4, 0.3, 14, 12), drone(0.05, (329.6, 493.9, 659.3))),
        words="a deep, slow hum",
    ),
    "crowd": Bed(
        layers=(events(3.5, 0.5, syllables, 1.0), events(2.5, 0.35, syllables, 1.4), hiss(150, 1200, -4, 0.15, 6, 6)),
        words="many people talk at once",
    ),
}


def ambience(name: str, length: int, seed: int = 0) -> Sound:
    """The bed `name`: stereo, `length` samples at 48 kHz, -30 LUFS.

    Raises `InputError` for a name that is not in `BEDS`, or a length below one.
    """
    if name not in BEDS:
        near = difflib.get_close_matches(name, BEDS, n=3) or sorted(BEDS)
        raise InputError(f"ambience: got {name!r}, expected a bed of the library; try {', '.join(near)}")
    if length < 1:
        raise InputError(f"ambience: got {length} samples, expected one or more")
    loops = list(_loops(name, seed))
    gain = 10 ** ((LOUDNESS_LUFS - _loudness(loops)) / 20)
    bed = np.zeros((2, length), np.float32)
    for loop in loops:
        for start in range(0, length, loop.shape[1]):
            bed[:, start : start + loop.shape[1]] += loop[:, : length - start]
    return Sound(bed * np.float32(gain))


def _loops(name: str, seed: int) -> list[Stereo]:
    """The layers of a bed, each free of what is too low to be heard, without breaking its loop."""
    digest = hashlib.sha256(f"{name}:{seed}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    loops = []
    for number, make in enumerate(BEDS[name].layers):
        loop = make(generator, round(LOOPS_S[number % len(LOOPS_S)] * SOUND_RATE_HZ))
        run_in = SOUND_RATE_HZ  # a filter that has heard the end before the beginning knows no seam
        heard = highpass(np.concatenate([loop[:, -run_in:], loop], axis=1), 25.0, SOUND_RATE_HZ, order=2)
        loops.append(heard[:, run_in:])
    return loops


def _loudness(loops: Sequence[Stereo]) -> float:
    length = round(REFERENCE_S * SOUND_RATE_HZ)
    loudness = integrated(Sound(np.sum([loop[:, :length] for loop in loops], axis=0).astype(np.float32)))
    if loudness is None:
        raise InputError("ambience: got silence, expected a bed that is heard; choose another seed")
    return loudness
