"""How one picture becomes the next: dissolve, fade, wipe, slide, push, dip. Pure functions of two frames.

Whatever mixes, mixes light and not code values, as an optical printer would; a wipe or a push only moves pixels. Knows
no timeline; `conform` turns the names that editing programs use into a `Transition`.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.color.transfer import from_light, to_light
from aiprod_pipelines.montage.light import sdr_light
from aiprod_pipelines.picture import Encoding, Frame

BLACK = (0, 0, 0)
DEPTHS: dict[str, type[np.uint8] | type[np.uint16]] = {"uint8": np.uint8, "uint16": np.uint16}


class Kind(StrEnum):
    """The transitions that the studio draws. A fade has a picture on one side only; a dip has one on both."""

    DISSOLVE = "dissolve"
    FADE = "fade"
    DIP = "dip"
    WIPE = "wipe"
    SLIDE = "slide"
    PUSH = "push"


class Direction(StrEnum):
    """Where the edge of a wipe, or the coming picture, moves to."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A way from one picture to the next.

    `direction`: of wipe, slide and push. `colour`: RGB code values 0 to 255 that a fade or a dip goes through, BT.1886
    at reference white. `softness`: width of a wipe's edge as a part of the picture, 0 hard to 1. Raises `InputError`.
    """

    kind: Kind = Kind.DISSOLVE
    direction: Direction = Direction.RIGHT
    colour: tuple[int, int, int] = BLACK
    softness: float = 0.0

    def __post_init__(self) -> None:
        if len(self.colour) != 3 or not all(0 <= value <= 255 for value in self.colour):
            raise InputError(f"transition: got the colour {self.colour}, expected three values from 0 to 255")
        if not 0 <= self.softness <= 1:
            raise InputError(f"transition: got a softness of {self.softness}, expected 0 (hard) to 1")

    def mix(self, a: Frame | None, b: Frame | None, progress: float, encoding: Encoding) -> Frame:
        """The picture `progress` (0 to 1) of the way from `a` to `b`, `[h w 3]` of one size and depth.

        None is the absence of a picture, possible on one side: a fade comes from its colour, all else from black.
        Raises `InputError` where both are absent.
        """
        some = b if a is None else a
        if some is None:
            raise InputError("transition: got no picture on either side, expected at least one")
        empty = self.colour if self.kind is Kind.FADE else BLACK
        before = solid(empty, some, encoding) if a is None else a
        after = solid(empty, some, encoding) if b is None else b
        if self.kind is Kind.FADE and a is not None and b is not None:
            return dip(before, after, progress, encoding, self.colour)
        match self.kind:
            case Kind.DISSOLVE | Kind.FADE:
                return dissolve(before, after, progress, encoding)
            case Kind.DIP:
                return dip(before, after, progress, encoding, self.colour)
            case Kind.WIPE:
                return wipe(before, after, progress, encoding, self.direction, self.softness)
            case Kind.SLIDE:
                return slide(before, after, progress, self.direction)
            case Kind.PUSH:
                return push(before, after, progress, self.direction)


def dissolve(a: Frame, b: Frame, progress: float, encoding: Encoding) -> Frame:
    """`(1 - progress) · a + progress · b` in light, as code values of their depth."""
    if a.dtype == np.uint8 and encoding is not Encoding.HLG:
        return _pair_table(progress, encoding)[(a.astype(np.uint16) << 8) | b]
    mixed = np.float32(1 - progress) * to_light(a, encoding) + np.float32(progress) * to_light(b, encoding)
    return from_light(mixed, encoding, DEPTHS[a.dtype.name])


def dip(a: Frame, b: Frame, progress: float, encoding: Encoding, colour: tuple[int, int, int] = BLACK) -> Frame:
    """From `a` to a colour in the first half, from the colour to `b` in the second."""
    middle = solid(colour, a, encoding)
    if progress < 0.5:
        return dissolve(a, middle, 2 * progress, encoding)
    return dissolve(middle, b, 2 * progress - 1, encoding)


def wipe(a: Frame, b: Frame, progress: float, encoding: Encoding, direction: Direction, softness: float = 0.0) -> Frame:
    """`b` uncovered by an edge that moves in `direction`; a soft edge mixes in light over `softness` of the picture."""
    across = direction in (Direction.LEFT, Direction.RIGHT)
    length = a.shape[1 if across else 0]
    places = (np.arange(length) + 0.5) / length  # [l], the way of the edge
    if direction in (Direction.LEFT, Direction.UP):
        places = places[::-1]
    edge = progress * (1 + softness)
    cover = ((edge - places) / softness).clip(0, 1) if softness else (places < edge).astype(np.float64)
    where = (None, slice(None), None) if across else (slice(None), None, None)  # `[l]` along the picture
    result = np.where(cover[where] >= 1, b, a)
    band = np.flatnonzero((cover > 0) & (cover < 1))
    if band.size:
        span = (slice(None), band) if across else (band, slice(None))
        weight = cover[band].astype(np.float32)[where]
        mixed = (1 - weight) * to_light(a[span], encoding) + weight * to_light(b[span], encoding)
        result[span] = from_light(mixed, encoding, DEPTHS[a.dtype.name])
    return result


def slide(a: Frame, b: Frame, progress: float, direction: Direction) -> Frame:
    """`b` moves in over `a`, which stays."""
    result = a.copy()
    shift, axis, towards_end = _shift(a, progress, direction)
    if shift:
        incoming = (slice(-shift, None), slice(0, shift)) if towards_end else (slice(0, shift), slice(-shift, None))
        result[_at(axis, incoming[1])] = b[_at(axis, incoming[0])]
    return result


def push(a: Frame, b: Frame, progress: float, direction: Direction) -> Frame:
    """`b` moves in and pushes `a` out."""
    result = np.empty_like(a)
    shift, axis, towards_end = _shift(a, progress, direction)
    first, second, seam = (b, a, shift) if towards_end else (a, b, a.shape[axis] - shift)
    length = a.shape[axis]
    result[_at(axis, slice(0, seam))] = first[_at(axis, slice(length - seam, length))]
    result[_at(axis, slice(seam, length))] = second[_at(axis, slice(0, length - seam))]
    return result


def solid(colour: tuple[int, int, int], like: Frame, encoding: Encoding) -> Frame:
    """A frame of one colour, of the size and depth of `like`; the colour is BT.1886, its white at reference white."""
    pixel = np.asarray(colour, np.uint8)[None, None]
    code = from_light(sdr_light(pixel, encoding), encoding, DEPTHS[like.dtype.name])
    return np.ascontiguousarray(np.broadcast_to(code, like.shape))


def _pair_table(progress: float, encoding: Encoding) -> NDArray[np.uint8]:
    """The mix of every pair of 8-bit codes, at `a · 256 + b`: one lookup a value, with the bits of the long way."""
    light = to_light(np.arange(256, dtype=np.uint8), encoding)
    mixed = np.float32(1 - progress) * light[:, None] + np.float32(progress) * light[None, :]
    table: NDArray[np.uint8] = from_light(mixed, encoding, np.uint8).reshape(-1)  # type: ignore[assignment]
    return table


def _shift(frame: Frame, progress: float, direction: Direction) -> tuple[int, int, bool]:
    """Pixels that the coming picture has moved in, along which axis, and whether towards its end."""
    axis = 1 if direction in (Direction.LEFT, Direction.RIGHT) else 0
    return round(progress * frame.shape[axis]), axis, direction in (Direction.RIGHT, Direction.DOWN)


def _at(axis: int, span: slice) -> tuple[slice, slice]:
    return (span, slice(None)) if axis == 0 else (slice(None), span)
