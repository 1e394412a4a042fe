"""Rotary positions: where a token stands in time and in the picture, as angles that queries and keys are turned by.

Time is counted in seconds (in units of an audio token) for video and sound alike, so that a sound and the frame that
makes it share their angles; rows and columns take the rest of a head, and a sound has none.
Source: RoPE (arXiv:2104.09864).
"""

import math
from dataclasses import dataclass

import torch
from einops import repeat
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, kw_only=True)
class RotaryPositions:
    """Angles of a head of `head_width`. `frames_per_latent`: pixel frames a latent frame spans, but for the first."""

    head_width: int
    frames_per_latent: int
    audio_rate_hz: float

    def video(self, frames: int, height: int, width: int, frame_rate_hz: float) -> Tensor:
        """Angles `[t h w head_width/2]` of latent frames: the middle of each in time, then rows and columns."""
        step = self.frames_per_latent
        middle = torch.tensor([0.5] + [step * (i - 1) + 1 + step / 2 for i in range(1, frames)])
        time = middle / frame_rate_hz * self.audio_rate_hz
        along_t = repeat(rotary_angles(time, self._of_time), "t d -> t h w d", h=height, w=width)
        along_h = repeat(rotary_angles(torch.arange(height), self._of_side), "h d -> t h w d", t=frames, w=width)
        along_w = repeat(rotary_angles(torch.arange(width), self._of_side), "w d -> t h w d", t=frames, h=height)
        return torch.cat([along_t, along_h, along_w], dim=-1)

    def audio(self, length: int) -> Tensor:
        """Angles `[l head_width/2]` of audio tokens: the same seconds; no row, no column."""
        return F.pad(rotary_angles(torch.arange(length) + 0.5, self._of_time), (0, 2 * self._of_side))

    @property
    def _of_side(self) -> int:
        """How many angles rows get, and columns as many; time gets the others."""
        return self.head_width // 2 // 3

    @property
    def _of_time(self) -> int:
        return self.head_width // 2 - 2 * self._of_side


def rotary_angles(positions: Tensor, count: int, longest: float = 1000.0) -> Tensor:
    """Angles `[n count]` of `positions` at `count` wavelengths, from 2π up to 2π·longest."""
    return positions.float()[:, None] * inverse_wavelengths(count, longest)


@dataclass(frozen=True)
class Turn:
    """A rotation of `[… n e]`: pairs of its first and second half, by angles `[n e/2]` whose waves are kept."""

    cos: Tensor  # [n e], twice the same
    sin: Tensor  # [n e], negative in the first half

    @classmethod
    def of(cls, angles: Tensor) -> "Turn":
        cos, sin = angles.cos(), angles.sin()
        return cls(torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1))

    def __call__(self, x: Tensor) -> Tensor:
        swapped = x.roll(x.shape[-1] // 2, dims=-1)
        return torch.addcmul(x * self.cos.to(x.dtype), swapped, self.sin.to(x.dtype))


def inverse_wavelengths(count: int, longest: float) -> Tensor:
    """`[count]` factors falling from 1 towards 1/longest, evenly in the logarithm."""
    return torch.exp(-math.log(longest) * torch.arange(count) / max(count, 1))
