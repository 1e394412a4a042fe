"""LoRA at inference: low-rank additions to the linear layers of a model, any number at once, each with a strength.

Read in the layouts that people have: PEFT and diffusers (`….lora_A.weight`), ComfyUI (`diffusion_model.….lora_down…`),
kohya (`lora_unet_…`, whose underscores are resolved against the model's real modules). A key that fits no module is an
error that names it and the nearest modules, never silence. Source: Hu et al. 2021 (arXiv:2106.09685).
"""

import difflib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.checkpoint import HEADER
from aiprod_core.errors import WeightsError

PREFIXES = ("diffusion_model.", "transformer.", "base_model.model.", "model.diffusion_model.")
KOHYA_PREFIXES = ("lora_unet_", "lora_transformer_")
SHOWN = 5  # unmatched keys in a message

_PART = re.compile(r"^(?P<module>.+?)\.(?P<part>lora_A|lora_B|lora_down|lora_up|alpha)(?:\.default)?(?:\.weight)?$")
_SIDES = {"lora_A": "down", "lora_down": "down", "lora_B": "up", "lora_up": "up", "alpha": "alpha"}


@dataclass(frozen=True)
class LowRank:
    """One addition: `up @ down`, `[out rank] @ [rank in]`; `alpha / rank` is within `up` already."""

    down: Tensor
    up: Tensor


@dataclass(frozen=True)
class Lora:
    """A LoRA as a file holds it: additions by the name of the module they are for. `name`: for messages.

    `reference`: what an in-context LoRA of ours refers to, such as "relit" or "edges"; None for any other.
    """

    name: str
    layers: dict[str, LowRank]
    reference: str | None = None


@dataclass(frozen=True)
class LoraFile:
    """A LoRA to put on. `strength`: 1 is as it was trained, 0 is off; negative is the opposite."""

    path: Path
    strength: float = 1.0


@dataclass
class Loras:
    """The LoRAs on a model. The model's own weights stay untouched, so that taking them off restores it to the bit."""

    model: nn.Module
    _hooks: list[torch.utils.hooks.RemovableHandle] = field(default_factory=list)

    def set(self, loras: Sequence[tuple[Lora, float]]) -> None:
        """Put these on, with their strengths, instead of any before. Raises `WeightsError` where one does not fit."""
        modules = linear_modules(self.model)
        device = next(weight.device for weight in self.model.parameters() if not weight.is_meta)  # offloaded ones are
        added: dict[str, list[tuple[LowRank, float]]] = {}
        for lora, strength in loras:
            for name, layer in lora.layers.items():
                check_fit(lora, name, layer, modules[name])
                added.setdefault(name, []).append((_placed(layer, device), strength))
        self.clear()
        self._hooks = [modules[name].register_forward_hook(_addition(layers)) for name, layers in added.items()]

    def clear(self) -> None:
        """Take all of them off."""
        while self._hooks:
            self._hooks.pop().remove()


@torch.no_grad()
def merge(model: nn.Module, loras: Sequence[tuple[Lora, float]]) -> None:
    """Add LoRAs to the model's weights for good, in float32 until the last rounding."""
    modules = linear_modules(model)
    for lora, strength in loras:
        for name, layer in lora.layers.items():
            check_fit(lora, name, layer, modules[name])
            weight = modules[name].weight
            addition = strength * layer.up.float() @ layer.down.float()
            weight.copy_((weight.float() + addition.to(weight.device)).to(weight.dtype))


