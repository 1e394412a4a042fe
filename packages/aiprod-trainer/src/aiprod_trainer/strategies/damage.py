"""Damage: what decoding and generating does to pictures and sound, done on purpose to clips that a judge learns from.

Pure functions. Video is `[c t h w]`, sound `[s]`, both in about [-1, 1]; chance comes from a `random.Random` and, for
noise, from a generator made of it.
"""

import random
from copy import copy

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from aiprod_trainer.evaluation.metrics import PrincipalCodec

LUMA = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
BLOCK = 8


def damaged_video(video: Tensor, codec: PrincipalCodec, rng: random.Random) -> Tensor:
    """A clip with other colours than it had, and half of the time blurred, resampled, blocky or badly coded; noisy."""
    video = tinted(video, rng)
    match rng.choices(("none", "blurred", "resampled", "blocky", "recoded"), weights=(3, 2, 2, 1, 4))[0]:
        case "blurred":
            video = blurred(video, rng.uniform(0.3, 1.3))
        case "resampled":
            video = resampled(video, rng.randrange(28, 60))
        case "blocky":
            video = blocky(video, rng.uniform(0.1, 0.5))
        case "recoded":
            video = recoded(
                video, codec, values=rng.randrange(16, len(codec.basis)), error=rng.uniform(0, 0.5), rng=rng
            )
    if rng.random() < 0.4:
        video = video + rng.uniform(0.01, 0.12) * _noise(video, rng)
    return video.clamp(-1, 1)


def damaged_sound(sound: Tensor, rng: random.Random) -> Tensor:
    """A sound at another loudness, a little brighter or duller, over a little hiss."""
    sound = rng.uniform(0.5, 1.3) * sound
    sound = sound + rng.uniform(-0.3, 0.3) * F.pad(sound[:-1], (1, 0))
    return sound + 10 ** rng.uniform(-4.5, -2.7) * _noise(sound, rng)


def tinted(video: Tensor, rng: random.Random) -> Tensor:
    """Brightness, contrast and saturation a little off."""
    luma = torch.einsum("cthw,c->thw", video, torch.tensor(LUMA))
    video = luma + rng.uniform(0.85, 1.12) * (video - luma)
    return rng.uniform(0.88, 1.1) * video + rng.uniform(-0.07, 0.07)


def blurred(video: Tensor, sigma_px: float) -> Tensor:
    """Each frame under a Gaussian of `sigma_px`."""
    reach = 3
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma_px) ** 2)
    line = (line / line.sum()).view(1, 1, 1, -1)
    frames = F.pad(rearrange(video, "c t h w -> (c t) 1 h w"), (reach,) * 4, mode="replicate")
    frames = F.conv2d(F.conv2d(frames, line), line.transpose(2, 3))
    return rearrange(frames, "(c t) 1 h w -> c t h w", c=video.shape[0])


def resampled(video: Tensor, side_px: int) -> Tensor:
    """Each frame shrunk to `side_px` and brought back."""
    frames = rearrange(video, "c t h w -> t c h w")
    small = F.adaptive_avg_pool2d(frames, side_px)
    return rearrange(F.interpolate(small, video.shape[-2:], mode="bilinear"), "t c h w -> c t h w")


def blocky(video: Tensor, step: float) -> Tensor:
    """Cosine coefficients of 8×8 blocks rounded, the finer the detail the more coarsely: as in JPEG."""
    waves = dct_matrix(BLOCK)
    blocks = rearrange(video, "c t (h p) (w q) -> c t h w p q", p=BLOCK, q=BLOCK)
    order = torch.arange(BLOCK)
    steps = step * (0.5 + 0.25 * (order[:, None] + order))
    rounded = torch.round(waves @ blocks @ waves.T / steps) * steps
    return rearrange(waves.T @ rounded @ waves, "c t h w p q -> c t (h p) (w q)")


def recoded(video: Tensor, codec: PrincipalCodec, *, values: int, error: float, rng: random.Random) -> Tensor:
    """Through the first `values` numbers a block of `codec`, each with Gaussian errors of deviation `error`."""
    weak = copy(codec)
    weak.basis = codec.basis[:values]
    # The basis is orthonormal: white noise in the pixels is as much noise in each number.
    return weak.round_trip(video + error * _noise(video, rng))


def dct_matrix(size: int) -> Tensor:
    """The orthonormal DCT-II: rows are cosines, slow ones first."""
    n = torch.arange(size)
    waves = torch.cos(torch.pi / size * (n + 0.5) * n[:, None]) * (2 / size) ** 0.5
    waves[0] /= 2**0.5
    return waves


def _noise(like: Tensor, rng: random.Random) -> Tensor:
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(rng.randrange(2**31)))
