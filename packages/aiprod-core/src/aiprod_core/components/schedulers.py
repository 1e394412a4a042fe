"""Which times a denoising run visits, from noise (1) to data (0)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class FlowSchedule:
    """`steps` intervals, evenly spaced and then shifted towards noise: t → s·t / (1 + (s − 1)·t).

    `shift` > 1 spends more steps where large structure is decided (Esser et al. 2024, eq. 23). `start` in (0, 1]: the
    time it begins at, below 1 for a run that refines what is there.
    """

    steps: int
    shift: float = 3.0
    start: float = 1.0

    def times(self) -> Tensor:
        """`[steps + 1]`, float64, falling from `start` to 0."""
        first = self.start / (self.shift - (self.shift - 1) * self.start)  # what is shifted to `start`
        even = torch.linspace(first, 0, self.steps + 1, dtype=torch.float64)
        return self.shift * even / (1 + (self.shift - 1) * even)


def training_times(count: int, generator: torch.Generator, shift: float, uniform_share: float = 0.1) -> Tensor:
    """Times `[count]` for training: a shifted logit-normal, and a uniform share so that no time is unseen."""
    normal = torch.sigmoid(torch.randn(count, generator=generator))
    shifted = shift * normal / (1 + (shift - 1) * normal)
    uniform = torch.rand(count, generator=generator)
    chosen = torch.rand(count, generator=generator) < uniform_share
    return torch.where(chosen, uniform, shifted)
