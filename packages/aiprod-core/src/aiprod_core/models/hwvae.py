"""HW-VAE: a causal video autoencoder on Haar wavelets.

Video `[b 3 1+k·n h w]` in [-1, 1] → latents `[b c 1+n h/space w/space]` → video. An orthonormal 3-D Haar transform
of small blocks does the first, exact compression; a linear path carries the block's energy straight into the
latents (and back out), and two small convolutional networks add what a linear code cannot say. Time is causal:
frame 0 stands alone, and no frame sees a later one, so that a clip may be coded in chunks.

Knows no files and no devices. Source: wavelet energy flow, WF-VAE (arXiv:2411.17459).
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from einops import rearrange
from torch import Tensor, nn

from aiprod_core.models.layers import CausalBlock, ChannelRMSNorm


@dataclass(frozen=True, kw_only=True)
class HWVAEConfig:
    """Sizes of the codec. A Haar level halves time, height and width; each stage after the first halves size again."""

    latent_channels: int
    haar_levels: int
    widths: tuple[int, ...]  # of the stages, finest first
    encoder_depths: tuple[int, ...]
    decoder_depths: tuple[int, ...]
    expansion: int = 2
    kernel: int = 5

    @property
    def time(self) -> int:
        """Frames that one latent frame stands for (the first one stands for a single frame)."""
        return int(2**self.haar_levels)

    @property
    def space(self) -> int:
        """Pixels a side that one latent stands for."""
        return int(2 ** (self.haar_levels + len(self.widths) - 1))

    @property
    def encoder_reach(self) -> int:
        """Latents a side beyond its own that the pixels behind a latent lie in."""
        return self._reach(self.encoder_depths)

    @property
    def decoder_reach(self) -> int:
        """Latents a side beyond its own that a pixel depends on."""
        return self._reach(self.decoder_depths)

    def _reach(self, depths: tuple[int, ...]) -> int:
        coarsest = len(self.widths) - 1
        return math.ceil(sum(depth * (self.kernel // 2) / 2 ** (coarsest - n) for n, depth in enumerate(depths)))

    @property
    def coefficients(self) -> int:
        """Haar coefficients of one block, all three colours."""
        return int(3 * 8**self.haar_levels)


NANO = HWVAEConfig(latent_channels=48, haar_levels=2, widths=(128, 256), encoder_depths=(2, 2), decoder_depths=(4, 3))
FULL = HWVAEConfig(
    latent_channels=128,
    haar_levels=3,
    widths=(512, 768, 1024),
    encoder_depths=(4, 6, 8),
    decoder_depths=(8, 10, 12),
)


class HWVAE(nn.Module):
    """The codec. `encode` gives normalised latents, `decode` takes them; statistics are the model's own buffers."""

    latent_mean: Tensor
    latent_scale: Tensor

    def __init__(self, config: HWVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.haar = HaarBlocks(config.haar_levels)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.register_buffer("latent_mean", torch.zeros(config.latent_channels))
        self.register_buffer("latent_scale", torch.ones(config.latent_channels))

    def encode(self, video: Tensor) -> Tensor:
        """Video `[b 3 1+k·n h w]` in [-1, 1] → normalised latents `[b c 1+n h/space w/space]`."""
        return self.normalise(self.analyse(video))

    def decode(self, latents: Tensor) -> Tensor:
        """Normalised latents `[b c 1+n h w]` → video `[b 3 1+k·n space·h space·w]`, about [-1, 1], not clamped."""
        return self.synthesise(self.denormalise(latents))

    def decode_linearly(self, latents: Tensor) -> Tensor:
        """Normalised latents `[b c t h w]` → video `[b 3 k·t space·h space·w]`, roughly: the linear path alone."""
        x = rearrange(self.denormalise(latents), "b c t h w -> b t h w c")
        return self.haar.inverse(rearrange(self.decoder.directly(x), "b t h w k -> b k t h w"))

    def analyse(self, video: Tensor) -> Tensor:
        """Video → raw latents, in the scale of the training loss."""
        stood = torch.cat([video[:, :, :1].expand(-1, -1, self.config.time - 1, -1, -1), video], dim=2)
        return self.encoder(self.haar(stood))

    def synthesise(self, latents: Tensor) -> Tensor:
        """Raw latents → video."""
        video = self.haar.inverse(self.decoder(latents))
        first = video[:, :, : self.config.time].mean(dim=2, keepdim=True)
        return torch.cat([first, video[:, :, self.config.time :]], dim=2)

    def set_latent_statistics(self, mean: Tensor, std: Tensor) -> None:
        """Store what `normalise` subtracts and divides by, from per-channel statistics `[c]` of raw latents.

        The scale is the geometric mean of each channel's deviation and the average one: strong channels stay
        stronger than weak ones, so that a diffusion model spends its effort where the picture is, yet none vanishes.
        """
        average = std.square().mean().sqrt()
        std = std.clamp_min(1e-4 * average)  # a channel that never moves
        tempered = (std / average).sqrt()
        self.latent_mean.copy_(mean)
        self.latent_scale.copy_(std / tempered * (tempered.square().mean().sqrt()))

    def normalise(self, raw: Tensor) -> Tensor:
        return (raw - _per_channel(self.latent_mean)) / _per_channel(self.latent_scale)

    def denormalise(self, latents: Tensor) -> Tensor:
        return latents * _per_channel(self.latent_scale) + _per_channel(self.latent_mean)

    def decode_chunked(self, latents: Tensor, frames: int = 16) -> Tensor:
        """As `decode`, but `frames` latent frames at a time: the same pixels, and memory that does not grow."""
        context, time, side = self.decoder.temporal_context, self.config.time, self.config.space
        batch, _, count, height, width = latents.shape
        video = latents.new_empty(batch, 3, 1 + time * (count - 1), side * height, side * width)
        for start in range(0, count, frames):
            first = max(0, 1 + time * (start - 1))
            chunk = self.decode(latents[:, :, max(0, start - context) : start + frames])
            end = 1 + time * (min(start + frames, count) - 1)
            video[:, :, first:end] = chunk[:, :, first - end :]
        return video


class HaarBlocks(nn.Module):
    """The 3-D Haar transform of `2^levels` cubes as one fixed orthonormal matrix: `[b 3 t h w]` ↔ coefficients."""

    matrix: Tensor

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.side = 2**levels
        line = haar_matrix(self.side)
        self.register_buffer("matrix", torch.kron(torch.kron(line, line), line), persistent=False)

    def forward(self, video: Tensor) -> Tensor:
        blocks = rearrange(video, "b c (t p) (h q) (w r) -> b t h w c (p q r)", p=self.side, q=self.side, r=self.side)
        return rearrange(blocks @ self.matrix.T, "b t h w c n -> b (c n) t h w")

    def inverse(self, coefficients: Tensor) -> Tensor:
        blocks = rearrange(coefficients, "b (c n) t h w -> b t h w c n", c=3) @ self.matrix
        return rearrange(blocks, "b t h w c (p q r) -> b c (t p) (h q) (w r)", p=self.side, q=self.side, r=self.side)


class Encoder(nn.Module):
    """Haar coefficients `[b k t h w]` → raw latents: a linear path plus a residual network that starts at zero."""

    def __init__(self, config: HWVAEConfig) -> None:
        super().__init__()
        self.fold = 2 ** (len(config.widths) - 1)
        self.linear = nn.Linear(config.coefficients * self.fold**2, config.latent_channels)
        self.stem = nn.Linear(config.coefficients, config.widths[0])
        self.stages = nn.ModuleList(
            nn.Sequential(*[CausalBlock(width, config.expansion, config.kernel) for _ in range(depth)])
            for width, depth in zip(config.widths, config.encoder_depths, strict=True)
        )
        self.downs = nn.ModuleList(nn.Linear(4 * fine, coarse) for fine, coarse in pairwise(config.widths))
        self.norm = ChannelRMSNorm(config.widths[-1])
        self.head = nn.Linear(config.widths[-1], config.latent_channels)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, coefficients: Tensor) -> Tensor:
        x = rearrange(coefficients, "b k t h w -> b t h w k")
        direct = self.linear(rearrange(x, "b t (h p) (w q) k -> b t h w (p q k)", p=self.fold, q=self.fold))
        x = self.stages[0](self.stem(x))
        for down, stage in zip(self.downs, list(self.stages)[1:], strict=True):
            x = stage(down(rearrange(x, "b t (h p) (w q) d -> b t h w (p q d)", p=2, q=2)))
        return rearrange(direct + self.head(self.norm(x)), "b t h w c -> b c t h w")


