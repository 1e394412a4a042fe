"""Shapes of scenery: a canvas that speaks in frame heights, light and depth.

The origin is the middle of the frame's upper edge, y grows downwards, one unit is the frame's height.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import skia

from aiprod_trainer.worlds.palette import SNOW, Light, Rgb, mix

BOTTOM = 1.8  # how far down scenery is painted: a tilted or shaking camera sees below the frame
RIDGE_STEP = 0.02

Point = tuple[float, float]


def paint_of(colour: Rgb, strength: float = 1.0) -> skia.Paint:
    return skia.Paint(AntiAlias=True, Color4f=skia.Color4f(*colour, strength))


@dataclass(frozen=True)
class Pencil:
    """Draws one layer. `depth`: 0 at the hero's feet, 1 at the horizon. `reach`: half the width to cover.

    `shift` slides what repeats along the layer; `growth` scales what stands on it.
    """

    canvas: skia.Canvas
    light: Light
    depth: float
    reach: float
    shift: float = 0.0
    growth: float = 1.0

    def paint(self, colour: Rgb, strength: float = 1.0) -> skia.Paint:
        return paint_of(self.light.on(colour, self.depth), strength)

    def snowed(self, colour: Rgb, share: float = 1.0) -> Rgb:
        """`colour` of something that snow lies on, where snow falls."""
        return mix(colour, SNOW, self.light.snow_cover * share)

    def places(self, period: float) -> Iterator[float]:
        """Where a pattern that repeats every `period` begins, over the whole layer."""
        for number in range(math.floor((-self.reach - self.shift) / period) - 1, math.ceil(self.reach / period) + 2):
            yield number * period + self.shift

    def polygon(self, points: Sequence[Point], colour: Rgb) -> None:
        self.canvas.drawPath(skia.Path.Polygon([skia.Point(*p) for p in points], True), self.paint(colour))

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        colour: Rgb,
        radius: float = 0.0,
        *,
        glows: bool = False,
    ) -> None:
        """A box with rounded corners. `glows`: it gives light itself, so that only the haze dims it."""
        box = skia.Rect.MakeLTRB(left, top, right, bottom)
        haze = self.light.haze_far * self.depth * 0.7
        paint = paint_of(mix(colour, self.light.haze, haze)) if glows else self.paint(colour)
        self.canvas.drawRoundRect(box, radius, radius, paint)

    def disc(self, x: float, y: float, radius: float, colour: Rgb, strength: float = 1.0) -> None:
        self.canvas.drawCircle(x, y, radius, self.paint(colour, strength))

    def oval(self, x: float, y: float, across: float, down: float, colour: Rgb, strength: float = 1.0) -> None:
        """An ellipse of half axes `across` and `down`."""
        self.canvas.drawOval(
            skia.Rect.MakeLTRB(x - across, y - down, x + across, y + down), self.paint(colour, strength)
        )

    def band(self, top: float, bottom: float, colour: Rgb) -> None:
        self.canvas.drawRect(skia.Rect.MakeLTRB(-self.reach, top, self.reach, bottom), self.paint(colour))

    def ridge(self, y: float, rise: float, period: float, start: float, colour: Rgb) -> None:
        """A rolling line of hills, filled down to the bottom; `start` is the phase in turns."""
        path = skia.Path()
        path.moveTo(-self.reach, BOTTOM)
        for step in range(math.ceil(2 * self.reach / RIDGE_STEP) + 1):
            x = -self.reach + step * RIDGE_STEP
            path.lineTo(x, self.ridge_y(x, y, rise, period, start))
        path.lineTo(self.reach + RIDGE_STEP, BOTTOM)
        path.close()
        self.canvas.drawPath(path, self.paint(colour))

    def ridge_y(self, x: float, y: float, rise: float, period: float, start: float) -> float:
        """Height of `ridge` at `x`."""
        turns = (x - self.shift) / period + start
        return y - rise * (math.sin(math.tau * turns) + 0.35 * math.sin(math.tau * (2 * turns + 0.2)))

    def stroke(self, points: Sequence[Point], width: float, colour: Rgb) -> None:
        """A round-ended curve through three points (quadratic), or a line through two."""
        path = skia.Path()
        path.moveTo(*points[0])
        if len(points) == 3:
            path.quadTo(*points[1], *points[2])
        else:
            path.lineTo(*points[1])
        paint = self.paint(colour)
        paint.setStyle(skia.Paint.kStroke_Style)
        paint.setStrokeWidth(width)
        paint.setStrokeCap(skia.Paint.kRound_Cap)
        self.canvas.drawPath(path, paint)
