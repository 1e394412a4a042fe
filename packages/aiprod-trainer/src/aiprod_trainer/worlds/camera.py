"""The camera of a scene: scene and time → what part of the world the frame shows.

Lengths are in frame heights. At rest the frame shows x in [-aspect/2, aspect/2] and y in [0, 1].
"""

from aiprod_core.camera import PAN_SPEED_PER_S, REST, TILT_HEIGHT, ZOOM, View, eased, shaken
from aiprod_trainer.worlds.motion import SPEED_PER_S, pose_at
from aiprod_trainer.worlds.scene import Scene

MIDDLE_Y = 0.5
PAN_AGAINST_SPEED_PER_S = 0.06  # slower when the hero travels the other way, or it would leave the frame
ZOOM_ABOUT_Y = 0.62  # the middle of a hero that stands


def view_at(scene: Scene, time_s: float) -> View:
    """The camera at `time_s`, in [0, duration). Pans are at rest halfway through the clip."""
    last_s = scene.duration_s - 1 / scene.frame_rate_hz
    elapsed = min(1.0, time_s / last_s) if last_s > 0 else 0.0
    match scene.camera:
        case "pan-left" | "pan-right":
            return View(x=_pan_speed_per_s(scene) * (time_s - last_s / 2))
        case "tilt-up":
            return View(y=TILT_HEIGHT * (0.4 - eased(elapsed)))
        case "tilt-down":
            return View(y=TILT_HEIGHT * (eased(elapsed) - 0.6))
        case "zoom-in":
            return _zoomed(scene, time_s, ZOOM ** eased(elapsed))
        case "zoom-out":
            return _zoomed(scene, time_s, ZOOM ** (1.0 - eased(elapsed)))
        case "tracking":
            return View(x=pose_at(scene, time_s).x)
        case "handheld":
            return shaken(time_s)
        case _:
            return REST


def _pan_speed_per_s(scene: Scene) -> float:
    side = -1 if scene.camera == "pan-left" else 1
    heading = -1 if scene.direction == "left" else 1
    against = scene.action in SPEED_PER_S and side != heading
    return side * (PAN_AGAINST_SPEED_PER_S if against else PAN_SPEED_PER_S)


def follows_hero(scene: Scene) -> bool:
    """Whether the view depends on where this hero is, so that no other scene has the same one."""
    return scene.camera == "tracking" or (scene.camera in ("zoom-in", "zoom-out") and scene.action in SPEED_PER_S)


def _zoomed(scene: Scene, time_s: float, zoom: float) -> View:
    """Magnified about the middle of the hero, or where it stands still, of its place: it keeps that in the frame."""
    x = pose_at(scene, time_s).x if follows_hero(scene) else 0.0
    return View(x=x * (1 - 1 / zoom), y=(ZOOM_ABOUT_Y - MIDDLE_Y) * (1 - 1 / zoom), zoom=zoom)
