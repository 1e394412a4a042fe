"""A piece of music as notes: composed from a mood, a tempo, a length and a seed, before any sound is made.

Knows keys, chords and form, not how instruments sound (`instruments`) nor how they are put together (`music`). Every
note lies in the key; the last chord is the tonic's.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from aiprod_core.errors import InputError

BEATS_A_BAR = 4
SLOWEST_BPM, FASTEST_BPM = 40.0, 200.0
LEAST_RING_BEATS = 2.0  # the last chord sounds at least this long
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
LYDIAN, DORIAN, PHRYGIAN = (0, 2, 4, 6, 7, 9, 11), (0, 2, 3, 5, 7, 9, 10), (0, 1, 3, 5, 7, 8, 10)


class Mood(StrEnum):
    CALM = "calm"
    HAPPY = "happy"
    SAD = "sad"
    TENSE = "tense"
    EPIC = "epic"
    MYSTERIOUS = "mysterious"
    PLAYFUL = "playful"
    NEUTRAL = "neutral"


class Part(StrEnum):
    """Who plays a note: `instruments` has one for each."""

    PAD = "pad"
    KEYS = "keys"
    PLUCK = "pluck"
    MALLET = "mallet"
    GLASS = "glass"
    STRINGS = "strings"
    BRASS = "brass"
    BASS = "bass"
    DRUM = "drum"
    SHAKER = "shaker"
    CLAP = "clap"


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a mood is played. `chords`: degrees of the scale, from 0, two bars of four each way through.

    `cadence`: the degree that leads home. `figure`, `tune`: who plays arpeggios and melody; None for nobody. `pulse`:
    beats between notes of the figure, and of the bass. `drums`: patterns of sixteenths, x for a stroke.
    """

    bpm: float
    scale: tuple[int, ...]
    chords: tuple[tuple[int, ...], ...]
    cadence: int
    ground: Part
    figure: Part | None
    tune: Part | None
    pulse: float
    bass_pulse: float
    drums: dict[Part, str]


