"""What is pinned in the latents: pictures that a clip must pass through.

A pinned latent frame runs on its own clock: at strength s it starts from noise level 1 − s of the picture and is
denoised from there, so that s = 1 keeps it and s = 0 ignores it. Sampler and training share this one rule.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from aiprod_core.components.noisers import add_noise
from aiprod_core.types import Compression


@dataclass(frozen=True)
class Pins:
    """`latents`: `[b c t h w]`, read where `strength` `[t]` is above 0."""

    latents: Tensor
    strength: Tensor

    def clock(self, t: Tensor) -> Tensor:
        """The run's time `t` (a scalar) as each latent frame's own, `[1 t]`."""
        return ((1 - self.strength) * t)[None]

    def start(self, noise: Tensor) -> Tensor:
        """Where the run starts from: noise, and pictures as noisy as their strength says."""
        t = (1 - self.strength).view(1, 1, -1, 1, 1).to(noise.dtype)
        return torch.where(t < 1, add_noise(self.latents, noise, t), noise)


def no_pins(shape: tuple[int, ...]) -> Pins:
    """Pins for latents of `shape` that hold nothing."""
    return Pins(torch.zeros(shape), torch.zeros(shape[2]))


def latent_frame_of(frame: int, by: Compression) -> int:
    """The latent frame in which pixel frame `frame` lies."""
    return -(-frame // by.time)
