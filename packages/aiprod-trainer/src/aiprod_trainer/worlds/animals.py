"""The four-legged animals of the world, each drawn from its pose: origin between the feet, 1 unit high, facing right.

Far limbs are dark, near limbs are of the body's colour, so that a walk reads at 60 px.
"""

import math
from typing import NamedTuple

import skia

from aiprod_trainer.worlds.brush import (
    Tones,
    bow,
    dot,
    facets,
    fill,
    inside,
    joined,
    oval,
    ring_of,
    slab,
    smooth,
    strip,
    turn,
)
from aiprod_trainer.worlds.limbs import airborne, crouch, leg, limb_parts, step, strides, wave
from aiprod_trainer.worlds.motion import Pose

# Footfalls: a walk is a trot (diagonal pairs), a run a gallop (fore pair, then hind pair).
_WALK_TURNS = (0.0, 0.5, 0.5, 0.0)  # near fore, near hind, far fore, far hind
_RUN_TURNS = (0.0, 0.5, 0.08, 0.58)
_SEGMENT = 0.51  # of the hip's height: a standing leg is all but straight


class _Stance(NamedTuple):
    """Where a quadruped's legs hang: hips of the near pair, how far the far pair is shifted, and the legs' shape."""

    fore_x: float
    hind_x: float
    hip_y: float
    far_shift: float
    parts: tuple[skia.Path, skia.Path]


def _stance(fore_x: float, hind_x: float, hip_y: float, far_shift: float, width: float, toe: float) -> _Stance:
    parts = limb_parts(-hip_y * _SEGMENT, 1.35 * width, width, width, toe)
    return _Stance(fore_x, hind_x, hip_y, far_shift, parts)


def _quadruped_legs(canvas: skia.Canvas, tones: Tones, pose: Pose, stance: _Stance, *, near: bool) -> None:
    """One side's two legs. The fore leg's joint points forward, the hind leg's backward, as a dog's do."""
    turns = _RUN_TURNS if pose.gait == "run" else _WALK_TURNS
    fore_turn, hind_turn = turns[:2] if near else turns[2:]
    colour, shift = (tones.body, 0.0) if near else (tones.dark, stance.far_shift)
    tuck = airborne(pose)
    hip_y = stance.hip_y + 0.04 * crouch(pose)
    for x, turns_later, bend, reach in ((stance.fore_x, fore_turn, 1, 0.12), (stance.hind_x, hind_turn, -1, -0.12)):
        along, down = step(pose, turns_later, 0.12, 0.09)
        foot = (x + shift + along + reach * tuck, down - 0.08 * tuck)
        leg(canvas, stance.parts, (x + shift, hip_y), foot, -stance.hip_y * _SEGMENT, bend, colour)


def _rock(pose: Pose) -> float:
    """Pitch of the body of a galloping or leaping animal, radians, negative is nose up."""
    if pose.gait == "run":
        return 0.09 * wave(pose, 0.25)
    return -0.12 * airborne(pose) if pose.gait == "jump" else 0.0


_CAT_STANCE = _stance(0.15, -0.27, -0.36, 0.10, 0.12, 0.03)
_CAT_BODY = smooth((-0.40, -0.44), (-0.35, -0.60), (-0.10, -0.61), (0.16, -0.62), (0.27, -0.42), (0.20, -0.25),
                   (-0.08, -0.23), (-0.33, -0.25))  # fmt: skip
