"""Noise, always drawn on the CPU: a seed means the same picture on every device."""

import torch
from torch import Tensor


def seeded_noise(seed: int, *shapes: tuple[int, ...]) -> list[Tensor]:
    """Standard normal float32 of each shape, one drawn after the other: an earlier one never depends on a later."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def add_noise(clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """The flow path `x_t = (1 − t)·x + t·ε`; `t` broadcasts."""
    return (1 - t) * clean + t * noise


def velocity(clean: Tensor, noise: Tensor) -> Tensor:
    """What a flow model predicts: `v = ε − x`."""
    return noise - clean
