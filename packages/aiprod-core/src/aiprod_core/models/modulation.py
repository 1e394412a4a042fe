"""What a diffusion time does to a stream of tokens: adaLN-single, PixArt-α (arXiv:2310.00426).

A time becomes a vector; each layer shifts, scales and gates its tokens by that vector and a table of its own.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.models.layers import ChannelRMSNorm, per_frame
from aiprod_core.models.rotary import inverse_wavelengths


class Stream(nn.Module):
    """The half of a layer that belongs to one modality: norms, modulation table and a gated feed-forward network."""

    def __init__(self, width: int, expansion: float, *, convolve: bool) -> None:
        super().__init__()
        hidden = 32 * round(expansion * width / 32)
        self.table = nn.Parameter(torch.zeros(6 * width))
        self.norm_mix = ChannelRMSNorm(width)
        self.norm_think = ChannelRMSNorm(width)
        self.widen = nn.Linear(width, 2 * hidden, bias=False)
        self.local = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden) if convolve else None
        self.narrow = nn.Linear(hidden, width, bias=False)
        nn.init.ones_(self.table[2 * width : 3 * width].detach())
        nn.init.ones_(self.table[5 * width :].detach())
        nn.init.normal_(self.narrow.weight, std=0.02 / math.sqrt(10))

    def mood(self, shared: Tensor) -> tuple[Tensor, ...]:
        """Shift, scale, gate for the mixer, then for the feed-forward network."""
        return (shared + self.table).chunk(6, dim=-1)

    def before_mixing(self, x: Tensor, mood: tuple[Tensor, ...]) -> Tensor:
        return self.norm_mix.modulated(x, scale=mood[1], shift=mood[0])

    def thought(self, x: Tensor, mood: tuple[Tensor, ...]) -> Tensor:
        value, gate = self.widen(self.norm_think.modulated(x, scale=mood[4], shift=mood[3])).chunk(2, dim=-1)
        if self.local is not None:
            gate = gate + per_frame(self.local, gate)
        return torch.addcmul(x, mood[5], self.narrow(value * F.silu(gate)))


class Readout(nn.Module):
    """Last modulation, norm and projection of a stream; starts at zero."""

    def __init__(self, width: int, channels: int, clock_width: int) -> None:
        super().__init__()
        self.norm = ChannelRMSNorm(width)
        self.modulation = nn.Linear(clock_width, 2 * width)
        self.out = nn.Linear(width, channels)
        for layer in (self.modulation, self.out):
            layer.readout = True  # type: ignore[assignment]
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, clock: Tensor) -> Tensor:
        shift, scale = self.modulation(F.silu(clock)).chunk(2, dim=-1)
        return self.out(self.norm.modulated(x, scale=scale, shift=shift))


class TimeEmbedding(nn.Module):
    """A time in [0, 1] → a vector, by sines and a small network (Vaswani 2017; Ho 2020)."""

    def __init__(self, width: int, frequencies: int = 128) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.widen = nn.Linear(2 * frequencies, width)
        self.out = nn.Linear(width, width)

    def forward(self, t: Tensor) -> Tensor:
        angles = t[..., None].float() * 1000 * inverse_wavelengths(self.frequencies, 10000.0).to(t.device)
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1).to(self.widen.weight.dtype)
        embedded: Tensor = self.out(F.silu(self.widen(waves)))
        return embedded
