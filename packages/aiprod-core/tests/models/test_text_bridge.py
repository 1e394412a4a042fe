"""The bridge reads what is there, both ways, and no padding; how large the states are does not matter to it."""

import torch
from torch import Tensor

from aiprod_core.models.text_bridge import TextBridge, TextBridgeConfig

CONFIG = TextBridgeConfig(
    language_model="tiny", language_model_sha256="ab" * 32, hidden=16, reads=(1, 4), width=32, layers=2, heads=2,
    longest=9,
)  # fmt: skip


def _bridge() -> TextBridge:
    torch.manual_seed(0)
    return TextBridge(CONFIG).eval()


def _given(tokens: int = 5) -> tuple[list[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(1)
    states = [torch.randn(2, tokens, 16, generator=generator) for _ in CONFIG.reads]
    mask = torch.ones(2, tokens, dtype=torch.bool)
    mask[1, 3:] = False
    return states, mask


def test_a_vector_of_the_width_a_token() -> None:
    features = _bridge()(*_given())
    assert features.shape == (2, 5, 32)
    torch.testing.assert_close(features.square().mean(dim=-1), torch.ones(2, 5), rtol=1e-4, atol=1e-4)


def test_the_first_word_hears_of_the_last_and_nobody_of_padding() -> None:
    bridge, (states, mask) = _bridge(), _given()
    before = bridge(states, mask)
    states[1] = states[1].clone()
    states[1][:, 4] += 1  # the last word of one text, padding of the other
    after = bridge(states, mask)
    assert not torch.allclose(after[0, 0], before[0, 0], atol=1e-3)
    assert torch.equal(after[1, :3], before[1, :3])


def test_every_state_is_read_by_its_direction_alone() -> None:
    bridge, (states, mask) = _bridge(), _given()
    before = bridge(states, mask)
    for index in range(len(states)):
        louder, turned = [*states], [*states]
        louder[index], turned[index] = 1000 * states[index], states[index].flip(-1)
        torch.testing.assert_close(bridge(louder, mask), before, rtol=1e-3, atol=1e-3)
        assert not torch.allclose(bridge(turned, mask), before, atol=1e-2)
