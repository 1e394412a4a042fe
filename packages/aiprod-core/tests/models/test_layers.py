"""The shared norm."""

import pytest
import torch

from aiprod_core.models.layers import ChannelRMSNorm


def test_rms_norm_is_unit_power_whatever_the_scale_and_its_gain_is_learned() -> None:
    norm = ChannelRMSNorm(64)
    x = 5 * torch.randn(3, 7, 64, generator=torch.Generator().manual_seed(0)) + 1
    y = norm(x)
    assert y.square().mean(dim=-1).sqrt().flatten().tolist() == pytest.approx([1.0] * 21, abs=1e-4)
    torch.testing.assert_close(norm(1000 * x), y)
    torch.nn.init.constant_(norm.gain, 2.0)
    torch.testing.assert_close(norm(x), 2 * y)


def test_a_modulated_norm_is_the_norm_then_its_scale_and_shift() -> None:
    generator = torch.Generator().manual_seed(0)
    x, scale, shift = (torch.randn(3, n, 64, generator=generator) for n in (7, 1, 1))
    norm = ChannelRMSNorm(64)
    torch.nn.init.normal_(norm.gain, generator=generator)
    torch.testing.assert_close(norm.modulated(x, scale=scale, shift=shift), norm(x) * (1 + scale) + shift)
    assert norm.modulated(torch.zeros(1, 1, 64), scale=scale[:1], shift=shift[:1]).isfinite().all()
