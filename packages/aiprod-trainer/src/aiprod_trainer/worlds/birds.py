"""The birds of the world: origin between the feet, 1 unit high, facing right."""

import math

import skia

from aiprod_trainer.worlds.brush import Tones, bow, dot, facets, fill, inside, joined, oval, ring_of, smooth, turn
from aiprod_trainer.worlds.limbs import airborne, crouch, step, wave
from aiprod_trainer.worlds.motion import Pose

_BIRD_BODY = joined(
    smooth(
        (-0.42, -0.46),
        (-0.30, -0.66),
        (-0.05, -0.74),
        (0.22, -0.70),
        (0.34, -0.48),
        (0.24, -0.24),
        (0.0, -0.15),
        (-0.26, -0.24),
    ),
    ring_of(0.16, -0.73, 0.24, 0.235),
    smooth((0.08, -0.92), (0.02, -1.0), (0.16, -1.0), (0.24, -0.92)),
)
_BIRD_TAIL = smooth((-0.30, -0.52), (-0.60, -0.64), (-0.64, -0.53), (-0.57, -0.45), (-0.30, -0.34))
_BIRD_BELLY = inside(ring_of(0.20, -0.33, 0.17, 0.18), _BIRD_BODY)
_BIRD_BEAK = facets((0.36, -0.80), (0.62, -0.70), (0.36, -0.65))
_BIRD_LOWER_BEAK = facets((0.36, -0.71), (0.56, -0.68), (0.36, -0.62))
_BIRD_FOLDED_WING = smooth((0.04, -0.54), (0.06, -0.42), (-0.08, -0.32), (-0.36, -0.34), (-0.26, -0.48), (-0.08, -0.57))
_BIRD_WING = smooth(
    (0.15, 0.02), (0.12, -0.24), (-0.06, -0.44), (-0.30, -0.52), (-0.28, -0.34), (-0.22, -0.12), (-0.13, 0.04)
)


def draw_bird(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """A round body with a tuft, a beak and a wing that beats in flight, downwards through phase 0."""
    flies = pose.gait == "fly"
    beat = -wave(pose) if flies else airborne(pose)
    if flies:
        _bird_wing(canvas, tones.dark, beat, 0.16, -0.56)
    else:
        _bird_legs(canvas, tones, pose)
    fill(canvas, _BIRD_TAIL, tones.dark)
    fill(canvas, _BIRD_BODY, tones.body)
    fill(canvas, _BIRD_BELLY, tones.light)
    if pose.mouth > 0:
        turn(canvas, 0.36, -0.69, 0.6 * pose.mouth)
        fill(canvas, _BIRD_LOWER_BEAK, tones.accent)
        canvas.restore()
    fill(canvas, _BIRD_BEAK, tones.accent)
    dot(canvas, 0.24, -0.78, 0.075, tones.white)
    dot(canvas, 0.255, -0.775, 0.05, tones.ink)
    if flies or pose.gait == "jump":
        _bird_wing(canvas, tones.dark, beat, -0.06, -0.50)
    else:
        fill(canvas, _BIRD_FOLDED_WING, tones.dark)


def _bird_wing(canvas: skia.Canvas, colour: int, beat: float, x: float, y: float) -> None:
    """An open wing: `beat` 1 is straight up, -1 straight down; foreshortened in between, as seen from the side."""
    canvas.save()
    canvas.translate(x, y)
    canvas.scale(1.0, math.copysign(max(0.2, abs(beat)), beat))
    fill(canvas, _BIRD_WING, colour)
    canvas.restore()


def _bird_legs(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    tuck = airborne(pose)
    for x in (-0.06, 0.10):
        bow(
            canvas,
            (x, -0.22),
            (x, -0.12),
            (x, -0.03 - 0.06 * tuck),
            (x + 0.07, -0.03 - 0.05 * tuck),
            0.055,
            tones.accent,
        )


_PENGUIN_BODY = smooth((0.0, -1.0), (0.20, -0.93), (0.27, -0.74), (0.33, -0.40), (0.26, -0.10), (0.0, -0.03),
                       (-0.26, -0.10), (-0.33, -0.40), (-0.27, -0.74), (-0.20, -0.93))  # fmt: skip
_PENGUIN_BELLY = smooth((0.09, -0.52), (0.21, -0.44), (0.24, -0.28), (0.16, -0.13), (0.04, -0.12), (-0.05, -0.22),
                        (-0.06, -0.40))  # fmt: skip
_PENGUIN_FACE = joined(ring_of(0.03, -0.77, 0.085, 0.095), ring_of(0.18, -0.77, 0.07, 0.095))
_PENGUIN_EYES = joined(ring_of(0.04, -0.79, 0.045, 0.055), ring_of(0.18, -0.79, 0.04, 0.055))
_PENGUIN_BEAK = facets((0.06, -0.73), (0.40, -0.66), (0.08, -0.61))
_PENGUIN_LOWER_BEAK = facets((0.06, -0.67), (0.34, -0.63), (0.08, -0.57))
_PENGUIN_FLIPPER = smooth((-0.05, 0.0), (0.05, 0.0), (0.09, 0.20), (0.02, 0.36), (-0.05, 0.22))


def draw_penguin(canvas: skia.Canvas, tones: Tones, pose: Pose) -> None:
    """An upright egg with a pale belly, flippers and a beak; it waddles from foot to foot."""
    tuck, walks = airborne(pose), pose.gait == "walk"
    for x, turns in ((0.13, 0.5), (-0.13, 0.0)):
        along, down = step(pose, turns, 0.08, 0.08)
        oval(canvas, x + 0.04 + along, -0.045 + down, 0.13, 0.05 + 0.02 * tuck, tones.accent)
    turn(canvas, 0.0, 0.0, 0.09 * wave(pose) if walks else 0.0)
    canvas.translate(0.0, 0.03 * crouch(pose))
    spread = 22 + 85 * tuck + (14 * wave(pose, 0.25) if walks else 3 * wave(pose))
    _penguin_flipper(canvas, tones.dark, 0.26, -spread)
    fill(canvas, _PENGUIN_BODY, tones.body)
    fill(canvas, _PENGUIN_BELLY, tones.white)
    fill(canvas, _PENGUIN_FACE, tones.white)
    fill(canvas, _PENGUIN_EYES, tones.ink)
    if pose.mouth > 0:
        turn(canvas, 0.06, -0.64, 0.6 * pose.mouth)
        fill(canvas, _PENGUIN_LOWER_BEAK, tones.accent)
        canvas.restore()
    fill(canvas, _PENGUIN_BEAK, tones.accent)
    _penguin_flipper(canvas, tones.dark, -0.26, spread)
    canvas.restore()


def _penguin_flipper(canvas: skia.Canvas, colour: int, x: float, angle_degrees: float) -> None:
    canvas.save()
    canvas.translate(x, -0.60)
    canvas.rotate(angle_degrees)
    fill(canvas, _PENGUIN_FLIPPER, colour)
    canvas.restore()
