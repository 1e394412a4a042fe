"""How bright an HDR10 film is: MaxCLL and MaxFALL of its frames (CTA-861.3, annex P), and their place in its file.

The encoder asks for both before it has seen a frame; a stream is measured as it passes, and the numbers are put into
their place afterwards. Knows PQ frames and one message of HEVC; knows nothing of tone.
"""

import math
import mmap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import MediaError
from aiprod_pipelines.color.transfer import pq_to_nits
from aiprod_pipelines.picture import Frame

# Room for the two in the stream, larger than anything measured; replaced when the last frame has passed.
UNMEASURED_NITS = (10_000, 9_999)
_HEAD, _TAIL = bytes([0x4E, 0x01, 144, 4]), bytes([0x80])  # ITU-T H.265, 7.3.2.4 and D.2.35
_LENGTH = len(_HEAD) + 4 + len(_TAIL)


@dataclass
class ContentLight:
    """What the frames seen so far reach: `max_cll_nits` the brightest pixel, `max_fall_nits` the brightest average."""

    max_cll_nits: float = 0.0
    max_fall_nits: float = 0.0

    def see(self, frame: Frame) -> None:
        """Take in a PQ frame `[h w 3]`; a pixel is as bright as its brightest part."""
        nits = _nits(frame.dtype.name)[frame.max(axis=2)]  # [h w]
        self.max_cll_nits = max(self.max_cll_nits, float(nits.max()))
        self.max_fall_nits = max(self.max_fall_nits, float(nits.mean(dtype=np.float64)))

    def rounded(self) -> tuple[int, int]:
        """Whole cd/m² that are not exceeded.

        A byte of zeros could ask for emulation prevention, which lengthens the message: 0 and n·256 become one more.
        """
        above = (math.ceil(min(value, 10_000 - 2) - 1e-3) for value in (self.max_cll_nits, self.max_fall_nits))
        max_cll, max_fall = (value + 1 if value % 256 == 0 else value for value in above)
        return max_cll, max_fall

    def write(self, path: Path) -> None:
        """Put the two numbers where the encoder left room for them in the MP4 file at `path`."""
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
            at = content.find(_message(UNMEASURED_NITS))
            if at < 0:
                raise MediaError(
                    f"{path}: got no place for MaxCLL in the stream, expected one; report the x265 version"
                )
            while at >= 0:
                content[at : at + _LENGTH] = _message(self.rounded())
                at = content.find(_message(UNMEASURED_NITS), at)


def _message(values: tuple[int, int]) -> bytes:
    """The whole unit of the stream: SEI prefix, payload type and size, two words, and the bit that ends it."""
    return _HEAD + b"".join(value.to_bytes(2, "big") for value in values) + _TAIL


@cache
def _nits(dtype: str) -> NDArray[np.float32]:
    """Light of every PQ code value; one lookup replaces a power a pixel."""
    top = np.iinfo(dtype).max
    return pq_to_nits(np.arange(top + 1) / top).astype(np.float32)
