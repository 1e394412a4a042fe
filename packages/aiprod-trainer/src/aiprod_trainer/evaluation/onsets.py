"""When sounds begin, measured from the waveform alone: knows neither the scene nor the model that made it."""

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.0025
AFTER_FRAMES, BEFORE_FRAMES = 4, 8  # a beginning: 10 ms that are louder than the 20 ms before them
RISE_DB = 8.0
ABOVE_MEDIAN_DB = 8.0
APART_S = 0.06


def onsets_s(wave: NDArray[np.float32], *, sample_rate_hz: int) -> list[float]:
    """Moments at which the power of `wave` [s] jumps by 8 dB, in seconds, ascending, at least 60 ms apart.

    A jump also has to end 8 dB above the median of the clip, so that ripples of a quiet place are not counted.
    """
    frame = round(FRAME_S * sample_rate_hz)
    frames = len(wave) // frame
    power = np.mean(wave[: frames * frame].reshape(frames, frame).astype(np.float64) ** 2, axis=1) + 1e-9
    total = np.concatenate([[0.0], np.cumsum(power)])
    places = np.arange(BEFORE_FRAMES, frames - AFTER_FRAMES)
    after = (total[places + AFTER_FRAMES] - total[places]) / AFTER_FRAMES
    before = (total[places] - total[places - BEFORE_FRAMES]) / BEFORE_FRAMES
    rise_db = 10 * np.log10(after / before)
    loud = 10 * np.log10(after / np.median(power)) > ABOVE_MEDIAN_DB
    found: list[float] = []
    for place in sorted(np.flatnonzero((rise_db > RISE_DB) & loud), key=lambda place: -rise_db[place]):
        time_s = float(places[place]) * FRAME_S
        if all(abs(time_s - other) >= APART_S for other in found):
            found.append(time_s)
    return sorted(found)


def onset_errors_s(expected_s: list[float], found_s: list[float]) -> list[float]:
    """For each expected moment, how far the nearest found one is, in seconds; infinite where none was found."""
    return [min((abs(moment - other) for other in found_s), default=float("inf")) for moment in expected_s]
