"""What the pictures and the sound of a film are: size, rate, what code values mean. Arithmetic of time in integers.

Knows no file, no codec and no colour science; `color.transfer` turns code values into light.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import InputError, MediaError

Frame: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]  # [h w 3], full-range RGB code values

SOUND_RATE_HZ = 48_000
CHANNELS = {1: "mono", 2: "stereo", 6: "5.1"}  # 5.1: L R C LFE Ls Rs
MIN_SIZE_PX, MAX_SIZE_PX = 16, 8192
MAX_RATE_HZ = 240


class Encoding(StrEnum):
    """What code values mean: SDR for a BT.1886 display, or Rec.2100 with one of its two transfer functions."""

    REC709 = "rec709"
    PQ = "pq"
    HLG = "hlg"

    @property
    def is_hdr(self) -> bool:
        return self is not Encoding.REC709


@dataclass(frozen=True, kw_only=True)
class Format:
    """Size in pixels, both even; frames a second, exact; and what code values mean. Raises `InputError`."""

    width_px: int
    height_px: int
    frame_rate: Fraction
    encoding: Encoding = Encoding.REC709

    def __post_init__(self) -> None:
        for name, size_px in (("width", self.width_px), ("height", self.height_px)):
            if not MIN_SIZE_PX <= size_px <= MAX_SIZE_PX or size_px % 2:
                raise InputError(f"{name}: got {size_px} px, expected an even size from {MIN_SIZE_PX} to {MAX_SIZE_PX}")
        if not 1 <= self.frame_rate <= MAX_RATE_HZ:
            raise InputError(f"frame rate: got {self.frame_rate}, expected 1 to {MAX_RATE_HZ} frames a second")

    def frames(self, duration_s: float) -> int:
        """The whole number of frames nearest to `duration_s`."""
        return round(Fraction(duration_s).limit_denominator(1_000_000) * self.frame_rate)

    def sample(self, frame: int, rate_hz: int = SOUND_RATE_HZ) -> int:
        """The sample that is heard as `frame` appears; from the frame's own number, so that nothing adds up."""
        return round(Fraction(frame * rate_hz) / self.frame_rate)


@dataclass(frozen=True)
class Sound:
    """Sound in memory: float32 `[c s]`, c is 1, 2 or 6 (L R C LFE Ls Rs), full scale at ±1; may exceed it in a mix."""

    samples: NDArray[np.float32]
    rate_hz: int = SOUND_RATE_HZ

    def __post_init__(self) -> None:
        samples = self.samples
        if samples.dtype != np.float32 or samples.ndim != 2 or samples.shape[0] not in CHANNELS or self.rate_hz <= 0:
            raise MediaError(
                f"sound: got {samples.dtype} {samples.shape} at {self.rate_hz} Hz, expected float32 [c s] with c of "
                f"{', '.join(map(str, CHANNELS))}; convert it first"
            )

    @property
    def duration_s(self) -> float:
        return self.samples.shape[1] / self.rate_hz
