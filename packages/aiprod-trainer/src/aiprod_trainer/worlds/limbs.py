"""Legs and the rhythm of gaits: where a foot is at a phase, and how a two-segment leg reaches it.

The foot of turn 0 lands at phase 0.25 and that of turn 0.5 at phase 0.75, the moments of `motion.events_of`.
Lengths are in heights of the subject, y negative is up.
"""

import math

import skia

from aiprod_trainer.worlds.brush import Point, facets, fill, joined, slab, smooth
from aiprod_trainer.worlds.motion import AIRBORNE_SHARE, Pose

NOMINAL_SIZE = 0.48  # a pose speaks frame heights, a drawing heights of the subject, whose size is 0.44 to 0.52
STRIDE = {"walk": 1.0, "run": 1.5}
CLEARANCE = {"walk": 1.0, "run": 1.6}
HEEL_LIFT = 0.3  # of the way a foot trails: it leaves the ground over its toe


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
            along = reach * STRIDE[pose.gait] * math.sin(angle)
            heel = HEEL_LIFT * max(0.0, -along)
            return along, pose.lift / NOMINAL_SIZE - max(lifted, heel)
        case "dance":
            return 0.0, -2 * clearance * max(0.0, -wave(pose, turns))
        case _:
            return 0.0, 0.0


def leg(
    canvas: skia.Canvas,
    parts: tuple[skia.Path, skia.Path],
    hip: Point,
    foot: Point,
    segment: float,
    bend: int,
    colour: int,
    shoe: skia.Path | None = None,
    shoe_colour: int = 0,
) -> None:
    """Draw a thigh and a shin, both hanging from (0, 0) to (0, `segment`), so that the ankle reaches `foot`.

    The joint points forward for `bend` 1, backward for -1. A foot out of reach is approached with a straight leg.
    `shoe` is drawn over the shin, in its frame.
    """
    across, down = foot[0] - hip[0], foot[1] - hip[1]
    half = min(1.0, math.hypot(across, down) / (2 * segment))
    slant = math.degrees(math.atan2(-across, down))
    fold = bend * math.degrees(math.acos(half))
    canvas.save()
    canvas.translate(*hip)
    canvas.rotate(slant - fold)
    fill(canvas, parts[0], colour)
    canvas.translate(0.0, segment)
    canvas.rotate(2 * fold)
    fill(canvas, parts[1], colour)
    if shoe is not None:
        fill(canvas, shoe, shoe_colour)
    canvas.restore()


def limb_parts(
    segment: float, hip_width: float, knee_width: float, ankle_width: float, toe: float
) -> tuple[skia.Path, skia.Path]:
    """A thigh and a shin with a paw that reaches `toe` forward."""
    hip, knee, ankle = hip_width / 2, knee_width / 2, ankle_width / 2
    thigh = smooth((-hip, 0.0), (0.0, -hip), (hip, 0.0), (knee, segment), (0.0, segment + knee), (-knee, segment))
    shin = joined(
        facets((-knee, 0.0), (knee, 0.0), (ankle, segment - ankle), (-ankle, segment - ankle)),
        slab(-ankle, segment - 1.8 * ankle, ankle + toe, segment, min(0.8 * ankle, 0.06)),
    )
    return thigh, shin
