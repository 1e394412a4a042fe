"""What a grade does to colours, as functions: exposure, CDL, wheels, curves.

Pure arithmetic on float arrays `[… 3]`. Where they are applied (linear light or ACEScct) is for the caller to know.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.color.transfer import Float

Triple = tuple[float, float, float]
Points = tuple[tuple[float, float], ...]

CDL_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ASC CDL 1.2: BT.709's, in whatever space


def cdl(rgb: Float, slope: Triple, offset: Triple, power: Triple, saturation: float) -> Float:
    """The ASC colour decision list, version 1.2: (x · slope + offset) ^ power, then saturation about luma.

    Not clamped: ACEScct goes on above 1, and what is below 0 is left as it is by the power.
    """
    graded = rgb * _row(slope) + _row(offset)
    if power != (1, 1, 1):
        graded = np.where(graded > 0, np.power(np.maximum(graded, 0), _row(power)), graded)
    if saturation != 1:
        luma = (graded @ CDL_LUMA)[..., None]
        graded = luma + np.float32(saturation) * (graded - luma)
    return graded.astype(np.float32)


def wheels(rgb: Float, lift: Triple, gamma: Triple, gain: Triple) -> Float:
    """Lift, gamma, gain: (gain · (x + lift · (1 − x))) ^ (1 / gamma).

    Lift moves black and leaves 1, gain moves 1 and leaves 0, gamma leaves both; all are neutral at 0, 1, 1. Negative
    values keep their sign.
    """
    lifted = _row(gain) * (rgb + _row(lift) * (1 - rgb))
    if gamma == (1, 1, 1):
        return lifted.astype(np.float32)
    return (np.sign(lifted) * np.power(np.abs(lifted), 1 / _row(gamma))).astype(np.float32)


def curve(x: NDArray[np.floating], points: Points) -> Float:
    """A monotone cubic through `points`, straight on beyond its ends (Fritsch and Butland 1984: no overshoot).

    `points`: at least two, x increasing. Slopes at the ends are those of Moler's `pchip`.
    """
    knots, values = (np.array(axis, np.float64) for axis in zip(*points, strict=True))
    steps = np.diff(knots)
    chords = np.diff(values) / steps
    slopes = _slopes(steps, chords)
    place = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(steps) - 1)
    step, left = steps[place], values[place]
    t = np.clip((x - knots[place]) / step, 0, 1)
    inside = (
        left
        + t * step * slopes[place]
        + t**2 * step * (3 * chords[place] - 2 * slopes[place] - slopes[place + 1])
        + t**3 * step * (slopes[place] + slopes[place + 1] - 2 * chords[place])
    )
    below, above = np.minimum(x - knots[0], 0) * slopes[0], np.maximum(x - knots[-1], 0) * slopes[-1]
    return (inside + below + above).astype(np.float32)


def _slopes(steps: NDArray[np.float64], chords: NDArray[np.float64]) -> NDArray[np.float64]:
    """At every knot: the weighted harmonic mean of the chords beside it, 0 where they turn."""
    if len(steps) == 1:
        return np.repeat(chords, 2)
    inner = [
        0.0
        if chord * after <= 0
        else 3 * (step + next_step) / ((2 * next_step + step) / chord + (next_step + 2 * step) / after)
        for (step, next_step), (chord, after) in zip(pairwise(steps), pairwise(chords), strict=True)
    ]
    first = _end_slope(steps[0], steps[1], chords[0], chords[1])
    last = _end_slope(steps[-1], steps[-2], chords[-1], chords[-2])
    return np.array([first, *inner, last])


def _end_slope(step: float, next_step: float, chord: float, next_chord: float) -> float:
    """Three-point slope at an end, held to what keeps the curve monotone."""
    slope = ((2 * step + next_step) * chord - step * next_chord) / (step + next_step)
    if slope * chord <= 0:
        return 0.0
    if chord * next_chord <= 0 and abs(slope) > 3 * abs(chord):
        return 3 * chord
    return slope


def _row(values: Triple) -> Float:
    return np.array(values, np.float32)
