"""LoRA in training: low-rank additions to the linear layers of a frozen model, with gradients for them alone.

Their names are those of the file they ship in, `diffusion_model.MODULE.lora_A.weight`, which any program reads.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from aiprod_core.errors import InputError
from aiprod_core.lora import linear_modules

ROOT = "diffusion_model"


@dataclass(frozen=True, kw_only=True)
class AdaptersConfig:
    """`base`: hash of the weights they were trained on. `targets`: regular expression of the layers they are for.

    `reference`: what an in-context LoRA takes as its reference, such as the edges of a clip; None for any other.
    """

    base: str
    rank: int
    targets: str
    reference: str | None = None


class Adapters(nn.Module):
    """Additions to those linear layers of `base` that `config.targets` finds; they start as nothing."""

    def __init__(self, config: AdaptersConfig, base: nn.Module, root: str = ROOT) -> None:
        """Hooks itself onto `base`, whose weights it neither holds nor trains. `root`: what its names begin with.

        Raises `InputError` where no layer is found.
        """
        super().__init__()
        self.config = config
        found = {name: layer for name, layer in linear_modules(base).items() if re.search(config.targets, name)}
        if not found:
            raise InputError(
                f"targets: got {config.targets!r}, which is in the name of no linear layer, expected one such as "
                f"{next(iter(linear_modules(base)))!r}"
            )
        for name, layer in found.items():
            pair = LowRankPair(layer.in_features, layer.out_features, config.rank)
            _put(self, f"{root}.{name}", pair)
            layer.register_forward_hook(_added(pair))


class LowRankPair(nn.Module):
    """`lora_B(lora_A(x))`: rank in between, nothing at first."""

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        self.lora_A = nn.Linear(inputs, rank, bias=False)
        self.lora_B = nn.Linear(rank, outputs, bias=False)
        nn.init.normal_(self.lora_A.weight, std=1 / math.sqrt(inputs))
        nn.init.zeros_(self.lora_B.weight)

    def forward(self, x: Tensor) -> Tensor:
        addition: Tensor = self.lora_B(self.lora_A(x))
        return addition


def _added(pair: LowRankPair) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    def hook(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + pair(given[0])

    return hook


def _put(root: nn.Module, path: str, module: nn.Module) -> None:
    """`module` at a dotted path below `root`, with plain modules on the way."""
    *way, last = path.split(".")
    for name in way:
        if name not in root._modules:
            root.add_module(name, nn.Module())
        root = root.get_submodule(name)
    root.add_module(last, module)
