"""How a subject moves: action and time → pose, and the moments at which that motion makes a sound.

Pose and events come from the same phase, so that a footfall is heard on the frame on which the foot lands.
Lengths are in frame heights, `lift` is height above the ground, angles are radians, phases are turns.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from aiprod_trainer.worlds.scene import Scene

EventKind: TypeAlias = Literal["footfall", "land", "bounce", "wing", "splash", "call"]

SPEED_PER_S = {"walk": 0.14, "run": 0.24, "fly": 0.18, "drive": 0.20, "roll": 0.20, "swim": 0.14, "sail": 0.10}
CYCLE_S = {
    "walk": 0.8, "run": 0.5, "jump": 0.8, "bounce": 0.6, "fly": 0.4,
    "dance": 0.8, "swim": 0.8, "sail": 2.0, "float": 2.0,
}  # fmt: skip
JUMP_HEIGHT = {"jump": 0.16, "bounce": 0.22}
AIRBORNE_SHARE = 0.6  # of a jump's cycle; the rest is crouch and recovery
FLYING_LIFT = 0.16
CALL_S = 0.6  # when a standing subject calls, and for how long its mouth is open
CALL_LENGTH_S = 0.5


@dataclass(frozen=True)
class Event:
    """A moment that is heard. `strength` in (0, 1]."""

    time_s: float
    kind: EventKind
    strength: float = 1.0


@dataclass(frozen=True)
class Pose:
    """A subject at one instant. `gait` names the action, `phase` where in its cycle it is, in [0, 1).

    `squash`: height factor, 1 at rest; the drawing keeps the area. `facing`: 1 right, -1 left. `mouth`: 0 shut, 1 open.
    """

    x: float
    lift: float
    angle: float
    squash: float
    phase: float
    gait: str
    facing: int
    mouth: float


def pose_at(scene: Scene, time_s: float) -> Pose:
    """The hero's pose at `time_s`."""
    facing = -1 if scene.direction == "left" else 1
    phase = time_s / CYCLE_S.get(scene.action, 1.0) % 1.0
    travelled = SPEED_PER_S.get(scene.action, 0.0) * (time_s - scene.duration_s / 2)
    still = Pose(
        x=scene.offset + facing * travelled,
        lift=0.0,
        angle=0.0,
        squash=1.0,
        phase=phase,
        gait=scene.action,
        facing=facing,
        mouth=0.0,
    )
    match scene.action:
        case "jump" | "bounce":
            return _airborne(still, JUMP_HEIGHT[scene.action], 1.0 if scene.action == "bounce" else AIRBORNE_SHARE)
        case "fly":
            return replace(still, lift=FLYING_LIFT + 0.02 * math.sin(math.tau * phase))
        case "float":
            return replace(
                still, lift=0.14 + 0.04 * math.sin(math.tau * phase), angle=0.08 * math.cos(math.tau * phase)
            )
        case "roll":
            return replace(still, angle=(time_s * SPEED_PER_S["roll"]) / (scene.size / 2) * facing)
        case "sail":
            return replace(still, angle=0.06 * math.sin(math.tau * phase))
        case "run" | "walk":
            bob = 0.02 if scene.action == "run" else 0.01
            return replace(still, lift=bob * abs(math.sin(math.tau * (phase - 0.25))))
        case "dance":
            return replace(still, angle=0.14 * math.sin(math.tau * phase), lift=0.02 * abs(math.sin(math.tau * phase)))
        case _:
            calling = 0.0 <= time_s - CALL_S < CALL_LENGTH_S
            breath = 1.0 + 0.015 * math.sin(math.tau * phase)
            return replace(still, squash=breath, mouth=1.0 if calling else 0.0)


def _airborne(still: Pose, height: float, airborne_share: float) -> Pose:
    """Ballistic flight for a share of the cycle; on the ground, a squash that eases in and out."""
    if still.phase < airborne_share:
        along = still.phase / airborne_share
        lift = height * 4 * along * (1 - along)
        contact = max(0.0, 1 - lift / (0.15 * height)) if airborne_share == 1.0 else 0.0
        return replace(still, lift=lift, squash=1.0 + 0.06 * (lift / height) - 0.22 * contact)
    along = (still.phase - airborne_share) / (1 - airborne_share)
    return replace(still, squash=1.0 - 0.22 * math.sin(math.pi * along))


def events_of(scene: Scene) -> tuple[Event, ...]:
    """Every sounding moment of the hero's motion within the clip, in order."""
    match scene.action:
        case "walk" | "run":
            return _periodic(scene, "footfall", 0.25, 0.5, strength=1.0 if scene.action == "run" else 0.7)
        case "dance":
            return _periodic(scene, "footfall", 0.0, 0.5, strength=0.8)
        case "jump":
            kind: EventKind = "splash" if scene.subject == "fish" else "land"
            return _periodic(scene, kind, AIRBORNE_SHARE, 1.0)
        case "bounce":
            return _periodic(scene, "bounce", 0.0, 1.0)
        case "fly":
            return () if scene.subject == "rocket" else _periodic(scene, "wing", 0.0, 1.0, strength=0.8)
        case "swim" | "sail":
            return _periodic(scene, "splash", 0.5, 1.0, strength=0.6)
        case "stand" | "sit":
            return (Event(CALL_S, "call"),) if scene.duration_s > CALL_S else ()
        case _:
            return ()


def _periodic(scene: Scene, kind: EventKind, first: float, every: float, strength: float = 1.0) -> tuple[Event, ...]:
    """Events at phases `first + n·every` of the action's cycle; nothing sounds at the very first instant."""
    cycle_s = CYCLE_S[scene.action]
    count = int(scene.duration_s / (every * cycle_s)) + 1
    times = (round((first + n * every) * cycle_s, 6) for n in range(count))
    return tuple(Event(time, kind, strength) for time in times if 0.0 < time < scene.duration_s)
