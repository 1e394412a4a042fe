"""A LoRA adds what its matrices say, in every layout, and leaves the model as it was when it is taken off."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aiprod_core.errors import WeightsError
from aiprod_core.lora import Lora, Loras, LowRank, linear_modules, merge, read_lora, save_lora
from aiprod_core.models.shdt import SHDT

NAMES = ("layers.0.attention.video.qkv", "layers.1.video.widen")
RANK = 4


class Pair(nn.Module):
    """Two layers to add to."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(6, 5)
        self.to_out = nn.ModuleList([nn.Linear(5, 3)])

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.to_out[0](torch.tanh(self.first(x)))
        return y


def _lora(model: nn.Module, names: tuple[str, ...], seed: int = 0) -> Lora:
    generator, modules = torch.Generator().manual_seed(seed), linear_modules(model)
    layers = {}
    for name in names:
        down = torch.randn(RANK, modules[name].in_features, generator=generator)
        layers[name] = LowRank(down, torch.randn(modules[name].out_features, RANK, generator=generator))
    return Lora(f"lora {seed}", layers)


def _written(lora: Lora, path: Path, naming: Any) -> Path:
    tensors = {}
    for name, layer in lora.layers.items():
        for side, tensor in (("down", layer.down), ("up", layer.up)):
            tensors[naming(name, side)] = tensor.clone()
    save_file(tensors, path)
    return path


def test_an_addition_is_that_of_its_matrices_and_strengths_add_up() -> None:
    model, x = Pair(), torch.randn(7, 6)
    plain = model(x)
    one, other = _lora(model, ("first",)), _lora(model, ("first", "to_out.0"), seed=1)
    loras = Loras(model)
    loras.set([(one, 0.5), (other, -1.0)])
    expected = Pair()
    with torch.no_grad():
        for lora, strength in ((one, 0.5), (other, -1.0)):
            for name, layer in lora.layers.items():
                linear_modules(expected)[name].weight += strength * layer.up @ layer.down
    torch.testing.assert_close(model(x), expected(x))
    loras.set([(one, 1.0)])  # instead of those before
    assert not torch.allclose(model(x), expected(x))
    loras.clear()
    assert torch.equal(model(x), plain)


def test_strength_zero_is_off_and_merged_is_the_same_as_put_on() -> None:
    model, merged, x = Pair(), Pair(), torch.randn(7, 6)
    lora = _lora(model, ("first", "to_out.0"))
    Loras(model).set([(lora, 0.0)])
    assert torch.equal(model(x), merged(x))
    Loras(model).set([(lora, 0.7)])
    merge(merged, [(lora, 0.7)])
    torch.testing.assert_close(model(x), merged(x))


@pytest.mark.parametrize(
    "naming",
    [
        lambda name, side: f"diffusion_model.{name}.lora_{'A' if side == 'down' else 'B'}.weight",
        lambda name, side: f"transformer.{name}.lora_{'A' if side == 'down' else 'B'}.weight",
        lambda name, side: f"base_model.model.{name}.lora_{'A' if side == 'down' else 'B'}.default.weight",
        lambda name, side: f"{name}.lora_{side}.weight",
        lambda name, side: f"diffusion_model.{name}.lora_{side}.weight",
        lambda name, side: f"lora_unet_{name.replace('.', '_')}.lora_{side}.weight",
    ],
    ids=["ours", "diffusers", "peft", "plain", "comfyui", "kohya"],
)
def test_every_layout_is_read_as_the_same(transformer: SHDT, tmp_path: Path, naming: Any) -> None:
    lora = _lora(transformer, NAMES)
    found = read_lora(_written(lora, tmp_path / "x.safetensors", naming), transformer)
    assert found.layers.keys() == set(NAMES)
    for name, layer in lora.layers.items():
        assert torch.equal(found.layers[name].down, layer.down)
        assert torch.equal(found.layers[name].up, layer.up)


def test_alpha_over_rank_scales_and_is_baked_in_when_saved(tmp_path: Path) -> None:
    model = Pair()
    lora = _lora(model, ("first",))
    layer = lora.layers["first"]
    tensors = {"first.lora_down.weight": layer.down, "first.lora_up.weight": layer.up, "first.alpha": torch.tensor(2.0)}
    save_file(tensors, tmp_path / "alpha.safetensors")
    found = read_lora(tmp_path / "alpha.safetensors", model)
    torch.testing.assert_close(found.layers["first"].up, layer.up * 2.0 / RANK)
    save_lora(found, tmp_path / "saved.safetensors")
    written = load_file(tmp_path / "saved.safetensors")
    assert written.keys() == {"diffusion_model.first.lora_A.weight", "diffusion_model.first.lora_B.weight"}
    assert all(tensor.dtype == torch.bfloat16 for tensor in written.values())
    again = read_lora(tmp_path / "saved.safetensors", model)
    torch.testing.assert_close(again.layers["first"].up.float(), found.layers["first"].up, atol=0.02, rtol=0.01)


def test_keys_that_fit_nothing_are_named_with_the_nearest(transformer: SHDT, tmp_path: Path) -> None:
    lora = _lora(transformer, NAMES)
    path = _written(lora, tmp_path / "x.safetensors", lambda name, side: f"{name}s.lora_{side}.weight")
    with pytest.raises(WeightsError, match=r"4 keys that fit no module.*nearest: layers\.0\.attention\.video\.qkv\)"):
        read_lora(path, transformer)
    save_file({"layers.0.video.widen.weight": torch.zeros(2)}, tmp_path / "whole.safetensors")
    with pytest.raises(WeightsError, match="1 keys that fit no module"):
        read_lora(tmp_path / "whole.safetensors", transformer)


def test_another_base_half_a_pair_and_no_file_are_told(transformer: SHDT, tmp_path: Path) -> None:
    name = NAMES[0]
    foreign = Lora("foreign", {name: LowRank(torch.zeros(RANK, 7), torch.zeros(9, RANK))})
    with pytest.raises(WeightsError, match="9 × 7, the model 96 × 32; it belongs to another base"):
        Loras(transformer).set([(foreign, 1.0)])
    with pytest.raises(WeightsError, match="another base"):
        merge(transformer, [(foreign, 1.0)])
    save_file({f"{name}.lora_A.weight": torch.zeros(RANK, 32)}, tmp_path / "half.safetensors")
    with pytest.raises(WeightsError, match="lacks the other half of layers"):
        read_lora(tmp_path / "half.safetensors", transformer)
    with pytest.raises(WeightsError, match="missing or no safetensors"):
        read_lora(tmp_path / "absent.safetensors", transformer)
