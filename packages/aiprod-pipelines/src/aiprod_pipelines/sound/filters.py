"""Filters that synthesis, mixing and metering are made of: Butterworth passes, and second-order sections.

scipy.signal takes seconds to import and is asked for only as a filter is used.
"""

import numpy as np
from numpy.typing import NDArray


def lowpass(samples: NDArray[np.float32], edge_hz: float, rate_hz: int, order: int = 4) -> NDArray[np.float32]:
    """`samples` `[… s]` below `edge_hz`."""
    return _butterworth(samples, edge_hz, rate_hz, order, "lowpass")


def highpass(samples: NDArray[np.float32], edge_hz: float, rate_hz: int, order: int = 4) -> NDArray[np.float32]:
    """`samples` `[… s]` above `edge_hz`."""
    return _butterworth(samples, edge_hz, rate_hz, order, "highpass")


def bandpass(
    samples: NDArray[np.float32], low_hz: float, high_hz: float, rate_hz: int, order: int = 2
) -> NDArray[np.float32]:
    """`samples` `[… s]` between `low_hz` and `high_hz`."""
    return highpass(lowpass(samples, high_hz, rate_hz, order), low_hz, rate_hz, order)


def sections(samples: NDArray[np.float32], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """`samples` `[… s]` through second-order sections `[n 6]` (b0 b1 b2 a0 a1 a2), one after the other."""
    from scipy.signal import sosfilt

    if not samples.size:
        return samples.astype(np.float64)
    return np.asarray(sosfilt(coefficients, samples.astype(np.float64), axis=-1))


def _butterworth(
    samples: NDArray[np.float32], edge_hz: float, rate_hz: int, order: int, kind: str
) -> NDArray[np.float32]:
    from scipy.signal import butter

    return sections(samples, butter(order, edge_hz, kind, fs=rate_hz, output="sos")).astype(np.float32)