STYLES = {
    Mood.CALM: Style(
        bpm=72,
        scale=LYDIAN,
        chords=((0, 4, 5, 3), (0, 2, 5, 4)),
        cadence=4,
        ground=Part.PAD,
        figure=Part.KEYS,
        tune=None,
        pulse=1.0,
        bass_pulse=4.0,
        drums={},
    ),
    Mood.HAPPY: Style(
        bpm=112,
        scale=MAJOR,
        chords=((0, 4, 5, 3), (0, 3, 0, 4)),
        cadence=4,
        ground=Part.PAD,
        figure=Part.PLUCK,
        tune=Part.MALLET,
        pulse=0.5,
        bass_pulse=1.0,
        drums={Part.DRUM: "x.......x.......", Part.SHAKER: "x.x.x.x.x.x.x.x.", Part.CLAP: "....x.......x..."},
    ),
    Mood.SAD: Style(
        bpm=66,
        scale=MINOR,
        chords=((0, 5, 2, 6), (0, 3, 5, 4)),
        cadence=4,
        ground=Part.STRINGS,
        figure=Part.KEYS,
        tune=Part.KEYS,
        pulse=1.0,
        bass_pulse=4.0,
        drums={},
    ),
    Mood.TENSE: Style(
        bpm=100,
        scale=PHRYGIAN,
        chords=((0, 0, 1, 0), (0, 5, 1, 0)),
        cadence=1,
        ground=Part.STRINGS,
        figure=Part.BASS,
        tune=None,
        pulse=0.5,
        bass_pulse=2.0,
        drums={Part.DRUM: "x.....x.x.......", Part.SHAKER: "..x...x...x...x."},
    ),
    Mood.EPIC: Style(
        bpm=92,
        scale=MINOR,
        chords=((0, 5, 2, 6), (0, 3, 5, 6)),
        cadence=6,
        ground=Part.STRINGS,
        figure=Part.STRINGS,
        tune=Part.BRASS,
        pulse=0.5,
        bass_pulse=1.0,
        drums={Part.DRUM: "x..x..x.x..x.x.x"},
    ),
    Mood.MYSTERIOUS: Style(
        bpm=76,
        scale=DORIAN,
        chords=((0, 3, 0, 6), (0, 2, 3, 6)),
        cadence=6,
        ground=Part.PAD,
        figure=Part.GLASS,
        tune=None,
        pulse=1.5,
        bass_pulse=4.0,
        drums={Part.SHAKER: "x.......x......."},
    ),
    Mood.PLAYFUL: Style(
        bpm=124,
        scale=MAJOR,
        chords=((0, 5, 1, 4), (0, 3, 1, 4)),
        cadence=4,
        ground=Part.PLUCK,
        figure=Part.PLUCK,
        tune=Part.MALLET,
        pulse=0.5,
        bass_pulse=2.0,
        drums={Part.SHAKER: "x.xxx.x.x.xxx.x.", Part.CLAP: "....x.......x.x."},
    ),
    Mood.NEUTRAL: Style(
        bpm=92,
        scale=MAJOR,
        chords=((0, 5, 3, 4), (0, 2, 3, 4)),
        cadence=4,
        ground=Part.PAD,
        figure=Part.KEYS,
        tune=None,
        pulse=0.5,
        bass_pulse=2.0,
        drums={Part.SHAKER: "..x...x...x...x."},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Note:
    """`start`, `length`: in beats. `pitch`: of MIDI, 60 is middle C; of no meaning for drums. `strength`: (0, 1]."""

    part: Part
    start: float
    length: float
    pitch: int
    strength: float


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Notes, in the order in which they begin, and what they are made by. `key`: pitch class of the tonic, C is 0."""

    mood: Mood
    bpm: float
    duration_s: float
    key: int
    bars: int  # before the last chord
    notes: tuple[Note, ...]

    def beats(self) -> tuple[float, ...]:
        """The time of every beat, up to that of the last chord."""
        return tuple(number * 60 / self.bpm for number in range(self.bars * BEATS_A_BAR + 1))

    def pitch_classes(self) -> frozenset[int]:
        """Those of its key, C being 0."""
        return frozenset((self.key + step) % 12 for step in STYLES[self.mood].scale)


def compose(mood: Mood, duration_s: float, bpm: float | None = None, seed: int = 0) -> Piece:
    """A piece of `duration_s`: intro, body, and an ending whose last chord begins on a bar and rings to the end.

    `bpm`: beats a minute, kept exactly; left out, that of the mood. Raises `InputError` for a tempo or a length that
    cannot be.
    """
    style = STYLES[mood]
    tempo = style.bpm if bpm is None else bpm
    if not SLOWEST_BPM <= tempo <= FASTEST_BPM:
        raise InputError(
            f"music: got {tempo:g} beats a minute, expected {SLOWEST_BPM:g} to {FASTEST_BPM:g}; choose another tempo"
        )
    if not 0 < duration_s < math.inf:
        raise InputError(f"music: got {duration_s:g} s, expected a length above 0")
    generator = np.random.default_rng([seed, list(Mood).index(mood)])
    key = int(generator.integers(12))
    bars = max(math.floor((duration_s * tempo / 60 - LEAST_RING_BEATS) / BEATS_A_BAR), 0)
    ring = duration_s * tempo / 60 - bars * BEATS_A_BAR
    writer = _Writer(style, key, bars, generator)
    notes = sorted([*writer.body(), *writer.ending(ring)], key=lambda note: (note.start, note.part, note.pitch))
    return Piece(mood=mood, bpm=tempo, duration_s=duration_s, key=key, bars=bars, notes=tuple(notes))


class _Writer:
    """Writes the notes of one piece, part by part."""

    def __init__(self, style: Style, key: int, bars: int, generator: np.random.Generator) -> None:
        self.style, self.key, self.bars, self.generator = style, key, bars, generator
        self.intro = min(bars // 4, 4)  # bars
        phrase = len(style.chords[0])
        degrees = [style.chords[bar // phrase % 2 if bar // phrase % 4 > 1 else 0][bar % phrase] for bar in range(bars)]
        self.degrees = [*degrees[: max(bars - 1, 0)], *([style.cadence] if bars else [])]
        self.motif = self._motif()

    def body(self) -> Iterator[Note]:
        """All bars before the last chord."""
        for bar, degree in enumerate(self.degrees):
            yield from self._ground(bar, degree)
            if bar >= self.intro // 2:
                yield from self._bass(bar, degree)
            if bar >= self.intro and self.style.figure is not None:
                yield from self._figure(bar, degree, self.style.figure)
            if self.intro <= bar < self.bars - 1 and self.style.tune is not None and bar // 4 % 3 < 2:
                yield from self._tune(bar, degree, self.style.tune)
            if self.intro <= bar < self.bars - 1:
                yield from self._drums(bar)

    def ending(self, ring: float) -> Iterator[Note]:
        """The tonic, in all that sounded before."""
        start = float(self.bars * BEATS_A_BAR)
        for place, pitch in enumerate(self._chord(0)):
            yield Note(part=self.style.ground, start=start, length=ring, pitch=pitch, strength=0.6)
            if self.style.figure is not None and self.style.figure is not Part.BASS:
                rolled = min(0.12 * place, ring / 2)
                yield Note(
                    part=self.style.figure, start=start + rolled, length=ring - rolled, pitch=pitch + 12, strength=0.5
                )
        yield Note(part=Part.BASS, start=start, length=ring, pitch=self._within(0, 36), strength=0.8)

    def _pitch(self, degree: int) -> int:
        """The note of a degree of the scale, from the tonic at or above the A below middle C."""
        octave, step = divmod(degree, 7)
        return 57 + (self.key - 57) % 12 + self.style.scale[step] + 12 * octave

    def _within(self, degree: int, lowest: int) -> int:
        """The note of a degree in the octave that begins at the pitch `lowest`."""
        return lowest + (self._pitch(degree) - lowest) % 12

    def _chord(self, degree: int) -> list[int]:
        """Root, third and fifth, in the position that lies closest around middle C."""
        return sorted(self._within(degree + third, 55) for third in (0, 2, 4))

    def _ground(self, bar: int, degree: int) -> Iterator[Note]:
        short = self.style.ground is Part.PLUCK
        for pitch in self._chord(degree):
            for beat in (1, 3) if short else (0,):
                yield Note(
                    part=self.style.ground,
                    start=bar * BEATS_A_BAR + beat,
                    length=0.5 if short else BEATS_A_BAR,
                    pitch=pitch,
                    strength=0.45,
                )

    def _bass(self, bar: int, degree: int) -> Iterator[Note]:
        for number, beat in enumerate(np.arange(0, BEATS_A_BAR, self.style.bass_pulse)):
            fifth = number % 4 == 3 or (self.style.bass_pulse == 2 and number == 1)
            pitch = self._within(degree + (4 if fifth else 0), 36)
            start = bar * BEATS_A_BAR + float(beat)
            yield Note(part=Part.BASS, start=start, length=0.9 * self.style.bass_pulse, pitch=pitch, strength=0.7)

    def _figure(self, bar: int, degree: int, part: Part) -> Iterator[Note]:
        low = part is Part.BASS
        chord = [self._within(degree, 36)] * 3 if low else [pitch + 12 for pitch in self._chord(degree)]
        for number, beat in enumerate(np.arange(0, BEATS_A_BAR, self.style.pulse)):
            strength = 0.5 if beat % 1 == 0 else 0.35
            start = bar * BEATS_A_BAR + float(beat)
            pitch = chord[(0, 1, 2, 1)[number % 4]]
            yield Note(part=part, start=start, length=self.style.pulse, pitch=pitch, strength=strength)

    def _motif(self) -> list[tuple[float, float, int]]:
        """Two bars of a tune: beat, length, and steps above the chord's root; on its tones where the beat is strong."""
        motif, beat, step = [], 0.0, int(self.generator.choice([2, 4, 7]))
        while beat < 2 * BEATS_A_BAR - 1:
            length = float(self.generator.choice([0.5, 1.0, 1.0, 1.5, 2.0]))
            if beat % 2 == 0:
                step = min((0, 2, 4, 7, 9), key=lambda tone: abs(tone - step))
            motif.append((beat, length, step))
            step = int(np.clip(step + self.generator.choice([-2, -1, -1, 1, 1, 2]), 0, 9))
            beat += length
        return motif

    def _tune(self, bar: int, degree: int, part: Part) -> Iterator[Note]:
        half = (bar - self.intro) % 2
        for beat, length, step in self.motif:
            if half * BEATS_A_BAR <= beat < (half + 1) * BEATS_A_BAR:
                start = bar * BEATS_A_BAR + beat - half * BEATS_A_BAR
                pitch = self._pitch(degree % 7 + step)
                yield Note(part=part, start=start, length=length, pitch=pitch, strength=0.65)

    def _drums(self, bar: int) -> Iterator[Note]:
        for part, pattern in self.style.drums.items():
            for number, mark in enumerate(pattern):
                if mark == "x":
                    strength = 0.8 if number % 4 == 0 else 0.5
                    start = bar * BEATS_A_BAR + number / 4
                    yield Note(part=part, start=start, length=0.25, pitch=60, strength=strength)
