"""From a training run to weights that ship: averaged weights in bf16, with lineage, manifest and checksums.

A folder of weights holds one safetensors file a model, whatever else the models need, MANIFEST.json (what each file
is) and CHECKSUMS.sha256. Exporting one run replaces its own files and leaves the others.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aiprod_core.checkpoint import Lineage, read_header, save_checkpoint
from aiprod_core.quantize import SCALE, WeightFormat, quantize
from aiprod_trainer.config import TrainConfig, parse
from aiprod_trainer.strategies import build
from aiprod_trainer.trainer import last_state
from aiprod_trainer.worlds.vocabulary import WORLD_VERSION

NAME, VERSION = "aiprod-sovereign", "0.1.0"
MANIFEST, CHECKSUMS = "MANIFEST.json", "CHECKSUMS.sha256"


def export_run(run: Path, output: Path, stored_as: WeightFormat | None = None) -> list[Path]:
    """Write the models of a run's last checkpoint into `output`, in eight bits if `stored_as` says so.

    Returns the files. Raises `InputError` where there is no checkpoint.
    """
    state = last_state(run)
    config = _config(state, run)
    strategy = build(config)
    strategy.model.load_state_dict(state["model"])
    strategy.model.load_state_dict(state["average"], strict=False)
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for name, part in strategy.parts.items():
        if stored_as is not None:
            quantize(part, stored_as)
        tensors = {key: as_shipped(key, tensor) for key, tensor in part.state_dict().items()}
        save_checkpoint(output / f"{name}.safetensors", name, part.config, tensors, _lineage(state, config))
        written.append(output / f"{name}.safetensors")
    for name, text in strategy.files.items():
        (output / name).write_text(text)
        written.append(output / name)
    seal(output)
    return written


def config_of(run: Path) -> TrainConfig:
    """How a run is trained. Raises `InputError` where there is no checkpoint."""
    return _config(last_state(run), run)


def seal(folder: Path) -> None:
    """Write MANIFEST.json and CHECKSUMS.sha256 for the files of a folder of weights."""
    files = sorted(path for path in folder.iterdir() if path.name not in (MANIFEST, CHECKSUMS))
    manifest = {"name": NAME, "version": VERSION, "files": {path.name: _facts(path) for path in files}}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in (*files, folder / MANIFEST)]
    (folder / CHECKSUMS).write_text("".join(lines))


def _config(state: dict[str, Any], run: Path) -> TrainConfig:
    config: TrainConfig = parse(TrainConfig, json.loads(state["config"]), str(run))
    return config


def _facts(path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {"size_bytes": path.stat().st_size}
    if path.suffix == ".safetensors":
        header = read_header(path)
        facts |= {"model": header["model"], "lineage": json.loads(header["lineage"])}
    return facts


def as_shipped(name: str, tensor: Tensor) -> Tensor:
    """bf16, but statistics of latents keep every digit, and eight-bit weights and their scales stay what they are."""
    keep = not tensor.is_floating_point() or tensor.dtype.itemsize == 1
    keep = keep or name in ("latent_mean", "latent_scale") or name.endswith(SCALE)
    return tensor if keep else tensor.to(torch.bfloat16)


def _lineage(state: dict[str, Any], config: TrainConfig) -> Lineage:
    history, options = state["history"], config.training_strategy
    base = options.get("teacher") or options.get("base")  # of a student, and of a LoRA
    return Lineage(
        initialised_from=Path(base).name if base else "random",
        trained_on=(f"aiprod-world {WORLD_VERSION} level {config.data.level} train",),
        steps=sum(run["steps"] for run in history),
        core_hours=round(sum(run["core_s"] for run in history) / 3600, 2),
    )
