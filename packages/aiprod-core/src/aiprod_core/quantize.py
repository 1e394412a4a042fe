"""Weights in eight bits: half the memory of bf16, computed with in the type of their input.

Linear layers of the blocks, and those that turn a time into modulation, are int8 or float8 (E4M3) with one scale an
output channel; norms, biases, tables, embeddings and the projections into and out of the model stay as they are. In a
file, a quantised layer is `weight` and `weight_scale` (float32), as in FP8 checkpoints of others.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SCALE = "weight_scale"
BLOCKS, MODULATION = "layers.", "_modulation"


class WeightFormat(StrEnum):
    """How a weight is stored."""

    INT8 = "int8"
    FP8_E4M3 = "fp8_e4m3"

    @property
    def dtype(self) -> torch.dtype:
        return torch.int8 if self is WeightFormat.INT8 else torch.float8_e4m3fn

    @property
    def largest(self) -> float:
        """The largest number it holds."""
        return 127.0 if self is WeightFormat.INT8 else torch.finfo(torch.float8_e4m3fn).max


class QuantizedLinear(nn.Linear):
    """A linear layer with an eight-bit weight. Moving or casting the model leaves weight and scale in their types."""

    weight_scale: Tensor

    def __init__(self, weight: Tensor, weight_scale: Tensor, bias: Tensor | None) -> None:
        """`weight` `[out in]` in eight bits, `weight_scale` `[out 1]`, `bias` `[out]`."""
        nn.Module.__init__(self)
        self.out_features, self.in_features = weight.shape
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)  # type: ignore[assignment]
        self.register_buffer(SCALE, weight_scale)

    @classmethod
    def of(cls, layer: nn.Linear, stored_as: WeightFormat) -> Self:
        """The nearest quantised layer to `layer`."""
        weight, scale = quantized(layer.weight.detach(), stored_as)
        return cls(weight, scale, None if layer.bias is None else layer.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype) * self.weight_scale.to(x.dtype), self.bias)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        weight, scale = self.weight.data, self.weight_scale
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.weight = nn.Parameter(weight.to(self.weight.device), requires_grad=False)
        self.weight_scale = scale.to(self.weight_scale.device)
        return self


def quantized(weight: Tensor, stored_as: WeightFormat) -> tuple[Tensor, Tensor]:
    """A weight `[out in]` in eight bits and the scale `[out 1]` that brings it back."""
    weight = weight.float()
    scale = (weight.abs().amax(dim=1, keepdim=True) / stored_as.largest).clamp_min(1e-12)
    small = (weight / scale).clamp(-stored_as.largest, stored_as.largest)
    return (small.round() if stored_as is WeightFormat.INT8 else small).to(stored_as.dtype), scale


def quantize(model: nn.Module, stored_as: WeightFormat) -> None:
    """Quantise the linear layers of the model's blocks and modulation, in place."""
    for name, layer in _in_blocks(model).items():
        _put(model, name, QuantizedLinear.of(layer, stored_as))


def prepare_for(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Make quantised layers of those that are quantised in `tensors`, so that they can be loaded."""
    modules: dict[str, Any] = dict(model.named_modules())
    for name in [key.removesuffix(f".{SCALE}") for key in tensors if key.endswith(f".{SCALE}")]:
        weight, layer = tensors.get(f"{name}.weight"), modules.get(name)
        if weight is not None and isinstance(layer, nn.Linear) and not isinstance(layer, QuantizedLinear):
            scale = torch.ones(weight.shape[0], 1)
            _put(model, name, QuantizedLinear(torch.zeros_like(weight), scale, layer.bias))


def dequantized(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a file with those in eight bits brought back to float32: what training can go on from."""
    scales = {name.removesuffix(f".{SCALE}"): scale for name, scale in tensors.items() if name.endswith(f".{SCALE}")}
    plain = {name: tensor for name, tensor in tensors.items() if not name.endswith(f".{SCALE}")}
    return plain | {f"{name}.weight": plain[f"{name}.weight"].float() * scale for name, scale in scales.items()}


def _in_blocks(model: nn.Module) -> dict[str, nn.Linear]:
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and not isinstance(module, QuantizedLinear)
        and (BLOCKS in name or name.endswith(MODULATION))
    }


def _put(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, layer)
