"""Eight-bit weights: near the weights they came from, half their bytes, and the same through a file."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from aiprod_core.checkpoint import Lineage, load_weights, read_tensors, save_checkpoint
from aiprod_core.family import SovereignModels
from aiprod_core.lora import Lora, Loras, LowRank
from aiprod_core.models.shdt import SHDT
from aiprod_core.quantize import QuantizedLinear, WeightFormat, prepare_for, quantize, quantized

FORMATS = [*WeightFormat]


@pytest.mark.parametrize(("stored_as", "step"), [(WeightFormat.INT8, 1 / 254), (WeightFormat.FP8_E4M3, 1 / 16)])
def test_no_number_is_further_off_than_half_a_step(stored_as: WeightFormat, step: float) -> None:
    weight = torch.randn(16, 64, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 3, 16)[:, None]
    small, scale = quantized(weight, stored_as)
    assert small.dtype == stored_as.dtype
    assert scale.shape == (16, 1)
    of = weight.abs().amax(dim=1, keepdim=True) if stored_as is WeightFormat.INT8 else weight.abs()
    tiny = weight.abs().amax(dim=1, keepdim=True) * 2**-15  # below it, E4M3 has no relative precision left
    assert ((small.float() * scale - weight).abs() <= 1.001 * step * of + tiny).all()


@pytest.mark.parametrize("stored_as", FORMATS)
def test_a_channel_of_zeros_stays_zero_and_extremes_are_kept(stored_as: WeightFormat) -> None:
    weight = torch.tensor([[0.0, 0.0], [3.0, -3.0]])
    small, scale = quantized(weight, stored_as)
    torch.testing.assert_close(small.float() * scale, weight)


@pytest.mark.parametrize("stored_as", FORMATS)
def test_blocks_alone_are_quantised_and_the_output_is_near(models: SovereignModels, stored_as: WeightFormat) -> None:
    text = models.text_encoder
    ids, mask = models.tokenizer(["a red cat walks on a beach."])
    exact = text(ids, mask)
    quantize(text, stored_as)
    assert all(isinstance(m, QuantizedLinear) for m in text.layers.modules() if isinstance(m, nn.Linear))
    error = (text(ids, mask) - exact).norm() / exact.norm()
    assert 0 < error < (0.02 if stored_as is WeightFormat.INT8 else 0.1)
    quantize(models.shdt, stored_as)
    assert not isinstance(models.shdt.video_in, QuantizedLinear)
    assert not isinstance(models.shdt.video_out.out, QuantizedLinear)


@pytest.mark.parametrize("stored_as", FORMATS)
def test_it_comes_back_from_a_file_bit_for_bit(transformer: SHDT, tmp_path: Path, stored_as: WeightFormat) -> None:
    quantize(transformer, stored_as)
    lineage = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)
    save_checkpoint(tmp_path / "q.safetensors", "shdt", transformer.config, transformer.state_dict(), lineage)
    assert stored_as.dtype in {tensor.dtype for tensor in read_tensors(tmp_path / "q.safetensors").values()}
    again = SHDT(transformer.config)
    load_weights(again, tmp_path / "q.safetensors")
    for name, tensor in transformer.state_dict().items():
        other = again.state_dict()[name]
        assert other.dtype == tensor.dtype, name
        assert torch.equal(other.float(), tensor.float()), name


def test_training_goes_on_from_a_file_in_eight_bits(transformer: SHDT, tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in transformer.state_dict().items()}
    fresh, lineage = deepcopy(transformer), Lineage(initialised_from="random", trained_on=(), steps=1, core_hours=0.0)
    quantize(transformer, WeightFormat.INT8)
    save_checkpoint(tmp_path / "small", "shdt", transformer.config, transformer.state_dict(), lineage)
    load_weights(fresh, tmp_path / "small", plain=True)
    assert not any(isinstance(module, QuantizedLinear) for module in fresh.modules())
    for name, tensor in fresh.state_dict().items():
        assert (tensor - before[name]).norm() <= 0.01 * before[name].norm()


@pytest.mark.parametrize("stored_as", FORMATS)
def test_casting_the_model_leaves_eight_bits_alone(stored_as: WeightFormat) -> None:
    layer = QuantizedLinear.of(nn.Linear(8, 4), stored_as)
    model = nn.Sequential(layer, nn.Linear(4, 2)).to(torch.bfloat16)
    assert layer.weight.dtype == stored_as.dtype
    assert layer.weight_scale.dtype == torch.float32
    assert layer.bias.dtype == torch.bfloat16
    assert model(torch.zeros(3, 8, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_a_lora_goes_on_top() -> None:
    model = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(8, 4)])})
    quantize(model, WeightFormat.INT8)
    layer, x = model["layers"][0], torch.randn(3, 8)  # type: ignore[index]
    plain = layer(x)
    down, up = torch.randn(2, 8), torch.randn(4, 2)
    Loras(model).set([(Lora("l", {"layers.0": LowRank(down, up)}), 1.0)])
    torch.testing.assert_close(layer(x), plain + x @ (up @ down).T)


def test_a_file_without_scales_changes_nothing(transformer: SHDT) -> None:
    prepare_for(transformer, transformer.state_dict())
    assert not any(isinstance(module, QuantizedLinear) for module in transformer.modules())
