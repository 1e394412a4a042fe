"""The spatial ×2 latent upsampler: HW-VAE latents of a clip in, those of the same clip at twice the size out.

`[b c t h w]` → `[b c t 2h 2w]`, causal in time as the codec is. A linear path says what a sub-pixel convolution (Shi et
al. 2016, arXiv:1609.05158) of nine latents can. A network adds what it cannot: its trunk is that of the codec's
decoder, which knows what latents look like and passes through twice their size on its way to pixels. Training begins
at the decoder's weights and at the least squares of both paths. Knows no files, no noise and no pixels.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.models.hwvae import Decoder
from aiprod_core.models.layers import CausalBlock, ChannelRMSNorm

AROUND = 9  # latents that the linear path sees


@dataclass(frozen=True, kw_only=True)
class UpsamplerConfig:
    """Sizes of the upsampler; `channels` are those of the latents, `widths` those at their size and at twice that.

    `depths`: blocks at both sizes as in the codec's decoder, then those of its own.
    """

    channels: int
    widths: tuple[int, int]
    depths: tuple[int, int, int]
    expansion: int = 2
    kernel: int = 5


NANO = UpsamplerConfig(channels=48, widths=(256, 128), depths=(3, 4, 3))
FULL = UpsamplerConfig(channels=128, widths=(1024, 768), depths=(12, 10, 4))


class LatentUpsampler(nn.Module):
    """Normalised latents `[b c t h w]` → normalised latents `[b c t 2h 2w]`."""

    def __init__(self, config: UpsamplerConfig) -> None:
        super().__init__()
        self.config = config
        small, large = config.widths
        self.linear = nn.Linear(AROUND * config.channels, 4 * config.channels)
        self.stem = nn.Linear(config.channels, small)
        self.small = self._blocks(small, config.depths[0])
        self.up = nn.Linear(small, 4 * large)
        self.large = self._blocks(large, config.depths[1])
        self.own = self._blocks(large, config.depths[2])
        self.norm = ChannelRMSNorm(large)
        self.head = nn.Linear(large, config.channels)
        last = [block.narrow for block in self.own if isinstance(block, CausalBlock)]
        for layer in (self.head, *last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, latents: Tensor) -> Tensor:
        return rearrange(self.direct(latents) + self.head(self.features(latents)), "b t h w c -> b c t h w")

    def direct(self, latents: Tensor) -> Tensor:
        """What the linear path says, `[b t 2h 2w c]`."""
        return rearrange(self.linear(around(latents)), "b t h w (p q c) -> b t (h p) (w q) c", p=2, q=2)

    def features(self, latents: Tensor) -> Tensor:
        """What the network sees, `[b t 2h 2w d]`."""
        x = self.small(self.stem(rearrange(latents, "b c t h w -> b t h w c")))
        x = rearrange(self.up(x), "b t h w (p q d) -> b t (h p) (w q) d", p=2, q=2)
        return self.norm(self.own(self.large(x)))

    @torch.no_grad()
    def start(self, decoder: Decoder, mean: Tensor, scale: Tensor) -> None:
        """Take the trunk of a codec's decoder, whose raw latents are `scale` times the normalised ones, and `mean`."""
        self.stem.weight.copy_(decoder.stem.weight * scale)
        self.stem.bias.copy_(decoder.stem.bias + decoder.stem.weight @ mean)
        self.small.load_state_dict(decoder.stages[0].state_dict())
        self.up.load_state_dict(decoder.ups[0].state_dict())
        self.large.load_state_dict(decoder.stages[1].state_dict())

    @torch.no_grad()
    def fit(self, small: Tensor, large: Tensor) -> None:
        """Set the linear path, and then the head, to the least squares of pairs `[b c t h w]`, `[b c t 2h 2w]`.

        There must be many more of them than weights.
        """
        wanted = rearrange(large, "b c t (h p) (w q) -> (b t h w) (p q c)", p=2, q=2)
        least_squares(self.linear, rearrange(around(small), "b t h w k -> (b t h w) k"), wanted)
        rest = rearrange(large, "b c t h w -> b t h w c") - self.direct(small)
        least_squares(self.head, self.features(small).flatten(0, 3), rest.flatten(0, 3))

    def _blocks(self, width: int, depth: int) -> nn.Sequential:
        return nn.Sequential(*[CausalBlock(width, self.config.expansion, self.config.kernel) for _ in range(depth)])


def least_squares(layer: nn.Linear, given: Tensor, wanted: Tensor) -> None:
    """Set a layer to what comes nearest from `given` `[n inputs]` to `wanted` `[n outputs]`."""
    given = F.pad(given.double(), (0, 1), value=1.0)
    ridge = 1e-6 * len(given) * torch.eye(given.shape[1], dtype=given.dtype, device=given.device)
    solved = torch.linalg.solve(given.T @ given + ridge, given.T @ wanted.double()).T
    layer.weight.copy_(solved[:, :-1])
    layer.bias.copy_(solved[:, -1])


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
