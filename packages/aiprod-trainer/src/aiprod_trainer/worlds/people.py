"""The people of the world: their clothes carry the colour; origin between the feet, 1 unit high, facing right."""

import skia

from aiprod_trainer.worlds.brush import (
    Tones,
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

_SEGMENT = 0.20
_TROUSER_LEG = limb_parts(_SEGMENT, 0.18, 0.15, 0.13, 0.05)
_BARE_LEG = limb_parts(_SEGMENT, 0.11, 0.10, 0.09, 0.05)
_SHOE = slab(-0.075, _SEGMENT - 0.075, 0.125, _SEGMENT, 0.035)
_HIP_Y = -0.39
_SLEEVE = slab(-0.055, -0.055, 0.055, 0.27, 0.055)
_SHOULDER_Y = -0.61
_EYES = joined(ring_of(0.055, -0.80, 0.034, 0.048), ring_of(0.165, -0.80, 0.034, 0.048))
_FACE = ring_of(0.05, -0.80, 0.15, 0.155)

_JACKET = smooth(
    (-0.12, -0.66), (0.12, -0.66), (0.22, -0.58), (0.20, -0.34), (0.0, -0.31), (-0.20, -0.34), (-0.22, -0.58)
)
_SHIRT = inside(facets((-0.02, -0.70), (0.16, -0.70), (0.07, -0.48)), _JACKET)
_HAT = joined(slab(-0.20, -0.92, 0.30, -0.86, 0.03), slab(-0.13, -1.0, 0.19, -0.87, 0.06))
_HAIR_SHORT = smooth((-0.14, -0.90), (0.06, -0.92), (0.02, -0.82), (-0.05, -0.72), (-0.13, -0.74))
_MOUSTACHE = slab(0.08, -0.74, 0.21, -0.705, 0.0175)

_DRESS = smooth((-0.07, -0.67), (0.07, -0.67), (0.15, -0.60), (0.12, -0.48), (0.21, -0.36), (0.31, -0.23), (0.0, -0.19),
                (-0.31, -0.23), (-0.21, -0.36), (-0.12, -0.48), (-0.15, -0.60))  # fmt: skip
_SASH = inside(slab(-0.3, -0.50, 0.3, -0.45, 0.0), _DRESS)
_HAIR_LONG = smooth((-0.13, -0.84), (-0.06, -0.96), (0.06, -1.0), (0.20, -0.94), (0.22, -0.86), (0.08, -0.88),
                    (-0.02, -0.82), (-0.05, -0.70), (-0.08, -0.56), (-0.24, -0.52), (-0.20, -0.68))  # fmt: skip
_HAIR_BAND = strip((-0.10, -0.86), (-0.09, -0.92), (-0.02, -0.99), (0.04, -0.985), 0.055)


def draw_man(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A suit, a hat and a moustache."""
    _leg(canvas, _TROUSER_LEG, tones.dark, tones.ink, pose, 0.5, 0.09)
    _lean(canvas, pose)
    _arm(canvas, tones.dark, tones.skin, pose, 0.0, 0.17)
    canvas.restore()
    _leg(canvas, _TROUSER_LEG, tones.body, tones.ink, pose, 0.0, -0.07)
    _lean(canvas, pose)
    fill(canvas, _JACKET, tones.body)
    fill(canvas, _SHIRT, tones.white)
    fill(canvas, _FACE, tones.skin)
    fill(canvas, _HAIR_SHORT, tones.ink)
    fill(canvas, _EYES, tones.ink)
    if pose.mouth > 0:
        oval(canvas, 0.13, -0.69, 0.05, 0.05 * pose.mouth, tones.ink)
    fill(canvas, _MOUSTACHE, tones.ink)
    fill(canvas, _HAT, tones.body)
    _arm(canvas, tones.dark, tones.skin, pose, 0.5, -0.18)
    canvas.restore()


def draw_woman(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A flared dress, long hair and a hair band."""
    _leg(canvas, _BARE_LEG, tones.skin, tones.dark, pose, 0.5, 0.08)
    _leg(canvas, _BARE_LEG, tones.skin, tones.dark, pose, 0.0, -0.06)
    _lean(canvas, pose)
    _arm(canvas, tones.dark, tones.skin, pose, 0.0, 0.12)
    turn(canvas, 0.0, -0.46, 0.07 * wave(pose) if strides(pose) or pose.gait == "dance" else 0.0)
    fill(canvas, _DRESS, tones.body)
    fill(canvas, _SASH, tones.dark)
    canvas.restore()
    fill(canvas, _FACE, tones.skin)
    fill(canvas, _HAIR_LONG, tones.ink)
    fill(canvas, _EYES, tones.ink)
    if pose.mouth > 0:
        oval(canvas, 0.12, -0.695, 0.05, 0.045 * pose.mouth, tones.ink)
    fill(canvas, _HAIR_BAND, tones.body)
    _arm(canvas, tones.body, tones.skin, pose, 0.5, -0.13)
    canvas.restore()


def _lean(canvas: skia.Canvas, pose: Pose) -> None:
    """Open the frame of the upper body: it leans into a run and sinks into a crouch; the caller restores."""
    turn(canvas, 0.0, _HIP_Y, 0.16 if pose.gait == "run" else 0.0)
    canvas.translate(0.0, 0.05 * crouch(pose))


def _leg(
    canvas: skia.Canvas, parts: tuple[skia.Path, skia.Path], colour: int, shoe: int, pose: Pose, turns: float, x: float
) -> None:
    x *= 0.25 if strides(pose) else 1.0
    along, down = step(pose, turns, 0.14, 0.09)
    lifted = 0.07 * airborne(pose)
    hip = (x, _HIP_Y + 0.05 * crouch(pose))
    leg(canvas, parts, hip, (x + along, down - lifted), _SEGMENT, 1, colour, _SHOE, shoe)


def _arm(canvas: skia.Canvas, sleeve: int, skin: int, pose: Pose, turns: float, x: float) -> None:
    """An arm swings against the leg of its side, and goes up in a jump or a dance."""
    swing = (52 if pose.gait == "run" else 36) * wave(pose, turns) if strides(pose) else 0.0
    raised = airborne(pose) if pose.gait != "dance" else max(0.0, wave(pose, turns))
    side = 1 if x > 0 else -1
    canvas.save()
    canvas.translate(x, _SHOULDER_Y)
    canvas.rotate(-swing - side * (12 + 125 * raised))
    fill(canvas, _SLEEVE, sleeve)
    dot(canvas, 0.0, 0.27, 0.055, skin)
    canvas.restore()
