"""Layers that more than one model uses."""

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
        return F.rms_norm(x, (x.shape[-1],), self.gain, self.eps)

    def modulated(self, x: Tensor, *, scale: Tensor, shift: Tensor) -> Tensor:
        """The norm of `x`, times 1 + `scale`, plus `shift`: in half as many passes over `x` as one after the other."""
        power = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square() / x.shape[-1]
        return torch.addcmul(shift, x * torch.rsqrt(power + self.eps), self.gain * (1 + scale))


def per_frame(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """A 2-D convolution on `[b t h w d]`, frame by frame."""
    y = convolution(rearrange(x, "b t h w d -> (b t) d h w"))
    return rearrange(y, "(b t) d h w -> b t h w d", b=x.shape[0])
