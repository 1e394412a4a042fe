"""The camera: scene and time → what part of the world the frame shows.

Lengths are in frame heights. At rest the frame shows x in [-aspect/2, aspect/2] and y in [0, 1].
"""

import math
from dataclasses import dataclass

from aiprod_trainer.worlds.motion import SPEED_PER_S, pose_at
from aiprod_trainer.worlds.scene import Scene

MIDDLE_Y = 0.5
PAN_SPEED_PER_S = 0.12
PAN_AGAINST_SPEED_PER_S = 0.08  # slower when the hero travels the other way, or it would leave the frame
TILT_HEIGHT = 0.16
ZOOM = 1.32
ZOOM_ABOUT_Y = 0.62  # the middle of a hero that stands
SHAKE = 0.014


@dataclass(frozen=True)
class View:
    """The point of the ground plane that the frame's middle shows, from its rest, and the magnification."""

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0


REST = View()


def view_at(scene: Scene, time_s: float) -> View:
    """The camera at `time_s`, in [0, duration). Pans and tilts are at rest halfway through the clip."""
    elapsed = time_s / scene.duration_s
    match scene.camera:
        case "pan-left" | "pan-right":
            return View(x=_pan_speed_per_s(scene) * (time_s - scene.duration_s / 2))
        case "tilt-up":
            return View(y=TILT_HEIGHT * (0.4 - _eased(elapsed)))
        case "tilt-down":
            return View(y=TILT_HEIGHT * (_eased(elapsed) - 0.6))
        case "zoom-in":
            return _zoomed(ZOOM ** _eased(elapsed))
        case "zoom-out":
            return _zoomed(ZOOM ** (1.0 - _eased(elapsed)))
        case "tracking":
            return View(x=pose_at(scene, time_s).x)
        case "handheld":
            return _shaken(time_s)
        case _:
            return REST


def _pan_speed_per_s(scene: Scene) -> float:
    side = -1 if scene.camera == "pan-left" else 1
    heading = -1 if scene.direction == "left" else 1
    against = scene.action in SPEED_PER_S and side != heading
    return side * (PAN_AGAINST_SPEED_PER_S if against else PAN_SPEED_PER_S)


def _eased(elapsed: float) -> float:
    """0 → 1 with a soft start and stop."""
    return elapsed * elapsed * (3 - 2 * elapsed)


def _zoomed(zoom: float) -> View:
    """Magnified about the hero's middle, which keeps its place in the frame."""
    return View(y=(ZOOM_ABOUT_Y - MIDDLE_Y) * (1 - 1 / zoom), zoom=zoom)


def _shaken(time_s: float) -> View:
    """Three slow waves an axis, which never repeat within a clip."""
    x = math.sin(math.tau * 0.7 * time_s) + 0.6 * math.sin(math.tau * 1.3 * time_s + 1.0)
    y = math.sin(math.tau * 0.9 * time_s + 2.0) + 0.5 * math.sin(math.tau * 1.7 * time_s)
    return View(x=SHAKE * x, y=0.7 * SHAKE * y, zoom=1.03)
