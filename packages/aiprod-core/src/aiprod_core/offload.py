"""Offload: a model's weights lie elsewhere; each part is brought in just before it runs and let go after.

Done with hooks, from outside: no model knows of it. Elsewhere is the checkpoint itself, of which only the part in use
is then in memory, or the memory of the CPU while an accelerator computes. What runs is the same, so that the output
is too, to the bit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from aiprod_core.checkpoint import check_fit, read_tensors
from aiprod_core.models.shdt import SHDT, JointAttention
from aiprod_core.quantize import prepare_for

INIT = "torch.nn.init"
Bring: TypeAlias = Callable[[Sequence[str]], dict[str, Tensor]]  # names in the model → tensors as they compute


class Offload(StrEnum):
    """Where the weights lie while they do not compute."""

    NONE = "none"
    CPU = "cpu"
    DISK = "disk"


class Weightless(TorchFunctionMode):
    """Within it, models are built without drawing their weights, which then take no memory: no page is touched.

    Not on the meta device, whose arithmetic would first import 80 MB of algebra that nothing else here needs.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function in (torch.Tensor.normal_, torch.Tensor.uniform_) or getattr(function, "__module__", "") == INIT:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **kwargs)


def offload_to_cpu(model: nn.Module, device: torch.device) -> None:
    """Let the parts of `model`, which is on the CPU, lie there and compute on `device`, where the rest goes."""
    here = model.state_dict()
    for name, tensor in here.items():
        here[name] = tensor.pin_memory() if device.type == "cuda" else tensor
    _let_go(model)
    _fill(model, {name: here[name].to(device) for name in _staying(model)})
    _hook(model, lambda names: {name: here[name].to(device, non_blocking=True) for name in names})


def offload_to_disk(model: nn.Module, path: Path, device: torch.device, dtype: torch.dtype) -> None:
    """Let the parts of `model`, which may be `Weightless`, lie in its checkpoint `path`; load the rest.

    Raises `WeightsError` where the checkpoint does not fit.
    """
    mapped = read_tensors(path)  # pages are read only when they are touched
    prepare_for(model, mapped)
    check_fit(model, mapped, path)
    model.to("meta", dtype)
    as_it_computes = model.state_dict()

    def bring(names: Sequence[str]) -> dict[str, Tensor]:
        with safe_open(path, framework="pt") as file:  # each time anew: a closed mapping keeps no page in memory
            return {name: file.get_tensor(name).to(device, as_it_computes[name].dtype) for name in names}

    _fill(model, bring(_staying(model)))
    _hook(model, bring)


def _parts(model: nn.Module) -> list[nn.Module]:
    """What is brought in at once; a part within another one counts for itself.

    SHDT reads the text before its layers run, so what is for that is not brought in again with every step.
    """
    if not isinstance(model, SHDT):
        return [model]
    joint = [layer.attention for layer in model.layers if isinstance(layer.attention, JointAttention)]
    return [*model.layers, *(part for attention in joint for part in (attention.text, attention.text_norm))]


@dataclass(frozen=True)
class _Slot:
    """Where a tensor hangs in a model."""

    name: str
    module: nn.Module
    attribute: str

    def put(self, tensor: Tensor) -> None:
        if self.attribute in self.module._buffers:
            self.module._buffers[self.attribute] = tensor
        else:
            self.module._parameters[self.attribute] = nn.Parameter(tensor, requires_grad=False)


def _slots(model: nn.Module) -> dict[nn.Module, list[_Slot]]:
    """The tensors of each part; those that stay are under the model itself, unless it is a part."""
    owners: dict[nn.Module, nn.Module] = dict.fromkeys(model.modules(), model)
    for part in _parts(model):
        owners |= dict.fromkeys(part.modules(), part)
    slots: dict[nn.Module, list[_Slot]] = {owner: [] for owner in owners.values()}
    for prefix, module in model.named_modules():
        for attribute in [*module._parameters, *module._buffers]:
            name = f"{prefix}.{attribute}" if prefix else attribute
            if getattr(module, attribute) is not None:
                slots[owners[module]].append(_Slot(name, module, attribute))
    return slots


def _staying(model: nn.Module) -> list[str]:
    return [] if model in _parts(model) else [slot.name for slot in _slots(model)[model]]


def _let_go(model: nn.Module) -> None:
    for slots in _slots(model).values():
        for slot in slots:
            slot.put(getattr(slot.module, slot.attribute).to("meta"))


def _fill(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    for slots in _slots(model).values():
        for slot in slots:
            if slot.name in tensors:
                slot.put(tensors[slot.name])


def _hook(model: nn.Module, bring: Bring) -> None:
    for part, slots in _slots(model).items():
        if part not in _parts(model):
            continue
        empty = [getattr(slot.module, slot.attribute) for slot in slots]

        def before(module: nn.Module, given: object, slots: list[_Slot] = slots) -> None:
            tensors = bring([slot.name for slot in slots])
            for slot in slots:
                slot.put(tensors[slot.name])

        def after(
            module: nn.Module, given: object, output: object, slots: list[_Slot] = slots, empty: list[Tensor] = empty
        ) -> None:
            for slot, tensor in zip(slots, empty, strict=True):
                slot.put(tensor)

        part.register_forward_pre_hook(before)
        part.register_forward_hook(after, always_call=True)
