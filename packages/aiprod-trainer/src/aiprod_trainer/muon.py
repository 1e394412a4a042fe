"""Muon in the precision that the trainer asks for: momentum made orthogonal, for the hidden matrices of a network.

`torch.optim.Muon` always iterates in bf16, which a CPU without bf16 units emulates at a quarter of the speed of fp32;
here autocast decides.
Same update, same scale (that of AdamW). Sources: Jordan et al. 2024; scale of Liu et al. 2025 (arXiv:2502.16982).
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, five Newton–Schulz iterations, decoupled weight decay; 2-D parameters only."""

    def __init__(self, params: Iterable[Tensor], lr: float, weight_decay: float = 0.01, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
        direction = orthogonalised(parameter.grad.lerp(state["momentum"], group["momentum"]))  # type: ignore[union-attr]
        scale = 0.2 * math.sqrt(max(parameter.shape))
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-group["lr"] * scale)


def orthogonalised(matrix: Tensor, iterations: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix to `[m n]`, roughly: singular values end up in about [0.7, 1.2]."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp_min(1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
