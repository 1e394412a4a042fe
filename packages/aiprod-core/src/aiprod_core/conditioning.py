"""What is pinned in the latents: pictures that a clip must pass through, sound that it must have.

A pinned latent frame, or audio token, runs on its own clock: at strength s it starts from noise level 1 − s of what is
pinned and is denoised from there: s = 1 keeps it and s = 0 ignores it. Sampler and training share this one rule.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from aiprod_core.components.noisers import add_noise
from aiprod_core.types import Compression


@dataclass(frozen=True)
class Pins:
    """What is pinned in one stream: `latents` `[b c n …]`, read where `strength` `[n]` is above 0.

    `n` counts latent frames of video or tokens of audio.
    """

    latents: Tensor
    strength: Tensor

    def clock(self, t: Tensor) -> Tensor:
        """The run's time `t` (a scalar) as each frame's or token's own, `[1 n]`."""
        return ((1 - self.strength) * t)[None]

    def start(self, noise: Tensor) -> Tensor:
        """Where the run starts from: noise, and what is pinned as noisy as its strength says."""
        t = along(1 - self.strength, noise).to(noise.dtype)
        return torch.where(t < 1, add_noise(self.latents, noise, t), noise)


def along(clock: Tensor, latents: Tensor) -> Tensor:
    """A number for each frame or token, `[n]` or `[1 n]`, so that it broadcasts against `latents` `[b c n …]`."""
    return clock.view(1, 1, -1, *(1,) * (latents.ndim - 3))


def no_pins(like: Tensor) -> Pins:
    """Pins for latents of the shape, type and device of `like` that hold nothing."""
    return Pins(torch.zeros_like(like), torch.zeros(like.shape[2], device=like.device))


def all_pinned(latents: Tensor) -> Pins:
    """Pins that keep all of `latents` `[b c n …]` as they are."""
    return Pins(latents, torch.ones(latents.shape[2], device=latents.device))


def latent_frame_of(frame: int, by: Compression) -> int:
    """The latent frame in which pixel frame `frame` lies."""
    return -(-frame // by.time)
