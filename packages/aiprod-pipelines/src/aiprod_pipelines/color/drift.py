"""A match that follows a shot whose light drifts: one transform a frame, smoothed over time so that nothing flickers.

For a shot with one light, `match.fit` is enough, and better: it cannot move at all.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.color import match
from aiprod_pipelines.color.match import Match, Statistics

SMOOTHING_WINDOWS = 1.0  # standard deviation of the Gaussian that windows are averaged by


def follow(windows: Sequence[Statistics], reference: Statistics, frames: int, *, strength: float = 1.0) -> list[Match]:
    """A transform for each of `frames` frames of a shot, of which `windows` of equal length tell the colours.

    The statistics are smoothed, each window is fitted as `match.fit` does, and between the middles of windows the
    transforms are interpolated. Raises `InputError` for no window, no frame, and another strength than 0 to 1.
    """
    if not windows or frames < 1:
        raise InputError(f"match: got {len(windows)} windows of {frames} frames, expected at least one of each")
    fitted = [match.fit(window, reference, strength=strength) for window in _smoothed(windows)]
    middles = (np.arange(len(fitted)) + 0.5) * frames / len(fitted)
    times = np.arange(frames) + 0.5
    gains, offsets = (
        np.stack([np.interp(times, middles, column) for column in np.array(rows).T], axis=1)
        for rows in ([one.gain for one in fitted], [one.offset for one in fitted])
    )
    return [
        Match(gain=match.triple(gain), offset=match.triple(offset)) for gain, offset in zip(gains, offsets, strict=True)
    ]


def _smoothed(windows: Sequence[Statistics]) -> list[Statistics]:
    places = np.arange(len(windows))
    weights = np.exp(-0.5 * ((places[:, None] - places[None, :]) / SMOOTHING_WINDOWS) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    means: NDArray[np.float64] = weights @ np.array([window.mean for window in windows])
    spreads: NDArray[np.float64] = weights @ np.array([window.spread for window in windows])
    return [Statistics(mean=match.triple(m), spread=match.triple(s)) for m, s in zip(means, spreads, strict=True)]
