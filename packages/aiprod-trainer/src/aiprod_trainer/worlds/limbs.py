"""Legs and the rhythm of gaits: where a foot is at a phase, and how a two-segment leg reaches it.

The foot of turn 0 lands at phase 0.25 and that of turn 0.5 at phase 0.75, the moments of `motion.events_of`.
Lengths are in heights of the subject, y negative is up.
"""

import math

import skia

from aiprod_trainer.worlds.brush import Point, line
from aiprod_trainer.worlds.motion import AIRBORNE_SHARE, Pose

NOMINAL_SIZE = 0.48  # a pose speaks frame heights, a drawing heights of the subject, whose size is 0.44 to 0.52
STRIDE = {"walk": 1.0, "run": 1.5}
CLEARANCE = {"walk": 1.0, "run": 1.6}


def wave(pose: Pose, turns: float = 0.0) -> float:
    """sin of the phase, `turns` later in the cycle, [-1, 1]."""
    return math.sin(math.tau * (pose.phase + turns))


def strides(pose: Pose) -> bool:
    """Whether the gait swings the legs."""
    return pose.gait in STRIDE


def airborne(pose: Pose) -> float:
    """How far into the air a jump is: 0 on the ground, 1 at the top."""
    if pose.gait != "jump" or pose.phase >= AIRBORNE_SHARE:
        return 0.0
    return math.sin(math.pi * pose.phase / AIRBORNE_SHARE)


def crouch(pose: Pose) -> float:
    """How deep a jump's crouch is: 0 in the air, 1 at the deepest."""
    if pose.gait != "jump" or pose.phase < AIRBORNE_SHARE:
        return 0.0
    return math.sin(math.pi * (pose.phase - AIRBORNE_SHARE) / (1 - AIRBORNE_SHARE))


def step(pose: Pose, turns: float, reach: float, clearance: float) -> Point:
    """Offset of a foot from where it rests: `reach` is half a walking stride, `clearance` how high a swing lifts it.

    A striding body bobs, so the standing foot goes down by the same amount and stays on the ground.
    """
    match pose.gait:
        case "walk" | "run":
            angle = math.tau * (pose.phase + turns)
            lifted = CLEARANCE[pose.gait] * clearance * max(0.0, math.cos(angle))
            return reach * STRIDE[pose.gait] * math.sin(angle), pose.lift / NOMINAL_SIZE - lifted
        case "dance":
            return 0.0, -2 * clearance * max(0.0, -wave(pose, turns))
        case _:
            return 0.0, 0.0


def leg(canvas: skia.Canvas, hip: Point, foot: Point, segment: float, bend: int, width: float, colour: int) -> None:
    """A thigh and a shin of length `segment` each; the joint points forward for `bend` 1, backward for -1."""
    across, down = foot[0] - hip[0], foot[1] - hip[1]
    distance = max(1e-6, math.hypot(across, down))
    out = bend * math.sqrt(max(0.0, segment**2 - distance**2 / 4)) / distance
    knee = ((hip[0] + foot[0]) / 2 + out * down, (hip[1] + foot[1]) / 2 - out * across)
    line(canvas, (hip, knee, foot), width, colour)