_CAT_HEAD = joined(
    smooth((0.00, -0.65), (0.07, -0.84), (0.27, -0.90), (0.47, -0.84), (0.54, -0.65), (0.42, -0.47), (0.12, -0.47)),
    facets((0.02, -0.70), (0.03, -1.0), (0.24, -0.86)),
    facets((0.52, -0.70), (0.51, -1.0), (0.30, -0.86)),
)
_CAT_EARS = joined(
    facets((0.08, -0.80), (0.075, -0.92), (0.17, -0.85)), facets((0.46, -0.80), (0.465, -0.92), (0.37, -0.85))
)
_CAT_SHADE = inside(ring_of(0.22, -0.58, 0.26, 0.19), _CAT_BODY)
_CAT_TAIL = strip((0.0, 0.0), (-0.28, 0.02), (-0.02, -0.32), (-0.20, -0.42), 0.10)
_CAT_TAIL_TIP = strip((-0.14, -0.345), (-0.15, -0.37), (-0.17, -0.405), (-0.20, -0.42), 0.10)
_CAT_MUZZLE = ring_of(0.29, -0.56, 0.125, 0.075)
_CAT_EYES = joined(ring_of(0.18, -0.69, 0.072, 0.088), ring_of(0.40, -0.69, 0.072, 0.088))
_CAT_PUPILS = joined(ring_of(0.197, -0.685, 0.048, 0.066), ring_of(0.417, -0.685, 0.048, 0.066))


