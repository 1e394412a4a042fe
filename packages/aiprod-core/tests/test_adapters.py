"""Adapters start as nothing, alone are trained, and ship as a file that any LoRA loader reads."""

from pathlib import Path

import pytest
import torch
from torch import nn

from aiprod_core.adapters import Adapters, AdaptersConfig
from aiprod_core.checkpoint import Lineage, load_weights, save_checkpoint
from aiprod_core.errors import InputError
from aiprod_core.lora import Loras, read_lora

CONFIG = AdaptersConfig(base="abc", rank=2, targets=r"^layers\.", reference="edges")


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 6), nn.Linear(6, 4)])
        self.out = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.out(self.layers[1](torch.relu(self.layers[0](x))))
        return found


@pytest.fixture(name="base")
def _base() -> Base:
    torch.manual_seed(0)
    return Base().requires_grad_(False)


def test_they_start_as_nothing_and_hold_nothing_of_the_base(base: Base) -> None:
    x = torch.randn(3, 4)
    before = base(x)
    adapters = Adapters(CONFIG, base)
    torch.testing.assert_close(base(x), before)
    assert set(adapters.state_dict()) == {
        f"diffusion_model.layers.{n}.lora_{side}.weight" for n in (0, 1) for side in ("A", "B")
    }


def test_the_trained_file_does_what_training_did(base: Base, tmp_path: Path) -> None:
    adapters = Adapters(CONFIG, base)
    for pair in adapters.parameters():
        nn.init.normal_(pair)
    x = torch.randn(3, 4)
    trained = base(x)
    lineage = Lineage(initialised_from="random", trained_on=(), steps=1, core_hours=0.0)
    path = tmp_path / "lora.safetensors"
    save_checkpoint(path, "lora", CONFIG, adapters.state_dict(), lineage)
    again = Base()
    again.load_state_dict(base.state_dict())
    lora = read_lora(path, again)
    assert lora.reference == "edges"
    Loras(again).set([(lora, 1.0)])
    torch.testing.assert_close(again(x), trained)
    load_weights(Adapters(CONFIG, Base()), path)  # a run can go on from it


def test_targets_that_are_nowhere_are_refused(base: Base) -> None:
    with pytest.raises(InputError, match=r"nowhere.*layers\.0"):
        Adapters(AdaptersConfig(base="abc", rank=2, targets="nowhere"), base)
