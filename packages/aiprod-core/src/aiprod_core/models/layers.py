"""Layers that more than one model uses."""

import torch
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