def read_lora(path: Path, model: nn.Module, named: Callable[[str], str] = str) -> Lora:
    """Read a LoRA for `model`. `named`: a key as `model` has it, where the file may follow another program's names.

    Raises `WeightsError` for a file that cannot be read, or has keys that fit no module.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            reference = _reference(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"lora: {path} is missing or no safetensors file; name another") from error
    modules = linear_modules(model)
    kohya = {name.replace(".", "_"): name for name in modules}
    parts: dict[str, dict[str, Tensor]] = {}
    unmatched: list[str] = []
    for key, tensor in tensors.items():
        match = _PART.match(named(key))
        module = _module_of(match["module"], modules, kohya) if match else None
        if match is None or module is None:
            unmatched.append(key)
        else:
            parts.setdefault(module, {})[_SIDES[match["part"]]] = tensor
    if unmatched:
        raise WeightsError(
            f"lora: {path} has {len(unmatched)} keys that fit no module: {_explained(unmatched, modules)}"
        )
    halves = [name for name, part in parts.items() if not {"down", "up"} <= part.keys()]
    if halves or not parts:
        raise WeightsError(f"lora: {path} lacks the other half of {', '.join(halves[:SHOWN]) or 'everything'}")
    return Lora(path.name, {name: _layer(part) for name, part in parts.items()}, reference)


def save_lora(lora: Lora, path: Path) -> None:
    """Write it as every program reads it: `diffusion_model.MODULE.lora_A.weight`, bf16, without alpha."""
    tensors: dict[str, Tensor] = {}
    for name, layer in lora.layers.items():
        tensors[f"diffusion_model.{name}.lora_A.weight"] = layer.down.to(torch.bfloat16).contiguous()
        tensors[f"diffusion_model.{name}.lora_B.weight"] = layer.up.to(torch.bfloat16).contiguous()
    partial = path.with_name(path.name + ".tmp")
    save_file(tensors, partial)
    partial.replace(path)


def linear_modules(model: nn.Module) -> dict[str, nn.Linear]:
    """The layers that a LoRA can be for, by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}


def check_fit(lora: Lora, name: str, layer: LowRank, module: nn.Linear) -> None:
    """Raise `WeightsError` where an addition has not the shape of its layer: it was trained on another base."""
    got, expected = (layer.up.shape[0], layer.down.shape[1]), (module.out_features, module.in_features)
    if got != expected:
        raise WeightsError(
            f"lora: {lora.name} has {name} of {got[0]} × {got[1]}, the model {expected[0]} × {expected[1]}; "
            "it belongs to another base model"
        )


def _reference(metadata: dict[str, str]) -> str | None:
    """What an in-context LoRA refers to, from the header of a checkpoint of ours."""
    header = json.loads(metadata.get(HEADER, "{}"))
    named: str | None = json.loads(header.get("config", "{}")).get("reference")
    return named


def _layer(part: dict[str, Tensor]) -> LowRank:
    down, up = part["down"], part["up"]
    rank = down.shape[0]
    alpha = float(part["alpha"]) if "alpha" in part else float(rank)
    return LowRank(down, up if alpha == rank else up * (alpha / rank))


def _placed(layer: LowRank, device: torch.device) -> LowRank:
    return LowRank(layer.down.to(device), layer.up.to(device))


def _addition(layers: list[tuple[LowRank, float]]) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    def added(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        for layer, strength in layers:
            inner = F.linear(given[0], layer.down.to(output.dtype))
            output = output + strength * F.linear(inner, layer.up.to(output.dtype))
        return output

    return added


def _module_of(written: str, modules: dict[str, nn.Linear], kohya: dict[str, str]) -> str | None:
    for prefix in ("", *PREFIXES):
        if written.startswith(prefix) and written.removeprefix(prefix) in modules:
            return written.removeprefix(prefix)
    for prefix in KOHYA_PREFIXES:
        if written.startswith(prefix):
            return kohya.get(written.removeprefix(prefix))
    return None


def _explained(keys: list[str], modules: dict[str, nn.Linear]) -> str:
    lines = []
    for key in sorted(keys)[:SHOWN]:
        match = _PART.match(key)
        written = match["module"] if match else key
        for prefix in (*PREFIXES, *KOHYA_PREFIXES):
            written = written.removeprefix(prefix)
        near = difflib.get_close_matches(written, modules, n=1, cutoff=0.4)
        lines.append(f"{key} (nearest: {near[0]})" if near else key)
    more = f", and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(lines) + more + "; use a LoRA of this model, or name the modules as it does"
