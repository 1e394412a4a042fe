"""Layers that more than one model uses."""

import math

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F


class ChannelRMSNorm(nn.Module):
    """Root-mean-square norm over the last axis (Zhang & Sennrich 2019), with a learned gain."""

    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.gain.to(x.dtype), self.eps)  # two types miss the fused kernel

    def modulated(self, x: Tensor, *, scale: Tensor, shift: Tensor) -> Tensor:
        """The norm of `x`, times 1 + `scale`, plus `shift`: in half as many passes over `x` as one after the other."""
        power = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square() / x.shape[-1]
        return torch.addcmul(shift, x * torch.rsqrt(power + self.eps), self.gain * (1 + scale))


class CausalBlock(nn.Module):
    """Depthwise convolution in space, channel shift in time, then a small network per position: `[b t h w d]`.

    Sources: ConvNeXt (arXiv:2201.03545); the shift, TSM (arXiv:1811.08383).
    """

    def __init__(self, width: int, expansion: int, kernel: int) -> None:
        super().__init__()
        self.shifted = width // 4
        self.spatial = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = ChannelRMSNorm(width)
        self.widen = nn.Linear(width, expansion * width)
        self.narrow = nn.Linear(expansion * width, width)
        nn.init.normal_(self.narrow.weight, std=0.1 / math.sqrt(expansion * width))
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x: Tensor) -> Tensor:
        frames = rearrange(x, "b t h w d -> (b t) d h w")  # channels last in memory: no copy
        y = rearrange(self.spatial(frames), "(b t) d h w -> b t h w d", b=x.shape[0])
        y = self.narrow(F.silu(self.widen(self.norm(shift_from_past(y, self.shifted)))))
        return x + y


def shift_from_past(x: Tensor, channels: int) -> Tensor:
    """`[b t h w d]` with the first `channels` taken from the frame before (zero before the first frame)."""
    past = F.pad(x[:, :-1, ..., :channels], (0, 0, 0, 0, 0, 0, 1, 0))
    return torch.cat([past, x[..., channels:]], dim=-1)


def per_frame(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """A 2-D convolution on `[b t h w d]`, frame by frame."""
    y = convolution(rearrange(x, "b t h w d -> (b t) d h w"))
    return rearrange(y, "(b t) d h w -> b t h w d", b=x.shape[0])
