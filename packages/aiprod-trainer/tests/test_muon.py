"""Muon steps along the orthogonal part of the gradient, at AdamW's scale."""

import math

import pytest
import torch
from torch import nn

from aiprod_trainer.muon import Muon, orthogonalised


def _matrix(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(16, 16), (48, 16), (16, 48)])
def test_singular_values_become_one_or_so_and_directions_stay(shape: tuple[int, int]) -> None:
    matrix = _matrix(*shape)
    turned = orthogonalised(matrix)
    assert turned.shape == shape
    values = torch.linalg.svdvals(turned)
    assert values.min() > 0.6
    assert values.max() < 1.25
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    inner = left.T @ turned @ right.T  # diagonal, in the matrix's own directions
    assert (inner - inner.diag().diag()).abs().max() < 1e-3
    assert (inner.diag() > 0.6).all()


def test_the_scale_of_the_gradient_does_not_matter() -> None:
    torch.testing.assert_close(
        orthogonalised(1e4 * _matrix(8, 12)), orthogonalised(_matrix(8, 12)), atol=1e-4, rtol=1e-4
    )


def test_a_step_moves_by_the_rate_at_the_scale_of_adamw() -> None:
    parameter = nn.Parameter(_matrix(64, 32))
    before = parameter.detach().clone()
    optimizer = Muon([parameter], lr=0.1, weight_decay=0.0)
    parameter.grad = _matrix(64, 32, seed=1)
    optimizer.step()
    moved = (parameter.detach() - before).square().mean().sqrt().item()
    assert moved == pytest.approx(0.1 * 0.2, rel=0.3)  # AdamW's updates have an rms of 0.2 to 0.4 of its rate
    assert (((parameter.detach() - before) * parameter.grad).sum() < 0).item()


def test_weights_decay_and_parameters_without_gradient_stay() -> None:
    used, unused = nn.Parameter(_matrix(4, 4)), nn.Parameter(_matrix(4, 4))
    before = unused.detach().clone()
    optimizer = Muon([used, unused], lr=0.1, weight_decay=0.5)
    used.grad = torch.zeros(4, 4)
    expected = used.detach() * (1 - 0.1 * 0.5)
    optimizer.step()
    torch.testing.assert_close(used.detach(), expected)
    assert torch.equal(unused, before)


def test_a_quadratic_is_minimised() -> None:
    target = _matrix(12, 20, seed=2)
    parameter = nn.Parameter(torch.zeros(12, 20))
    optimizer = Muon([parameter], lr=0.2, weight_decay=0.0)
    for step in range(100):
        optimizer.param_groups[0]["lr"] = 0.2 * (1 - step / 100)
        optimizer.zero_grad()
        loss = (parameter - target).square().mean()
        loss.backward()
        optimizer.step()
    assert math.sqrt(loss.item()) < 0.2
