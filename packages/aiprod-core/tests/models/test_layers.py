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
