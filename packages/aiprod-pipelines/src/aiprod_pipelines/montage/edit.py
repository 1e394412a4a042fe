"""A cut in whole frames: which source shows on which frame of the film, layer over layer, and what is heard when.

Nothing here is a float: positions are whole frames of the film, or exact fractions of a source's frames. Knows no file
format; `conform` makes an edit of a timeline, `render` makes pictures of it, `soundtrack` makes sound.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

from aiprod_pipelines.montage.titles import Title
from aiprod_pipelines.montage.transitions import Transition

Colour: TypeAlias = tuple[int, int, int]  # RGB code values, 0 to 255, BT.1886 at reference white


def same_count(a: Fraction, b: Fraction) -> bool:
    """Whether two rates have one name, such as 24 and 24000/1001: then frames are counted between them, not timed."""
    return round(a) == round(b)


def ratio(to: Fraction, of: Fraction) -> Fraction:
    """Frames at the rate `to` for each frame at the rate `of`; 1 between rates of one name."""
    return Fraction(1) if same_count(to, of) else to / of


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Film frames `[start, end)` that show or sound a stretch of a source.

    The source's position is `at` as the film's frame `start` begins, in frames at `rate` (a frame number, counted from
    the file's first); each frame of the film moves it by `step`: 1 is real time, 0 a freeze, negative is backwards.
    """

    name: str
    source: "Source"
    start: int
    end: int
    rate: Fraction
    at: Fraction = Fraction(0)
    step: Fraction = Fraction(1)

    def position(self, frame: int, rate: Fraction) -> Fraction:
        """Where the source stands as the film is at `frame`, in frames of a source that runs at `rate`."""
        return (self.at + (frame - self.start) * self.step) * ratio(rate, self.rate)

    def picture(self, frame: int, rate: Fraction) -> int:
        """The source's frame for the film's `frame`, of a source that runs at `rate`.

        The nearest: the one on show half a frame on, in whichever frames are the shorter. So a clip begins with its
        first frame at any speed, and a clip played backwards with its last.
        """
        step = self.step * ratio(rate, self.rate)
        half = min(abs(step), Fraction(1)) / 2
        return math.floor(self.position(frame, rate) + (half if step >= 0 else -half))


@dataclass(frozen=True, kw_only=True)
class Shot(Stretch):
    """A stretch of picture. `opacity`: 0 to 1, mixed in light with what lies below."""

    opacity: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Cue(Stretch):
    """A stretch of sound. `fade_in`, `fade_out`: frames at its ends. `role`: what the mix takes it for."""

    gain_db: float = 0.0
    fade_in: int = 0
    fade_out: int = 0
    role: str = "clip"


@dataclass(frozen=True, kw_only=True)
class Blend:
    """Film frames `[start, end)` of a transition; None where a side is empty. The shots run on under it."""

    transition: Transition
    start: int
    end: int
    before: Shot | None
    after: Shot | None

    def progress(self, frame: int) -> float:
        """How far the transition is in the middle of `frame`, between 0 and 1."""
        return (frame - self.start + 0.5) / (self.end - self.start)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One track of pictures: shots and blends in the film's order, none of a kind over another."""

    shots: tuple[Shot, ...]
    blends: tuple[Blend, ...] = ()

    def blend(self, frame: int) -> Blend | None:
        place = bisect_right(self.blends, frame, key=lambda blend: blend.start) - 1
        return self.blends[place] if place >= 0 and frame < self.blends[place].end else None

    def shot(self, frame: int) -> Shot | None:
        place = bisect_right(self.shots, frame, key=lambda shot: shot.start) - 1
        return self.shots[place] if place >= 0 and frame < self.shots[place].end else None

    def shown(self, frame: int) -> tuple[Shot, ...]:
        """The shots that `frame` needs: one, the two of a transition, or none."""
        blend, shot = self.blend(frame), self.shot(frame)
        sides = (shot,) if blend is None else (blend.before, blend.after)
        return tuple(side for side in sides if side is not None)

    def hides(self, frame: int) -> bool:
        """Whether nothing below is seen at `frame`."""
        blend = self.blend(frame)
        shown = self.shown(frame)
        return len(shown) == (1 if blend is None else 2) and all(_is_opaque(shot, frame) for shot in shown)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A cut of `num_frames` at `frame_rate`. `layers`: bottom first. `notes`: what the timeline asks for in vain."""

    name: str
    frame_rate: Fraction
    num_frames: int
    layers: tuple[Layer, ...]
    cues: tuple[Cue, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def duration_s(self) -> float:
        return float(self.num_frames / self.frame_rate)

    def files(self) -> frozenset[Path]:
        """Every file that is seen somewhere."""
        sources = [shot.source for layer in self.layers for shot in layer.shots]
        inner = [source.files() for source in sources if isinstance(source, Edit)]
        return frozenset(source for source in sources if isinstance(source, Path)).union(*inner)

    def visible(self, frame: int) -> tuple[Layer, ...]:
        """The layers that `frame` needs, bottom first: none outside the edit, none below one that hides it."""
        if not 0 <= frame < self.num_frames:
            return ()
        first = max((place for place, layer in enumerate(self.layers) if layer.hides(frame)), default=0)
        return self.layers[first:]


def _is_opaque(shot: Shot, frame: int) -> bool:
    if shot.opacity < 1 or isinstance(shot.source, Title):
        return False
    if isinstance(shot.source, Edit):
        inner = shot.picture(frame, shot.source.frame_rate)
        return any(layer.hides(inner) for layer in shot.source.visible(inner))
    return True


Source: TypeAlias = Path | Colour | Title | Edit
