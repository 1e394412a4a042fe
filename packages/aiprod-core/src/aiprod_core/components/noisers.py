"""Noise, always drawn on the CPU: a seed means the same picture on every device."""

import torch
from torch import Tensor


def seeded_noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """Standard normal float32 of `shape`, from `seed` alone."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def add_noise(clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """The flow path `x_t = (1 − t)·x + t·ε`; `t` broadcasts."""
    return (1 - t) * clean + t * noise


def velocity(clean: Tensor, noise: Tensor) -> Tensor:
    """What a flow model predicts: `v = ε − x`."""
    return noise - clean
