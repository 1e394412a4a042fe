"""The things of the world: robot, ball and balloon; origin on the ground, 1 unit high, facing right."""

import math

import skia

from aiprod_trainer.worlds.brush import (
    Tones,
    block,
    bow,
    dot,
    facets,
    fill,
    inside,
    joined,
    ring_of,
    slab,
    smooth,
    turn,
)
from aiprod_trainer.worlds.limbs import airborne, crouch, leg, limb_parts, step, strides, wave
from aiprod_trainer.worlds.motion import Pose

_ROBOT_BODY = slab(-0.27, -0.54, 0.27, -0.22, 0.07)
_ROBOT_HEAD = slab(-0.32, -0.90, 0.32, -0.52, 0.09)
_ROBOT_NECK = slab(-0.27, -0.56, 0.27, -0.47, 0.0)
_ROBOT_VISOR = slab(-0.18, -0.82, 0.27, -0.62, 0.06)
_ROBOT_EYES = joined(ring_of(-0.06, -0.74, 0.066), ring_of(0.15, -0.74, 0.066))
_ROBOT_MOUTH = slab(-0.09, -0.04, 0.18, 0.04, 0.02)
_ROBOT_ANTENNA = slab(-0.025, -0.97, 0.025, -0.88, 0.0)
_ROBOT_SEGMENT = 0.125
_ROBOT_LEG = limb_parts(_ROBOT_SEGMENT, 0.15, 0.15, 0.15, 0.06)
_ROBOT_ARM = slab(-0.055, -0.05, 0.055, 0.27, 0.05)


def draw_robot(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A box for a body, a square head with a dark visor, an antenna; visor and antenna light up when it calls."""
    sink = 0.05 * crouch(pose)
    _robot_leg(canvas, tones.dark, pose, 0.5, 0.13, sink)
    turn(canvas, 0.0, -0.25, 0.2 if pose.gait == "run" else 0.0)
    canvas.translate(0.0, sink)
    _robot_arm(canvas, tones.dark, pose, 0.0, 0.25)
    fill(canvas, _ROBOT_ANTENNA, tones.dark)
    dot(canvas, 0.0, -0.95, 0.055 + 0.035 * pose.mouth, tones.accent)
    fill(canvas, _ROBOT_BODY, tones.body)
    fill(canvas, _ROBOT_NECK, tones.dark)
    block(canvas, -0.06, -0.43, 0.18, -0.31, 0.03, tones.light)
    fill(canvas, _ROBOT_HEAD, tones.body)
    fill(canvas, _ROBOT_VISOR, tones.ink)
    fill(canvas, _ROBOT_EYES, tones.white)
    if pose.mouth > 0:
        canvas.save()
        canvas.translate(0.0, -0.645)
        canvas.scale(1.0, pose.mouth)
        fill(canvas, _ROBOT_MOUTH, tones.accent)
        canvas.restore()
    _robot_arm(canvas, tones.body, pose, 0.5, -0.28)
    canvas.restore()
    _robot_leg(canvas, tones.body, pose, 0.0, -0.11, sink)


def _robot_leg(canvas: skia.Canvas, colour: int, pose: Pose, turns: float, x: float, sink: float) -> None:
    # Seen from the side while striding, so that the legs cross evenly; from the front while standing.
    x *= 0.25 if strides(pose) else 1.0
    along, down = step(pose, turns, 0.13, 0.08)
    leg(canvas, _ROBOT_LEG, (x, -0.25 + sink), (x + along, down - 0.05 * airborne(pose)), _ROBOT_SEGMENT, 1, colour)


def _robot_arm(canvas: skia.Canvas, colour: int, pose: Pose, turns: float, x: float) -> None:
    """Arms swing against the legs, and go up in a jump or a dance."""
    swing = 40 * wave(pose, turns) if strides(pose) else 0.0
    raised = airborne(pose) if pose.gait != "dance" else max(0.0, wave(pose, turns))
    canvas.save()
    canvas.translate(x, -0.44)
    canvas.rotate(-swing - math.copysign(10 + 120 * raised, x))
    fill(canvas, _ROBOT_ARM, colour)
    canvas.restore()


_BALL = ring_of(0.0, -0.5, 0.5)


def _ball_segment(angle: float) -> skia.Path:
    """A segment of a beach ball, from the cap to the rim, bulging."""

    def at(radius: float, offset: float) -> tuple[float, float]:
        return radius * math.cos(angle + offset), -0.5 + radius * math.sin(angle + offset)

    return inside(facets((0.0, -0.5), at(0.3, -0.34), at(0.75, -0.34), at(0.75, 0.34), at(0.3, 0.34)), _BALL)


_BALL_SEGMENTS = joined(*(_ball_segment(math.tau * third / 3 - math.pi / 2) for third in range(3)))


def draw_ball(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A beach ball: three light segments and a dark cap, so that rolling is seen."""
    fill(canvas, _BALL, tones.body)
    fill(canvas, _BALL_SEGMENTS, tones.light)
    dot(canvas, 0.0, -0.5, 0.13, tones.dark)


_BALLOON = smooth((0.0, -1.0), (0.24, -0.92), (0.32, -0.70), (0.22, -0.47), (0.0, -0.34), (-0.22, -0.47),
                  (-0.32, -0.70), (-0.24, -0.92))  # fmt: skip
_BALLOON_SHADE = inside(
    smooth((0.28, -0.95), (0.40, -0.66), (0.10, -0.30), (-0.20, -0.44), (0.12, -0.52), (0.24, -0.72)), _BALLOON
)
_BALLOON_KNOT = facets((0.0, -0.37), (0.08, -0.27), (-0.08, -0.27))
_BALLOON_SHINE = ring_of(-0.13, -0.79, 0.07, 0.10)


def draw_balloon(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A pear of rubber above a string that sways."""
    sway = 0.09 * wave(pose)
    bow(canvas, (0.0, -0.29), (sway, -0.2), (-sway, -0.12), (sway, -0.02), 0.045, tones.dark)
    fill(canvas, _BALLOON, tones.body)
    fill(canvas, _BALLOON_SHADE, tones.dark)
    fill(canvas, _BALLOON_KNOT, tones.dark)
    fill(canvas, _BALLOON_SHINE, tones.light)
