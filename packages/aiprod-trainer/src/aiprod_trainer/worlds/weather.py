"""Weather in front of the camera: rain, snow and fog, as functions of time alone.

Streaks and flakes are few, wide and soft: fine bright grain would cost a small codec all it has. Lengths are in
frame heights, the origin is the middle of the frame's upper edge.
"""

import functools
import math
import random

import skia

from aiprod_trainer.worlds.palette import WHITE, Light, Rgb, mix
from aiprod_trainer.worlds.pencil import paint_of

RAIN_SLANT = -0.22  # sideways for each height fallen
RAIN_LENGTH, RAIN_WIDTH, RAIN_SPEED_PER_S = 0.085, 0.011, 0.95
RAIN_STREAKS_PER_HEIGHT = 14
SNOW_RADII = (0.014, 0.020)
SNOW_SPEED_PER_S = (0.14, 0.20)  # large flakes are near, and fall faster
SNOW_FLAKES_PER_HEIGHT = 9  # of each radius
SNOW_SWAY, SNOW_SWAY_S = 0.022, 2.5
FOG_DRIFT_PER_S = 0.045
MARGIN = 0.1
GOLDEN = 0.381966  # sideways step of what falls again: never twice the same place
KEPT_MOMENTS = 256

# x, y, half width, half height, strength: banks behind the hero's feet, and one before them.
FOG_BACK = ((-0.30, 0.60, 0.55, 0.11, 0.55), (0.45, 0.66, 0.60, 0.09, 0.50))
FOG_FRONT = ((0.10, 0.91, 0.75, 0.11, 0.62),)


def draw_behind(canvas: skia.Canvas, light: Light, weather: str, time_s: float, aspect: float) -> None:
    """What the weather puts between the scenery and the subjects."""
    if weather == "fog":
        _banks(canvas, light, FOG_BACK, time_s, aspect)


def draw_before(canvas: skia.Canvas, light: Light, weather: str, time_s: float, aspect: float) -> None:
    """What the weather puts before the subjects."""
    match weather:
        case "rain":
            _rain(canvas, light, time_s, aspect)
        case "snow":
            _snow(canvas, light, time_s, aspect)
        case "fog":
            _banks(canvas, light, FOG_FRONT, time_s, aspect)


@functools.lru_cache(maxsize=64)
def _seeds(kind: str, count: int) -> tuple[tuple[float, float, float], ...]:
    """Where each streak or flake starts (x, y) and its own variation, all in [0, 1); spread evenly in x."""
    source = random.Random(kind)
    order = source.sample(range(count), count)
    return tuple(
        ((n + source.random()) / count, (order[n] + source.random()) / count, source.random()) for n in range(count)
    )


@functools.lru_cache(maxsize=64)
def _round_stroke(colour: Rgb, strength: float, width: float) -> skia.Paint:
    paint = paint_of(colour, strength)
    paint.setStyle(skia.Paint.kStroke_Style)
    paint.setStrokeCap(skia.Paint.kRound_Cap)
    paint.setStrokeWidth(width)
    return paint


def _rain(canvas: skia.Canvas, light: Light, time_s: float, aspect: float) -> None:
    paint = _round_stroke(mix(light.sky[2], WHITE, 0.55), 0.42, RAIN_WIDTH)
    canvas.drawPoints(skia.Canvas.kLines_PointMode, _streaks(time_s, aspect), paint)


@functools.lru_cache(maxsize=KEPT_MOMENTS)
def _streaks(time_s: float, aspect: float) -> list[skia.Point]:
    """Both ends of every streak; one that left below comes back above, somewhere else."""
    span, fall = aspect + 2 * MARGIN, 1.0 + 2 * MARGIN
    ends = []
    for x, y, own in _seeds("rain", round(RAIN_STREAKS_PER_HEIGHT * aspect)):
        laps, below = divmod(y * fall + RAIN_SPEED_PER_S * (0.9 + 0.2 * own) * time_s, fall)
        left = (x * span + GOLDEN * laps + RAIN_SLANT * below) % span - span / 2
        top = below - MARGIN
        ends += [skia.Point(left, top), skia.Point(left + RAIN_SLANT * RAIN_LENGTH, top + RAIN_LENGTH)]
    return ends


def _snow(canvas: skia.Canvas, light: Light, time_s: float, aspect: float) -> None:
    colour = mix(light.sky[2], WHITE, 0.85)
    for size, radius in enumerate(SNOW_RADII):
        flakes = _flakes(size, time_s, aspect)
        canvas.drawPoints(skia.Canvas.kPoints_PointMode, flakes, _round_stroke(colour, 0.88, 2 * radius))


@functools.lru_cache(maxsize=KEPT_MOMENTS)
def _flakes(size: int, time_s: float, aspect: float) -> list[skia.Point]:
    """Where every flake of one size is."""
    span, fall = aspect + 2 * MARGIN, 1.0 + 2 * MARGIN
    flakes = []
    for x, y, own in _seeds(f"snow {size}", round(SNOW_FLAKES_PER_HEIGHT * aspect)):
        laps, below = divmod(y * fall + SNOW_SPEED_PER_S[size] * time_s, fall)
        sway = SNOW_SWAY * math.sin(math.tau * (time_s / SNOW_SWAY_S + own))
        flakes.append(skia.Point((x * span + GOLDEN * laps + sway) % span - span / 2, below - MARGIN))
    return flakes


@functools.lru_cache(maxsize=32)
def _soft(colour: Rgb, strength: float) -> skia.Paint:
    """A disc of radius 1 that fades out to its rim."""
    stops = [skia.Color4f(*colour, strength * share).toColor() for share in (1.0, 0.55, 0.0)]
    return skia.Paint(Shader=skia.GradientShader.MakeRadial(skia.Point(0, 0), 1.0, stops, [0.0, 0.55, 1.0]))


def _banks(
    canvas: skia.Canvas, light: Light, banks: tuple[tuple[float, ...], ...], time_s: float, aspect: float
) -> None:
    for x, y, across, down, strength in banks:
        lap = aspect + 2 * across
        drifted = (x + FOG_DRIFT_PER_S * time_s + lap / 2) % lap - lap / 2
        draw_soft_disc(canvas, drifted, y, across, down, _soft(light.haze, strength))


def draw_soft_disc(canvas: skia.Canvas, x: float, y: float, across: float, down: float, paint: skia.Paint) -> None:
    """An ellipse of half axes `across` and `down`, painted with a paint made for the unit disc."""
    canvas.save()
    canvas.translate(x, y)
    canvas.scale(across, down)
    canvas.drawCircle(0.0, 0.0, 1.0, paint)
    canvas.restore()
