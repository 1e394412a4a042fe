"""When everything in a film happens, in whole frames of the film: how long each part is, and what overlaps it.

A part is a shot, the title's card, or the credits. A transition lies over the cut between two parts, half before it and
half after, so both run on under it: they need so many frames more than they are seen. Knows no timeline and renders
nothing; it looks into a storyboard's own clips to know how long they are.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import TypeAlias

from aiprod_core.errors import InputError
from aiprod_pipelines.film.rhythm import beats_s, on_beats
from aiprod_pipelines.film.shot import Shot, Transition
from aiprod_pipelines.film.storyboard import SHOT_S, Storyboard
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.sound.file import duration_s as recorded_s
from aiprod_pipelines.speech_time import speaking_s

CARD_S = 2.5
CREDITS_S = 2.0  # and so long for each line
CREDIT_LINE_S = 0.7
BREATH_S = 0.3  # between two lines, and after the last
LEAST_FRAMES = 2
_Named: TypeAlias = tuple[str, Shot | None, int, Transition | None]  # a part: name, shot, frames, how it is entered


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the film: frames `[start, start + length)`, and `head` and `tail` more under transitions.

    `shot`: None for a card. `into`: how it is entered, and in how many frames; None for a cut.
    """

    name: str
    start: int
    length: int
    head: int
    tail: int
    shot: Shot | None = None
    into: Transition | None = None
    into_frames: int = 0

    @property
    def frames(self) -> int:
        """Frames that are needed of it in all."""
        return self.head + self.length + self.tail


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A line of dialogue in the film. `start_s`, `duration_s`: in the film, estimated where no recording tells."""

    shot: Shot
    number: int
    start_s: float
    duration_s: float


@dataclass(frozen=True)
class Timing:
    """The times of a film. Raises `InputError` naming the field where they cannot be had."""

    storyboard: Storyboard

    @cached_property
    def rate(self) -> Fraction:
        return self.storyboard.rate

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """All parts in order."""
        lengths = [self._length(shot, index) for index, shot in enumerate(self.storyboard.shots)]
        named: list[_Named] = [
            (shot.id, shot, length, shot.transition)
            for shot, length in zip(self.storyboard.shots, lengths, strict=True)
        ]
        title = self.storyboard.title
        if title is not None and title.show == "card":
            named.insert(0, ("title", None, self.frames(title.duration_s or CARD_S), None))
        if self.storyboard.credits:
            credits_s = CREDITS_S + CREDIT_LINE_S * len(self.storyboard.credits)
            named.append(("credits", None, self.frames(credits_s), Transition(kind="dissolve")))
        return tuple(self._placed(self._in_rhythm(named)))

    def _in_rhythm(self, named: Sequence[_Named]) -> Sequence[_Named]:
        """The same with cuts on the beats of the music, where the storyboard wants that."""
        music = self.storyboard.music
        if music is None or not music.on_beat:
            return named
        lengths_s = [float(length / self.rate) for _, _, length, _ in named]
        longest_s = [
            length_s if shot is not None and shot.clip is not None else math.inf
            for length_s, (_, shot, _, _) in zip(lengths_s, named, strict=True)
        ]
        moved_s = on_beats(lengths_s, longest_s, beats_s(music, sum(lengths_s), self.storyboard.seed))
        ends = [round(Fraction(end_s).limit_denominator(1_000_000) * self.rate) for end_s in accumulate(moved_s)]
        return [
            (name, shot, end - start, into)
            for (name, shot, _, into), start, end in zip(named, [0, *ends], ends, strict=False)
        ]

    @cached_property
    def ending_frames(self) -> int:
        """Frames of the fade at the end; 0 for none."""
        ending = self.storyboard.ending
        return 0 if ending.kind == "cut" else min(self.frames(ending.duration_s), self.parts[-1].length // 2)

    @property
    def num_frames(self) -> int:
        """Frames of the whole film."""
        return self.parts[-1].start + self.parts[-1].length

    def part(self, shot: Shot) -> Part:
        """Where a shot stands."""
        return next(part for part in self.parts if part.shot is shot)

    def frames(self, duration_s: float) -> int:
        """The whole number of film frames nearest to `duration_s`, at least two."""
        return max(round(Fraction(duration_s).limit_denominator(1_000_000) * self.rate), LEAST_FRAMES)

    @cached_property
    def dialogue(self) -> tuple[Spoken, ...]:
        """Every line in the film's own time."""
        return tuple(
            Spoken(
                shot=shot,
                number=number,
                start_s=float(self.part(shot).start / self.rate) + start_s,
                duration_s=duration_s,
            )
            for shot in self.storyboard.shots
            for number, (start_s, duration_s) in enumerate(self._lines(shot))
        )

    def _lines(self, shot: Shot) -> Iterator[tuple[float, float]]:
        """Start in the shot and duration of each of its lines: as written, else one after the other."""
        now_s = BREATH_S
        for line in shot.dialogue:
            start_s = now_s if line.start_s is None else line.start_s
            if line.file is not None:
                duration_s = recorded_s(line.file)
            else:
                duration_s = speaking_s(line.line, self.storyboard.language)
            yield start_s, duration_s
            now_s = start_s + duration_s + BREATH_S

    def _length(self, shot: Shot, index: int) -> int:
        where = f"shots[{index + 1}]"
        if shot.clip is None:
            said_s = max((start_s + duration_s + BREATH_S for start_s, duration_s in self._lines(shot)), default=0.0)
            return self.frames(
                max(SHOT_S[self.storyboard.pacing], said_s) if shot.duration_s is None else shot.duration_s
            )
        footage = Footage.open(shot.clip)
        end_s = min(footage.duration_s, shot.end_s or footage.duration_s)
        there = self.frames((end_s - (shot.start_s or 0.0)) / shot.speed) if end_s > (shot.start_s or 0.0) else 0
        there -= sum(self._handles(index))
        wanted = there if shot.duration_s is None else self.frames(shot.duration_s)
        if wanted > there or wanted < LEAST_FRAMES:
            field = "clip" if shot.duration_s is None else "duration"
            raise InputError(
                f"{where}.{field}: got {float(wanted / self.rate):.2f} s of {shot.clip.name}, of which "
                f"{max(float(there / self.rate), 0):.2f} s are there beside its transitions; shorten one of them, or "
                "choose another span of the clip"
            )
        return wanted

    def _handles(self, index: int) -> tuple[int, int]:
        """Frames that shot `index` needs before and after what is seen of it, if its neighbours are long enough."""
        shots: Sequence[Shot | None] = [*self.storyboard.shots, None]
        after = shots[index + 1]
        carded = self.storyboard.title is not None and self.storyboard.title.show == "card"
        head = self._wanted(self.storyboard.shots[index].transition) // 2 if index or carded else 0
        leaving = self._wanted(after.transition) if after is not None else 0
        if after is None and self.storyboard.credits:
            leaving = self._wanted(Transition(kind="dissolve"))
        return head, leaving - leaving // 2

    def _wanted(self, transition: Transition | None) -> int:
        return 0 if transition is None or transition.kind == "cut" else self.frames(transition.duration_s)

    def _placed(self, named: Sequence[_Named]) -> Iterator[Part]:
        overlaps = [
            min(self._wanted(into), length, named[number - 1][2] if number else length // 2)
            for number, (_, _, length, into) in enumerate(named)
        ]
        start = 0
        for number, (name, shot, length, into) in enumerate(named):
            leaving = overlaps[number + 1] if number + 1 < len(named) else 0
            yield Part(
                name=name,
                shot=shot,
                start=start,
                length=length,
                head=overlaps[number] // 2 if number else 0,
                tail=leaving - leaving // 2,
                into=into if overlaps[number] else None,
                into_frames=overlaps[number],
            )
            start += length