def draw_cat(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """Pointed ears, a round face, a long tail that stands up and curls."""
    if pose.gait == "sit":
        _tail(canvas, tones, -0.24, -0.13, 12 * wave(pose) - 12)
        _sitting_body(canvas, tones)
        _cat_head(canvas, tones, pose, -0.11)
        return
    _quadruped_legs(canvas, tones, pose, _CAT_STANCE, near=False)
    turn(canvas, -0.05, -0.4, _rock(pose))
    canvas.translate(0.0, 0.04 * crouch(pose))
    _tail(canvas, tones, -0.33, -0.48, 9 * wave(pose) - 30 * airborne(pose) - (35 if pose.gait == "run" else 0))
    fill(canvas, _CAT_BODY, tones.body)
    fill(canvas, _CAT_SHADE, tones.dark)
    _cat_head(canvas, tones, pose, 0.0)
    canvas.restore()
    _quadruped_legs(canvas, tones, pose, _CAT_STANCE, near=True)


def _tail(canvas: skia.Canvas, tones: Tones, x: float, y: float, angle_degrees: float) -> None:
    canvas.save()
    canvas.translate(x, y)
    canvas.rotate(angle_degrees)
    fill(canvas, _CAT_TAIL, tones.body)
    fill(canvas, _CAT_TAIL_TIP, tones.dark)
    canvas.restore()


def _cat_head(canvas: skia.Canvas, tones: Tones, pose: Pose, shift: float) -> None:
    canvas.save()
    canvas.translate(shift, 0.0)
    fill(canvas, _CAT_HEAD, tones.body)
    fill(canvas, _CAT_EARS, tones.light)
    fill(canvas, _CAT_MUZZLE, tones.light)
    fill(canvas, _CAT_EYES, tones.white)
    fill(canvas, _CAT_PUPILS, tones.ink)
    oval(canvas, 0.30, -0.60, 0.04, 0.028, tones.ink)
    if pose.mouth > 0:
        oval(canvas, 0.29, -0.525, 0.065, 0.065 * pose.mouth, tones.ink)
    canvas.restore()


_SITTING_BODY = smooth((0.04, -0.62), (-0.14, -0.48), (-0.29, -0.24), (-0.30, -0.05), (-0.16, 0.0), (0.06, 0.0),
                       (0.26, -0.08), (0.32, -0.34), (0.28, -0.60))  # fmt: skip
_SITTING_SHADE = inside(joined(ring_of(0.16, -0.56, 0.24, 0.17), ring_of(-0.04, -0.14, 0.20, 0.19)), _SITTING_BODY)
_SITTING_HAUNCH = joined(ring_of(-0.09, -0.15, 0.18, 0.16), slab(-0.20, -0.09, 0.12, 0.0, 0.04))
_SITTING_FORE_LEGS = (slab(0.21, -0.40, 0.35, 0.0, 0.05), slab(0.11, -0.40, 0.27, 0.0, 0.05))


def _sitting_body(canvas: skia.Canvas, tones: Tones) -> None:
    """Upright on its haunches, propped on its fore legs: cat and dog."""
    fill(canvas, _SITTING_FORE_LEGS[0], tones.dark)
    fill(canvas, _SITTING_BODY, tones.body)
    fill(canvas, _SITTING_SHADE, tones.dark)
    fill(canvas, _SITTING_FORE_LEGS[1], tones.body)
    fill(canvas, _SITTING_HAUNCH, tones.body)


_DOG_STANCE = _stance(0.15, -0.26, -0.38, 0.10, 0.13, 0.035)
_DOG_BODY = smooth((-0.38, -0.44), (-0.33, -0.60), (-0.08, -0.60), (0.14, -0.66), (0.28, -0.52), (0.24, -0.32),
                   (0.0, -0.27), (-0.30, -0.27))  # fmt: skip
_DOG_HEAD = joined(
    smooth((0.06, -0.74), (0.12, -0.93), (0.27, -0.98), (0.41, -0.90), (0.44, -0.72), (0.34, -0.56), (0.16, -0.57)),
    smooth((0.30, -0.76), (0.44, -0.80), (0.58, -0.76), (0.60, -0.67), (0.54, -0.61), (0.36, -0.60)),
)
_DOG_JAW = smooth((0.24, -0.68), (0.50, -0.68), (0.56, -0.62), (0.48, -0.55), (0.30, -0.54))
_DOG_MOUTH = smooth((0.24, -0.72), (0.50, -0.72), (0.53, -0.66), (0.46, -0.60), (0.32, -0.60))
_DOG_BELLY = inside(ring_of(0.22, -0.36, 0.12, 0.17), _DOG_BODY)
_DOG_COLLAR = inside(
    strip((0.0, -0.62), (0.08, -0.52), (0.20, -0.48), (0.36, -0.52), 0.07), joined(_DOG_BODY, _DOG_HEAD)
)
_DOG_EAR = smooth((0.0, -0.02), (0.10, 0.02), (0.11, 0.16), (0.06, 0.32), (-0.05, 0.34), (-0.11, 0.20), (-0.09, 0.04))
_DOG_TAIL = strip((0.0, 0.0), (-0.07, -0.02), (-0.13, -0.10), (-0.14, -0.19), 0.10)


def draw_dog(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A long snout with a black nose, a hanging ear, a collar, a short tail that wags."""
    if pose.gait == "sit":
        _wagging_tail(canvas, tones, -0.25, -0.12, 22 * wave(pose) - 25)
        _sitting_body(canvas, tones)
        _dog_head(canvas, tones, pose, -0.09)
        return
    _quadruped_legs(canvas, tones, pose, _DOG_STANCE, near=False)
    turn(canvas, -0.05, -0.4, _rock(pose))
    canvas.translate(0.0, 0.04 * crouch(pose))
    _wagging_tail(canvas, tones, -0.33, -0.52, 24 * wave(pose) - 20 * airborne(pose))
    fill(canvas, _DOG_BODY, tones.body)
    fill(canvas, _DOG_BELLY, tones.light)
    _dog_head(canvas, tones, pose, 0.0)
    canvas.restore()
    _quadruped_legs(canvas, tones, pose, _DOG_STANCE, near=True)


def _wagging_tail(canvas: skia.Canvas, tones: Tones, x: float, y: float, angle_degrees: float) -> None:
    canvas.save()
    canvas.translate(x, y)
    canvas.rotate(angle_degrees)
    fill(canvas, _DOG_TAIL, tones.body)
    canvas.restore()


def _dog_head(canvas: skia.Canvas, tones: Tones, pose: Pose, shift: float) -> None:
    canvas.save()
    canvas.translate(shift, 0.0)
    if pose.mouth > 0:
        turn(canvas, 0.28, -0.64, 0.5 * pose.mouth)
        fill(canvas, _DOG_JAW, tones.body)
        fill(canvas, _DOG_MOUTH, tones.ink)
        canvas.restore()
    fill(canvas, _DOG_HEAD, tones.body)
    fill(canvas, _DOG_COLLAR, tones.accent)
    dot(canvas, 0.335, -0.80, 0.07, tones.white)
    dot(canvas, 0.35, -0.795, 0.047, tones.ink)
    oval(canvas, 0.575, -0.755, 0.055, 0.045, tones.ink)
    canvas.translate(0.17, -0.91)
    canvas.rotate(10 * wave(pose) + 35 * airborne(pose) if strides(pose) or pose.gait == "jump" else 0)
    fill(canvas, _DOG_EAR, tones.dark)
    canvas.restore()


_ELEPHANT_STANCE = _stance(0.08, -0.33, -0.42, 0.13, 0.20, 0.02)
_ELEPHANT_BODY = smooth((-0.50, -0.50), (-0.44, -0.76), (-0.18, -0.88), (0.10, -0.86), (0.24, -0.66), (0.20, -0.36),
                        (-0.10, -0.26), (-0.42, -0.28))  # fmt: skip
_ELEPHANT_HEAD = smooth((0.10, -0.74), (0.16, -0.94), (0.34, -1.0), (0.50, -0.90), (0.55, -0.70), (0.46, -0.54),
                        (0.26, -0.52))  # fmt: skip
_ELEPHANT_EAR = smooth(
    (0.07, -0.28), (-0.12, -0.29), (-0.25, -0.14), (-0.24, 0.06), (-0.12, 0.17), (0.01, 0.10), (0.06, -0.04)
)
_ELEPHANT_TAIL = strip((-0.45, -0.62), (-0.55, -0.58), (-0.58, -0.48), (-0.57, -0.36), 0.055)
_ELEPHANT_TUSK = strip((0.44, -0.56), (0.48, -0.50), (0.54, -0.48), (0.59, -0.51), 0.05)


def draw_elephant(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A mountain of a body, a big ear, a trunk that is lifted to call."""
    _quadruped_legs(canvas, tones, pose, _ELEPHANT_STANCE, near=False)
    turn(canvas, -0.05, -0.4, 0.5 * _rock(pose))
    canvas.translate(0.0, 0.04 * crouch(pose))
    turn(canvas, -0.45, -0.62, 0.25 * wave(pose))
    fill(canvas, _ELEPHANT_TAIL, tones.dark)
    canvas.restore()
    fill(canvas, _ELEPHANT_BODY, tones.body)
    raised = max(pose.mouth, airborne(pose))
    sway = 0.03 * wave(pose) * (1 - raised)
    if pose.mouth > 0:
        oval(canvas, 0.46, -0.53, 0.07, 0.08 * pose.mouth, tones.ink)
    end = (0.60 + sway + 0.10 * raised, -0.16 - 0.72 * raised)
    bow(
        canvas,
        (0.46, -0.72),
        (0.58, -0.62),
        (0.50 + sway + 0.16 * raised, -0.22 - 0.26 * raised),
        end,
        0.13,
        tones.body,
    )
    fill(canvas, _ELEPHANT_HEAD, tones.body)
    fill(canvas, _ELEPHANT_TUSK, tones.white)
    dot(canvas, 0.41, -0.79, 0.062, tones.white)
    dot(canvas, 0.422, -0.785, 0.042, tones.ink)
    canvas.save()
    canvas.translate(0.22, -0.64)
    canvas.rotate(6 * wave(pose, 0.25) + 16 * raised)
    fill(canvas, _ELEPHANT_EAR, tones.dark)
    canvas.restore()
    canvas.restore()
    _quadruped_legs(canvas, tones, pose, _ELEPHANT_STANCE, near=True)


_RABBIT_FORE = limb_parts(0.13, 0.13, 0.11, 0.11, 0.03)
_RABBIT_HIND = limb_parts(0.13, 0.18, 0.13, 0.12, 0.12)
_RABBIT_BODY = smooth((-0.40, -0.26), (-0.34, -0.44), (-0.10, -0.54), (0.14, -0.52), (0.28, -0.36), (0.22, -0.18),
                      (-0.06, -0.10), (-0.32, -0.12))  # fmt: skip
_RABBIT_SITTING = smooth((-0.30, -0.16), (-0.26, -0.36), (-0.06, -0.56), (0.18, -0.56), (0.28, -0.36), (0.24, -0.06),
                         (0.0, 0.0), (-0.24, -0.02))  # fmt: skip
_RABBIT_HAUNCH = joined(ring_of(-0.06, -0.17, 0.17, 0.16), slab(-0.14, -0.09, 0.20, 0.0, 0.045))
_RABBIT_HAUNCH_SHADE = inside(ring_of(-0.03, -0.19, 0.20, 0.19), _RABBIT_SITTING)
_RABBIT_EAR = smooth((-0.07, 0.0), (-0.085, -0.22), (0.0, -0.38), (0.08, -0.22), (0.06, 0.0))
_RABBIT_INNER_EAR = smooth((-0.03, -0.06), (-0.035, -0.20), (0.0, -0.31), (0.035, -0.20), (0.03, -0.06))
_RABBIT_HEAD = smooth(
    (0.05, -0.54), (0.12, -0.69), (0.28, -0.73), (0.43, -0.66), (0.49, -0.52), (0.40, -0.40), (0.16, -0.40)
)
_RABBIT_MUZZLE = ring_of(0.40, -0.475, 0.085, 0.07)


def draw_rabbit(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """Long ears that flop, a round back, a white tail, long hind feet; it runs in leaps."""
    sits = pose.gait == "sit"
    if not sits:
        _rabbit_legs(canvas, tones.dark, pose, 0.10, 0.08)
    turn(canvas, -0.05, -0.3, 1.4 * _rock(pose))
    dot(canvas, -0.30 if sits else -0.38, -0.14 if sits else -0.32, 0.10, tones.white)
    fill(canvas, _RABBIT_SITTING if sits else _RABBIT_BODY, tones.body)
    canvas.save()
    canvas.translate(-0.06 if sits else 0.0, 0.0)
    flop = 6 * wave(pose) + 30 * airborne(pose) + (35 if pose.gait == "run" else 0)
    for x, lean, outer in ((0.31, 10, tones.dark), (0.20, -10, tones.body)):
        turn(canvas, x, -0.64, math.radians(lean - flop))
        canvas.translate(x, -0.64)
        fill(canvas, _RABBIT_EAR, outer)
        fill(canvas, _RABBIT_INNER_EAR, tones.light)
        canvas.restore()
    fill(canvas, _RABBIT_HEAD, tones.body)
    fill(canvas, _RABBIT_MUZZLE, tones.light)
    dot(canvas, 0.315, -0.60, 0.066, tones.white)
    dot(canvas, 0.328, -0.595, 0.045, tones.ink)
    oval(canvas, 0.465, -0.52, 0.032, 0.026, tones.ink)
    if pose.mouth > 0:
        oval(canvas, 0.41, -0.435, 0.05, 0.05 * pose.mouth, tones.ink)
    canvas.restore()
    if sits:
        fill(canvas, _RABBIT_HAUNCH_SHADE, tones.dark)
        fill(canvas, _RABBIT_HAUNCH, tones.body)
    canvas.restore()
    if not sits:
        _rabbit_legs(canvas, tones.body, pose, 0.0, 0.0)


def _rabbit_legs(canvas: skia.Canvas, colour: int, pose: Pose, shift: float, turns: float) -> None:
    """A fore leg and a long hind leg; both sides move as one, `turns` apart."""
    tuck = airborne(pose)
    for parts, x, first, bend, reach in ((_RABBIT_FORE, 0.14, 0.0, 1, 0.14), (_RABBIT_HIND, -0.24, 0.5, -1, -0.14)):
        along, down = step(pose, first + turns, 0.11, 0.07)
        leg(
            canvas,
            parts,
            (x + shift, -0.25),
            (x + shift + along + reach * tuck, down - 0.05 * tuck),
            0.13,
            bend,
            colour,
        )
