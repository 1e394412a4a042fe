"""The vehicles of the world: origin on the ground under the middle, facing right; wheels turn as they travel."""

import math

import skia

from aiprod_trainer.worlds.brush import Tones, block, dot, facets, fill, inside, joined, line, slab, smooth, turn
from aiprod_trainer.worlds.limbs import NOMINAL_SIZE
from aiprod_trainer.worlds.motion import Pose

_CAR_BODY = joined(
    smooth((-0.62, -0.30), (-0.60, -0.42), (-0.44, -0.47), (-0.34, -0.67), (-0.18, -0.74), (0.10, -0.74), (0.24, -0.66),
           (0.36, -0.48), (0.56, -0.44), (0.63, -0.30), (0.30, -0.24), (-0.30, -0.24)),
    slab(-0.65, -0.40, 0.65, -0.15, 0.07),
)  # fmt: skip
_CAR_REAR_WINDOW = facets((-0.33, -0.48), (-0.26, -0.63), (-0.16, -0.66), (-0.07, -0.66), (-0.07, -0.48))
_CAR_FRONT_WINDOW = facets((0.01, -0.48), (0.01, -0.66), (0.11, -0.66), (0.17, -0.62), (0.25, -0.48))
_CAR_WHEEL_RADIUS = 0.15


