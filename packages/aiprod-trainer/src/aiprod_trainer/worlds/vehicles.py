"""The vehicles of the world: origin on the ground under the middle, facing right; wheels turn as they travel."""

import math

import skia

from aiprod_trainer.worlds.brush import Tones, block, dot, facets, fill, line, smooth
from aiprod_trainer.worlds.limbs import NOMINAL_SIZE
from aiprod_trainer.worlds.motion import Pose

_CAR_BODY = smooth((-0.64, -0.20), (-0.65, -0.36), (-0.60, -0.43), (-0.44, -0.46), (-0.34, -0.68), (-0.18, -0.74),
                   (0.10, -0.74), (0.24, -0.66), (0.36, -0.47), (0.58, -0.43), (0.65, -0.34), (0.65, -0.20),
                   (0.58, -0.15), (-0.58, -0.15))  # fmt: skip
_CAR_REAR_WINDOW = facets((-0.36, -0.46), (-0.28, -0.64), (-0.17, -0.67), (-0.06, -0.67), (-0.06, -0.46))
_CAR_FRONT_WINDOW = facets((0.0, -0.46), (0.0, -0.67), (0.11, -0.67), (0.18, -0.63), (0.28, -0.46))
_CAR_WHEEL_RADIUS = 0.15


def draw_car(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A small saloon from the side; its headlight flashes when it calls."""
    fill(canvas, _CAR_BODY, tones.body)
    block(canvas, -0.62, -0.25, 0.62, -0.17, 0.03, tones.dark)
    fill(canvas, _CAR_REAR_WINDOW, tones.glass)
    fill(canvas, _CAR_FRONT_WINDOW, tones.glass)
    dot(canvas, 0.60, -0.34, 0.055, tones.accent)
    if pose.mouth > 0:
        dot(canvas, 0.60, -0.34, 0.06 + 0.09 * pose.mouth, tones.accent)
        dot(canvas, 0.60, -0.34, 0.09 * pose.mouth, tones.white)
    for x in (-0.37, 0.37):
        _wheel(canvas, tones, x, _CAR_WHEEL_RADIUS, pose)


def _wheel(canvas: skia.Canvas, tones: Tones, x: float, radius: float, pose: Pose) -> None:
    """A tyre, a hub and one bar across it that shows the turning."""
    angle = pose.x * pose.facing / (NOMINAL_SIZE * radius)
    along, down = 0.5 * radius * math.cos(angle), 0.5 * radius * math.sin(angle)
    dot(canvas, x, -radius, radius, tones.ink)
    dot(canvas, x, -radius, 0.62 * radius, tones.white)
    line(canvas, ((x - along, -radius - down), (x + along, -radius + down)), 0.3 * radius, tones.ink)
