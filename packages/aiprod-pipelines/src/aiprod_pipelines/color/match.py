"""Make one shot look like another: its mean and spread of colour in OKLab moved to those of a reference.

The statistics are those of a few frames of each shot, so that a shot gets one transform and nothing flickers; how far
it may go is clamped, since a night is not made a noon. Knows frames and encodings, nothing of files or grades.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.color import transfer
from aiprod_pipelines.color.delta_e import light_to_xyz, oklab_to_xyz, xyz_to_light, xyz_to_oklab
from aiprod_pipelines.color.operations import Triple
from aiprod_pipelines.color.transfer import Float
from aiprod_pipelines.picture import Encoding, Frame

SAMPLES = 20_000  # pixels of a frame that are looked at, evenly spaced
LEAST_SPREAD = 1e-3  # of a channel that is flat: its spread is left alone
GAINS = (0.5, 2.0)  # of the spread of a channel
MOST_SHIFT = (0.35, 0.12, 0.12)  # of the means of L, a, b


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Mean and standard deviation of OKLab's L, a, b over the pixels of a shot."""

    mean: Triple
    spread: Triple


@dataclass(frozen=True, kw_only=True)
class Match:
    """An affine map of OKLab, channel by channel: `gain` · x + `offset`."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # read from plain data, known fields only

    gain: Triple = (1.0, 1.0, 1.0)
    offset: Triple = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not np.isfinite([*self.gain, *self.offset]).all() or min(self.gain) <= 0:
            raise InputError(f"match: got gain {self.gain} and offset {self.offset}, expected finite, gain above 0")

    def apply(self, code: Float, encoding: Encoding) -> Float:
        """Code values in [0, 1] `[… 3]`, matched; what leaves the gamut is clipped to it."""
        oklab = xyz_to_oklab(light_to_xyz(transfer.decode(code, encoding), encoding))
        matched = oklab_to_xyz(oklab * self.gain + self.offset)
        return transfer.encode(np.maximum(xyz_to_light(matched, encoding), 0).astype(np.float32), encoding)


def measure(frames: Iterable[Frame], encoding: Encoding) -> Statistics:
    """Statistics of a shot from some of its frames `[h w 3]`, all of equal weight. Raises `InputError` for none."""
    means, squares = [], []
    for frame in frames:
        oklab = xyz_to_oklab(light_to_xyz(transfer.to_light(thinned(frame), encoding), encoding)).reshape(-1, 3)
        means.append(oklab.mean(axis=0))
        squares.append((oklab**2).mean(axis=0))
    if not means:
        raise InputError("match: got a shot without frames, expected at least one; check its length")
    mean = np.mean(means, axis=0)
    spread = np.sqrt(np.maximum(np.mean(squares, axis=0) - mean**2, 0))
    return Statistics(mean=triple(mean), spread=triple(spread))


def thinned(frame: Frame) -> Frame:
    """Every so many pixels of a frame, `[1 w 3]`: those that `measure` looks at."""
    pixels = frame.reshape(1, -1, 3)
    return pixels[:, :: max(1, pixels.shape[1] // SAMPLES)]


def fit(shot: Statistics, reference: Statistics, *, strength: float = 1.0) -> Match:
    """The transform that brings `shot` to `reference`; at `strength` 0 it is the identity, at 1 it goes all the way.

    Gains stay within `GAINS` and the means move by at most `MOST_SHIFT`. Raises `InputError` for another strength.
    """
    if not 0 <= strength <= 1:
        raise InputError(f"match strength: got {strength:g}, expected 0 to 1")
    mean, spread = np.array(shot.mean), np.array(shot.spread)
    ratio = np.where(spread > LEAST_SPREAD, np.array(reference.spread) / np.maximum(spread, LEAST_SPREAD), 1)
    gain = np.clip(ratio, *GAINS)
    shift = np.clip(np.array(reference.mean) - mean, np.negative(MOST_SHIFT), MOST_SHIFT)
    gain, shift = 1 + strength * (gain - 1), strength * shift
    return Match(gain=triple(gain), offset=triple(mean + shift - gain * mean))


def triple(values: NDArray[np.float64]) -> Triple:
    """Three numbers as plain data."""
    first, second, third = (float(value) for value in values)
    return first, second, third
