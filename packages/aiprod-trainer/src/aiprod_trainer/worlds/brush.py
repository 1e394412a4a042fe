"""Tones and strokes: the colours a subject is painted with and the few verbs that put shapes onto a canvas.

Shapes that no pose changes are built once as paths (`ring_of`, `smooth`, `strip`, `inside`); the verbs reuse cached
paints, since the cost of a frame is Python calls and not pixels. Knows nothing about subjects.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import skia

from aiprod_core.errors import InputError

Rgb: TypeAlias = tuple[float, float, float]
Point: TypeAlias = tuple[float, float]

# body, dark (far limbs, markings), light (belly, muzzle), accent (beak, collar, lamp); sRGB, [0, 255].
PAINTBOX: dict[str, tuple[Rgb, Rgb, Rgb, Rgb]] = {
    "red": ((222, 46, 48), (150, 24, 44), (255, 150, 132), (255, 190, 60)),
    "yellow": ((252, 206, 36), (206, 142, 20), (255, 240, 160), (240, 112, 40)),
    "green": ((44, 172, 84), (20, 112, 66), (164, 230, 150), (255, 190, 60)),
    "blue": ((40, 108, 228), (24, 66, 160), (146, 196, 255), (255, 190, 60)),
    "purple": ((142, 66, 196), (92, 36, 140), (210, 162, 246), (255, 190, 60)),
    "white": ((246, 247, 250), (168, 178, 200), (212, 220, 234), (250, 160, 50)),
    "orange": ((250, 118, 22), (186, 80, 16), (255, 204, 140), (255, 226, 110)),
    "pink": ((250, 132, 186), (204, 78, 140), (255, 206, 226), (255, 206, 90)),
    "black": ((52, 54, 66), (26, 27, 36), (120, 124, 140), (255, 190, 60)),
    "brown": ((148, 90, 46), (96, 54, 28), (206, 160, 112), (255, 190, 60)),
}
INK: Rgb = (30, 28, 38)
WHITE: Rgb = (255, 255, 255)
GLASS: Rgb = (180, 220, 245)
SKIN: Rgb = (244, 196, 158)


@dataclass(frozen=True)
class Tones:
    """The colours of one subject as skia colours (0xAARRGGBB). `white` is for eyes and tusks, `glass` for windows,
    `skin` for people."""

    body: int
    dark: int
    light: int
    accent: int
    ink: int
    white: int = 0xFFFFFFFF
    glass: int = 0xFFB4DCF5
    skin: int = 0xFFF4C49E


@functools.lru_cache(maxsize=1024)
def tones(colour_name: str, tint: Rgb = (1.0, 1.0, 1.0)) -> Tones:
    """The tones of a colour of the vocabulary. `tint` multiplies r, g, b: the light of the time of day, [0, 1.2].

    Raises `InputError` for a colour without an entry in `PAINTBOX`.
    """
    if colour_name not in PAINTBOX:
        raise InputError(f"colour: got {colour_name!r}, expected one of {', '.join(PAINTBOX)}; add it to PAINTBOX")
    body, dark, light, accent = (_tinted(rgb, tint) for rgb in PAINTBOX[colour_name])
    ink, white, glass, skin = (_tinted(rgb, tint) for rgb in (INK, WHITE, GLASS, SKIN))
    return Tones(body=body, dark=dark, light=light, accent=accent, ink=ink, white=white, glass=glass, skin=skin)


def _tinted(rgb: Rgb, tint: Rgb) -> int:
    red, green, blue = (min(255, max(0, round(channel * factor))) for channel, factor in zip(rgb, tint, strict=True))
    return 0xFF000000 | red << 16 | green << 8 | blue


@functools.lru_cache(maxsize=4096)
def _filling(colour: int) -> skia.Paint:
    return skia.Paint(AntiAlias=True, Color=colour)


@functools.lru_cache(maxsize=4096)
def _stroking(colour: int, width: float) -> skia.Paint:
    return skia.Paint(
        AntiAlias=True,
        Color=colour,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )


def fill(canvas: skia.Canvas, path: skia.Path, colour: int) -> None:
    """Fill a path."""
    canvas.drawPath(path, _filling(colour))


def dot(canvas: skia.Canvas, x: float, y: float, radius: float, colour: int) -> None:
    """Fill a circle."""
    canvas.drawCircle(x, y, radius, _filling(colour))


def oval(canvas: skia.Canvas, x: float, y: float, radius_x: float, radius_y: float, colour: int) -> None:
    """Fill an ellipse around (x, y)."""
    canvas.drawOval(skia.Rect(x - radius_x, y - radius_y, x + radius_x, y + radius_y), _filling(colour))


def block(
    canvas: skia.Canvas, left: float, top: float, right: float, bottom: float, corner: float, colour: int
) -> None:
    """Fill a rectangle with rounded corners."""
    canvas.drawRoundRect(skia.Rect(left, top, right, bottom), corner, corner, _filling(colour))


def line(canvas: skia.Canvas, points: Sequence[Point], width: float, colour: int) -> None:
    """Stroke straight segments with round caps and joints."""
    canvas.drawPath(skia.Path.Polygon(points, False), _stroking(colour, width))


def bow(canvas: skia.Canvas, start: Point, via: Point, towards: Point, end: Point, width: float, colour: int) -> None:
    """Stroke one cubic curve with round caps; `via` and `towards` are its control points."""
    path = skia.Path()
    path.moveTo(*start)
    path.cubicTo(*via, *towards, *end)
    canvas.drawPath(path, _stroking(colour, width))


def ring_of(x: float, y: float, radius_x: float, radius_y: float | None = None) -> skia.Path:
    """An ellipse as a path."""
    high = radius_x if radius_y is None else radius_y
    return skia.Path.Oval(skia.Rect(x - radius_x, y - high, x + radius_x, y + high))


def slab(left: float, top: float, right: float, bottom: float, corner: float) -> skia.Path:
    """A rectangle with rounded corners as a path."""
    path = skia.Path()
    path.addRoundRect(skia.Rect(left, top, right, bottom), corner, corner)
    return path


def facets(*points: Point) -> skia.Path:
    """A closed polygon."""
    return skia.Path.Polygon(points, True)


def smooth(*points: Point) -> skia.Path:
    """A closed smooth curve through the points: a uniform Catmull-Rom spline (Catmull & Rom 1974)."""
    path = skia.Path()
    path.moveTo(*points[0])
    count = len(points)
    for index in range(count):
        before, here, there, after = (points[(index + step) % count] for step in (-1, 0, 1, 2))
        path.cubicTo(
            here[0] + (there[0] - before[0]) / 6,
            here[1] + (there[1] - before[1]) / 6,
            there[0] - (after[0] - here[0]) / 6,
            there[1] - (after[1] - here[1]) / 6,
            *there,
        )
    path.close()
    return path


def strip(start: Point, via: Point, towards: Point, end: Point, width: float) -> skia.Path:
    """The outline of a stroked cubic with round caps: filling it is cheaper than stroking it anew."""
    curve, outline = skia.Path(), skia.Path()
    curve.moveTo(*start)
    curve.cubicTo(*via, *towards, *end)
    # Stroking happens at unit scale here: without the resolution hint a 1-unit subject gets ten-sided caps.
    _stroking(0, width).getFillPath(curve, outline, None, 500.0)
    return outline


def joined(*paths: skia.Path) -> skia.Path:
    """The union of shapes, as one path that is filled with one call."""
    return functools.reduce(lambda one, two: _combined(one, two, skia.PathOp.kUnion_PathOp), paths)


def inside(path: skia.Path, clip: skia.Path) -> skia.Path:
    """The part of a marking that lies on a shape."""
    return _combined(path, clip, skia.PathOp.kIntersect_PathOp)


def _combined(one: skia.Path, two: skia.Path, operation: skia.PathOp) -> skia.Path:
    # Path operations work to an absolute tolerance that is too coarse for shapes of unit size.
    large = skia.Matrix.Scale(1024, 1024)
    one_large, two_large, result = skia.Path(), skia.Path(), skia.Path()
    one.transform(large, one_large)
    two.transform(large, two_large)
    skia.Op(one_large, two_large, operation).transform(skia.Matrix.Scale(1 / 1024, 1 / 1024), result)
    return result


def turn(canvas: skia.Canvas, x: float, y: float, angle: float) -> None:
    """Rotate what follows by `angle` radians (clockwise on screen) about (x, y); `canvas.restore` undoes it."""
    canvas.save()
    canvas.rotate(math.degrees(angle), x, y)
