"""The spatial ×2 latent upsampler: HW-VAE latents of a clip in, those of the same clip at twice the size out.

`[b c t h w]` → `[b c t 2h 2w]`, frame by frame, so that any length will do. A linear path says what a sub-pixel
convolution (Shi et al. 2016, arXiv:1609.05158) of nine latents can, and is fitted in closed form; blocks at the small
size and at the large one add what it cannot, and start as nothing. Knows no files, no noise and no pixels.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.models.layers import ChannelRMSNorm, per_frame

AROUND = 9  # latents that the linear path sees


@dataclass(frozen=True, kw_only=True)
class UpsamplerConfig:
    """Sizes of the upsampler; `channels` are those of the latents."""

    channels: int
    width: int
    small_blocks: int
    large_blocks: int
    expansion: int = 2
    kernel: int = 5


NANO = UpsamplerConfig(channels=48, width=128, small_blocks=6, large_blocks=3)
FULL = UpsamplerConfig(channels=128, width=512, small_blocks=8, large_blocks=4)


class LatentUpsampler(nn.Module):
    """Normalised latents `[b c t h w]` → normalised latents `[b c t 2h 2w]`."""

    def __init__(self, config: UpsamplerConfig) -> None:
        super().__init__()
        self.config = config
        self.linear = nn.Linear(AROUND * config.channels, 4 * config.channels)
        self.stem = nn.Linear(config.channels, config.width)
        self.small = nn.Sequential(*[Block(config) for _ in range(config.small_blocks)])
        self.up = nn.Linear(config.width, 4 * config.width)
        self.large = nn.Sequential(*[Block(config) for _ in range(config.large_blocks)])
        self.norm = ChannelRMSNorm(config.width)
        self.head = nn.Linear(config.width, config.channels)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, latents: Tensor) -> Tensor:
        x = self.small(self.stem(rearrange(latents, "b c t h w -> b t h w c")))
        x = rearrange(self.up(x), "b t h w (p q d) -> b t (h p) (w q) d", p=2, q=2)
        learned = self.head(self.norm(self.large(x)))
        direct = rearrange(self.linear(around(latents)), "b t h w (p q c) -> b t (h p) (w q) c", p=2, q=2)
        return rearrange(direct + learned, "b t h w c -> b c t h w")

    @torch.no_grad()
    def fit(self, small: Tensor, large: Tensor) -> None:
        """Set the linear path to the least squares of pairs `[b c t h w]`, `[b c t 2h 2w]`, many more than it has
        weights."""
        given = rearrange(around(small), "b t h w k -> (b t h w) k").double()
        wanted = rearrange(large, "b c t (h p) (w q) -> (b t h w) (p q c)", p=2, q=2).double()
        given = F.pad(given, (0, 1), value=1.0)
        ridge = 1e-6 * len(given) * torch.eye(given.shape[1], dtype=given.dtype, device=given.device)
        solved = torch.linalg.solve(given.T @ given + ridge, given.T @ wanted).T
        self.linear.weight.copy_(solved[:, :-1])
        self.linear.bias.copy_(solved[:, -1])


class Block(nn.Module):
    """Depthwise convolution in space, then a small network per position: `[b t h w d]`. Starts as nothing."""

    def __init__(self, config: UpsamplerConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.expansion * config.width
        self.spatial = nn.Conv2d(width, width, config.kernel, padding=config.kernel // 2, groups=width)
        self.norm = ChannelRMSNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        nn.init.zeros_(self.narrow.weight)
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(F.silu(self.widen(self.norm(per_frame(self.spatial, x)))))


def around(latents: Tensor) -> Tensor:
    """Each latent of `[b c t h w]` with its eight neighbours, edges repeated: `[b t h w 9c]`."""
    frames = rearrange(latents, "b c t h w -> (b t) c h w")
    patches = F.unfold(F.pad(frames, (1, 1, 1, 1), mode="replicate"), 3)
    return rearrange(patches, "(b t) k (h w) -> b t h w k", b=latents.shape[0], h=latents.shape[3])


def interpolated(latents: Tensor) -> Tensor:
    """Latents `[b c t h w]` at twice the size by bicubic interpolation, frame by frame: the floor."""
    frames = rearrange(latents, "b c t h w -> (b t) c h w")
    large = F.interpolate(frames, scale_factor=2, mode="bicubic", align_corners=False)
    return rearrange(large, "(b t) c h w -> b c t h w", b=latents.shape[0])
