"""The fish of the world: origin under its belly, 1 unit high with its fins, facing right."""

import math

import skia

from aiprod_trainer.worlds.brush import Tones, dot, fill, inside, oval, smooth, turn
from aiprod_trainer.worlds.limbs import airborne, wave
from aiprod_trainer.worlds.motion import AIRBORNE_SHARE, Pose

_BODY = smooth((-0.42, -0.48), (-0.28, -0.68), (0.02, -0.80), (0.36, -0.72), (0.58, -0.48), (0.36, -0.20),
               (0.02, -0.12), (-0.28, -0.28))  # fmt: skip
_BELLY = inside(smooth((-0.34, -0.30), (0.06, -0.27), (0.56, -0.30), (0.40, -0.04), (-0.06, -0.02)), _BODY)
_BACK_FIN = smooth((-0.20, -0.66), (-0.14, -0.92), (0.04, -1.0), (0.10, -0.92), (0.26, -0.72))
_TAIL = smooth((0.06, -0.06), (-0.14, -0.20), (-0.30, -0.28), (-0.27, -0.08), (-0.20, 0.0), (-0.27, 0.08),
               (-0.30, 0.28), (-0.14, 0.20), (0.06, 0.06))  # fmt: skip
_SIDE_FIN = smooth((0.0, -0.07), (-0.16, -0.14), (-0.28, -0.10), (-0.24, 0.08), (-0.10, 0.10))


def draw_fish(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A deep round body, a forked tail that beats sideways, a fin on its back; a leap follows its arc."""
    turn(canvas, 0.0, -0.46, _pitch(pose))
    beat = wave(pose) if pose.gait == "swim" else airborne(pose) * math.sin(math.tau * 3 * pose.phase)
    canvas.save()
    canvas.translate(-0.36, -0.48)
    canvas.scale(1.0 - 0.3 * abs(beat), 1.0)
    canvas.rotate(14 * beat)
    fill(canvas, _TAIL, tones.dark)
    canvas.restore()
    fill(canvas, _BACK_FIN, tones.dark)
    fill(canvas, _BODY, tones.body)
    fill(canvas, _BELLY, tones.light)
    canvas.save()
    canvas.translate(0.10, -0.42)
    canvas.rotate(20 * beat)
    fill(canvas, _SIDE_FIN, tones.dark)
    canvas.restore()
    dot(canvas, 0.33, -0.55, 0.085, tones.white)
    dot(canvas, 0.35, -0.545, 0.056, tones.ink)
    if pose.mouth > 0:
        oval(canvas, 0.53, -0.42, 0.05, 0.06 * pose.mouth, tones.ink)
    canvas.restore()


def _pitch(pose: Pose) -> float:
    """Along the arc of a leap, nose up as it rises and down as it falls; back up under water. Radians."""
    if pose.gait != "jump":
        return 0.0
    if pose.phase < AIRBORNE_SHARE:
        return -0.6 * math.cos(math.pi * pose.phase / AIRBORNE_SHARE)
    return 0.6 * math.cos(math.pi * (pose.phase - AIRBORNE_SHARE) / (1 - AIRBORNE_SHARE))
