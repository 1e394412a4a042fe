"""Weights on disk: one safetensors file a model, with its configuration and its lineage in the header.

The header makes a file speak for itself: which model, which sizes, from what it was initialised and on what it was
trained. Nothing is unpickled, and a file is written under a temporary name first.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from aiprod_core.errors import WeightsError
from aiprod_core.quantize import dequantized, prepare_for

FORMAT = "aiprod-1"
HEADER = "aiprod"  # one entry holds all: safetensors writes several in no fixed order, and equal weights be equal files


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where weights come from. `initialised_from`: "random" or the id of other weights; `trained_on`: data sets."""

    initialised_from: str
    trained_on: tuple[str, ...]
    steps: int
    core_hours: float
    licence: str = "LicenseRef-AIPROD-Proprietary"


def save_checkpoint(path: Path, model: str, config: Any, tensors: dict[str, Tensor], lineage: Lineage) -> None:
    """Write `tensors` of a model named `model` with its (frozen dataclass) `config`."""
    header = {
        "format": FORMAT,
        "model": model,
        "config": json.dumps(dataclasses.asdict(config), sort_keys=True),
        "lineage": json.dumps(dataclasses.asdict(lineage), sort_keys=True),
    }
    partial = path.with_name(path.name + ".tmp")
    metadata = {HEADER: json.dumps(header, sort_keys=True)}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata=metadata)
    partial.chmod(0o644)  # safetensors writes for the owner alone
    partial.replace(path)


def read_header(path: Path) -> dict[str, str]:
    """Format, model, config and lineage of a checkpoint. Raises `WeightsError` if it is missing or not one of ours."""
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, str] = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    except FileNotFoundError as error:
        raise WeightsError(
            f"weights: {path} is missing; run 'aiprod models list' to see where weights are expected"
        ) from error
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"weights: {path} is damaged ({error}); restore it and run 'aiprod models verify'"
        ) from error
    if header.get("format") != FORMAT:
        raise WeightsError(
            f"weights: {path} is not a checkpoint of this project: got format {header.get('format')!r}, "
            f"expected {FORMAT!r}; use weights that 'aiprod models list' shows"
        )
    return header


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint, on the CPU, in the type they were stored in."""
    read_header(path)
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict


def load_weights(module: nn.Module, path: Path, prefix: str = "", *, plain: bool = False) -> None:
    """Load the tensors whose names start with `prefix` into `module`, in the module's own type; all must fit.

    Layers that the file has in eight bits become so, unless `plain`.
    """
    tensors = {name[len(prefix) :]: tensor for name, tensor in read_tensors(path).items() if name.startswith(prefix)}
    if plain:
        tensors = dequantized(tensors)
    prepare_for(module, tensors)
    check_fit(module, tensors, path)
    module.load_state_dict(tensors)


def check_fit(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raise `WeightsError` unless `tensors`, those of `path`, are all that `module` has, in its shapes."""
    expected = module.state_dict()
    wrong = sorted(expected.keys() ^ tensors.keys())
    wrong += sorted(n for n in expected.keys() & tensors.keys() if expected[n].shape != tensors[n].shape)
    if wrong:
        raise WeightsError(
            f"weights: {path} does not fit {type(module).__name__}: {len(wrong)} tensors differ, first '{wrong[0]}'; "
            "use the weights that belong to this version"
        )


def weights_digest(module: nn.Module, *, without: str | None = None) -> str:
    """A short hash of a model's weights and buffers, of those alone whose names do not start with `without`."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if without is None or not name.startswith(without):
            digest.update(name.encode() + tensor.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()[:12]