def draw_car(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A small saloon from the side; its headlight flashes when it calls."""
    fill(canvas, _CAR_BODY, tones.body)
    block(canvas, -0.60, -0.22, 0.60, -0.15, 0.03, tones.dark)
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
    angle = _rolled(pose, radius)
    along, down = 0.5 * radius * math.cos(angle), 0.5 * radius * math.sin(angle)
    dot(canvas, x, -radius, radius, tones.ink)
    dot(canvas, x, -radius, 0.62 * radius, tones.white)
    line(canvas, ((x - along, -radius - down), (x + along, -radius + down)), 0.3 * radius, tones.ink)


def _rolled(pose: Pose, radius: float) -> float:
    """How far a wheel has turned on its way, radians."""
    return pose.x * pose.facing / (NOMINAL_SIZE * radius)


_TRAIN_BODY = joined(
    slab(-0.62, -0.92, -0.14, -0.22, 0.06),
    slab(-0.30, -0.66, 0.56, -0.22, 0.10),
    slab(0.26, -0.94, 0.42, -0.60, 0.02),
)
_TRAIN_ROOF = slab(-0.68, -0.98, -0.08, -0.89, 0.045)
_TRAIN_WINDOW = slab(-0.50, -0.80, -0.26, -0.58, 0.05)
_TRAIN_FRAME = joined(
    slab(-0.66, -0.30, 0.62, -0.20, 0.03), facets((0.48, -0.22), (0.62, -0.22), (0.72, -0.03), (0.48, -0.03))
)
_TRAIN_TRIM = joined(
    slab(0.20, -1.0, 0.48, -0.91, 0.03), slab(0.10, -0.665, 0.16, -0.29, 0.0), slab(-0.04, -0.74, 0.12, -0.64, 0.05)
)
_TRAIN_WHEELS = (-0.44, -0.06, 0.32)
_TRAIN_WHEEL_RADIUS = 0.17
_ROD_THROW = 0.5


def draw_train(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A steam locomotive: cab, boiler, chimney, three wheels and a rod; it whistles with a cloud of steam."""
    if pose.gait == "drive" or pose.mouth > 0:
        _steam(canvas, tones.white, pose)
    fill(canvas, _TRAIN_BODY, tones.body)
    fill(canvas, _TRAIN_FRAME, tones.dark)
    fill(canvas, _TRAIN_TRIM, tones.dark)
    fill(canvas, _TRAIN_ROOF, tones.dark)
    fill(canvas, _TRAIN_WINDOW, tones.glass)
    dot(canvas, 0.56, -0.46, 0.07 + 0.05 * pose.mouth, tones.accent)
    for x in _TRAIN_WHEELS:
        dot(canvas, x, -_TRAIN_WHEEL_RADIUS, _TRAIN_WHEEL_RADIUS, tones.ink)
        dot(canvas, x, -_TRAIN_WHEEL_RADIUS, 0.45 * _TRAIN_WHEEL_RADIUS, tones.light)
    angle = _rolled(pose, _TRAIN_WHEEL_RADIUS)
    across = _ROD_THROW * _TRAIN_WHEEL_RADIUS * math.cos(angle)
    down = _ROD_THROW * _TRAIN_WHEEL_RADIUS * math.sin(angle) - _TRAIN_WHEEL_RADIUS
    block(canvas, -0.50 + across, down - 0.032, 0.38 + across, down + 0.032, 0.03, tones.accent)


def _steam(canvas: skia.Canvas, colour: int, pose: Pose) -> None:
    """Puffs that leave the chimney, grow and fall behind, one per cycle."""
    for age in (pose.phase / 2, (pose.phase + 1) / 2):
        dot(canvas, 0.34 - 0.55 * age, -1.0 - 0.08 * age, 0.05 + 0.07 * age + 0.03 * pose.mouth, colour)


_HULL = smooth((-0.62, -0.26), (-0.30, -0.24), (0.30, -0.24), (0.68, -0.30), (0.56, -0.10), (0.38, 0.02), (-0.40, 0.02),
               (-0.55, -0.10))  # fmt: skip
_WATERLINE = inside(slab(-0.7, -0.07, 0.7, 0.1, 0.0), _HULL)
_MAST = slab(-0.075, -1.0, -0.025, -0.22, 0.0)
_MAIN_SAIL = smooth(
    (-0.01, -0.96), (0.16, -0.82), (0.38, -0.58), (0.54, -0.36), (0.50, -0.32), (0.24, -0.33), (0.0, -0.32)
)
_JIB = facets((-0.09, -0.90), (-0.09, -0.34), (-0.48, -0.34))
_PENNANT = facets((-0.05, -1.06), (-0.05, -0.94), (-0.24, -1.0))


def draw_boat(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A sailing boat: a hull, a mast, a coloured main sail that fills with the wind and a pale jib."""
    fill(canvas, _MAST, tones.ink)
    canvas.save()
    canvas.translate(-0.02, 0.0)
    canvas.scale(1.0 + (0.06 * math.sin(math.tau * pose.phase) if pose.gait == "sail" else 0.0), 1.0)
    fill(canvas, _MAIN_SAIL, tones.body)
    canvas.restore()
    fill(canvas, _JIB, tones.light)
    fill(canvas, _PENNANT, tones.accent)
    fill(canvas, _HULL, tones.body)
    fill(canvas, _WATERLINE, tones.dark)
    if pose.mouth > 0:
        dot(canvas, 0.52, -0.22, 0.09 * pose.mouth, tones.accent)


_ROCKET_BODY = smooth((0.0, -1.0), (0.13, -0.86), (0.22, -0.62), (0.21, -0.34), (0.13, -0.14), (-0.13, -0.14),
                      (-0.21, -0.34), (-0.22, -0.62), (-0.13, -0.86))  # fmt: skip
_ROCKET_NOSE = inside(slab(-0.3, -1.05, 0.3, -0.80, 0.0), _ROCKET_BODY)
_ROCKET_FINS = joined(
    smooth((-0.16, -0.42), (-0.34, -0.28), (-0.40, -0.02), (-0.24, -0.08), (-0.12, -0.18)),
    smooth((0.16, -0.42), (0.34, -0.28), (0.40, -0.02), (0.24, -0.08), (0.12, -0.18)),
    slab(-0.12, -0.20, 0.12, -0.07, 0.03),
)
_ROCKET_FLAME = smooth((-0.12, 0.0), (0.12, 0.0), (0.10, 0.16), (0.0, 0.36), (-0.10, 0.16))
_ROCKET_FLAME_HEART = smooth((-0.06, 0.0), (0.06, 0.0), (0.05, 0.09), (0.0, 0.20), (-0.05, 0.09))
_ROCKET_TILT = 1.1  # radians from upright, in flight


def draw_rocket(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A round-bellied rocket with fins and a porthole; in flight it leans forward on a flame."""
    flies = pose.gait == "fly"
    burn = 0.8 + 0.2 * math.sin(math.tau * pose.phase) if flies else 0.4 * pose.mouth
    turn(canvas, 0.0, -0.5, _ROCKET_TILT if flies else 0.0)
    if burn > 0:
        canvas.save()
        canvas.translate(0.0, -0.08)
        canvas.scale(1.0, burn)
        fill(canvas, _ROCKET_FLAME, tones.accent)
        fill(canvas, _ROCKET_FLAME_HEART, tones.white)
        canvas.restore()
    fill(canvas, _ROCKET_FINS, tones.dark)
    fill(canvas, _ROCKET_BODY, tones.body)
    fill(canvas, _ROCKET_NOSE, tones.dark)
    dot(canvas, 0.0, -0.60, 0.115, tones.light)
    dot(canvas, 0.0, -0.60, 0.08, tones.glass)
    canvas.restore()
