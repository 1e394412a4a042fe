"""A limiter that looks ahead: true peaks held under a ceiling by a gain that all channels share and nobody hears move.

The gain goes down before a peak comes and up again slowly, both without corners, and is smooth enough not to make new
peaks. Only arithmetic on whole arrays: no loop over samples.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

LOOK_AHEAD_S = 0.006
RELEASE_S = 0.12  # to 1/e of the reduction in decibels


def gains(peaks: NDArray[np.float32], ceiling_dbtp: float, rate_hz: int) -> NDArray[np.float32]:
    """Gains `[s]` that keep a sound of these `true_peaks` `[s]` under the ceiling, within hundredths of a dB."""
    over_db = 20 * np.log10(np.maximum(peaks, 1e-9, dtype=np.float64)) - ceiling_dbtp
    if not (over_db > 0).any():
        return np.ones(len(peaks), np.float32)
    reduction_db = _smooth(np.maximum(over_db, 0), rate_hz)
    return np.power(10.0, -reduction_db / 20).astype(np.float32)


def _smooth(needed_db: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """A reduction `[s]` nowhere below `needed_db` `[s]`: early by the look-ahead, then falling exponentially.

    Each smoothed value is a mean of values that are all at least what its own sample needs, for these were spread as
    wide as the mean reaches.
    """
    reach = round(LOOK_AHEAD_S * rate_hz / 2)
    ahead = maximum_filter1d(needed_db, 2 * reach + 1, mode="nearest")
    width = reach | 1  # two running means of this odd width reach as far together
    falling = _decay(ahead, RELEASE_S * rate_hz)
    return np.asarray(uniform_filter1d(uniform_filter1d(falling, width, mode="nearest"), width, mode="nearest"))


def _decay(values: NDArray[np.float64], time_constant: float) -> NDArray[np.float64]:
    """The highest of `values` so far, each fading exponentially: a running maximum where logarithms fade linearly."""
    ramp = np.arange(len(values)) / time_constant
    with np.errstate(divide="ignore"):
        return np.exp(np.maximum.accumulate(np.log(values) + ramp) - ramp)