class Decoder(nn.Module):
    """Raw latents `[b c t h w]` → Haar coefficients, mirrored: a linear path plus a residual network."""

    def __init__(self, config: HWVAEConfig) -> None:
        super().__init__()
        widths, depths = config.widths[::-1], config.decoder_depths[::-1]
        self.fold = 2 ** (len(widths) - 1)
        self.temporal_context = sum(depths)
        self.linear = nn.Linear(config.latent_channels, config.coefficients * self.fold**2)
        self.stem = nn.Linear(config.latent_channels, widths[0])
        self.stages = nn.ModuleList(
            nn.Sequential(*[CausalBlock(width, config.expansion, config.kernel) for _ in range(depth)])
            for width, depth in zip(widths, depths, strict=True)
        )
        self.ups = nn.ModuleList(nn.Linear(coarse, 4 * fine) for coarse, fine in pairwise(widths))
        self.norm = ChannelRMSNorm(widths[-1])
        self.head = nn.Linear(widths[-1], config.coefficients)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, latents: Tensor) -> Tensor:
        x = rearrange(latents, "b c t h w -> b t h w c")
        direct = self.directly(x)
        x = self.stages[0](self.stem(x))
        for up, stage in zip(self.ups, list(self.stages)[1:], strict=True):
            x = stage(rearrange(up(x), "b t h w (p q d) -> b t (h p) (w q) d", p=2, q=2))
        return rearrange(direct + self.head(self.norm(x)), "b t h w k -> b k t h w")

    def directly(self, x: Tensor) -> Tensor:
        """The linear path: raw latents `[b t h w c]` → `[b t h w k]`, as many blocks a side as `fold` says."""
        return rearrange(self.linear(x), "b t h w (p q k) -> b t (h p) (w q) k", p=self.fold, q=self.fold)


def haar_matrix(size: int) -> Tensor:
    """The orthonormal Haar matrix of a power-of-two `size`: rows are basis functions, coarse first."""
    matrix = torch.ones(1, 1)
    while matrix.shape[0] < size:
        low = torch.kron(matrix, torch.tensor([[1.0, 1.0]]))
        high = torch.kron(torch.eye(matrix.shape[0]), torch.tensor([[1.0, -1.0]]))
        matrix = torch.cat([low, high]) / math.sqrt(2)
    return matrix


def _per_channel(statistic: Tensor) -> Tensor:
    return rearrange(statistic, "c -> c 1 1 1")
