"""A clip at twice the size, in the ways that are compared: by the learned upsampler, and by interpolation."""

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.upsampler import LatentUpsampler, interpolated


@torch.no_grad()
def upsampled(codec: HWVAE, model: LatentUpsampler, low: Tensor) -> dict[str, Tensor]:
    """A clip `[3 t h w]` at twice the size, by name of the way it was made."""
    latents = codec.encode(low[None])
    ways = {"learned": model(latents), "bicubic_latent": interpolated(latents)}
    made = {name: codec.decode(found)[0].clamp(-1, 1) for name, found in ways.items()}
    frames = rearrange(codec.decode(latents)[0], "c t h w -> t c h w")
    large = F.interpolate(frames, scale_factor=2, mode="bicubic", align_corners=False).clamp(-1, 1)
    return made | {"bicubic_pixel": rearrange(large, "t c h w -> c t h w")}
