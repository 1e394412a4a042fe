"""The training file: sections and keys under the names that users of LTX trainers know.

Unknown keys are errors that suggest the nearest known one. A strategy's own options live in `training_strategy`
and are read by the strategy. This module knows YAML and nothing of models.
"""

import difflib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aiprod_core.errors import InputError
from aiprod_core.execution import Attention


class Section(BaseModel):
    """A section that knows its keys and takes no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSection(Section):
    """What is trained: a preset of the strategy's model, from random weights or from a checkpoint."""

    preset: Literal["nano", "small", "full"] = "nano"
    init_from: Path | None = None  # folder of a run, or of released weights; None: random initialisation


class OptimizationSection(Section):
    """Steps are optimiser steps, whatever the accumulation."""

    steps: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    optimizer_type: Literal["adamw", "muon"] = "adamw"  # muon: hidden matrices by Muon, the rest by AdamW
    weight_decay: float = 0.01
    gradient_accumulation_steps: int = Field(default=1, gt=0)
    max_grad_norm: float = 1.0
    warmup_steps: int = 100
    decay_fraction: float = Field(default=0.2, ge=0, le=1)  # last share of the steps, linear to zero
    ema_decay: float = Field(default=0.999, ge=0, lt=1)


class AccelerationSection(Section):
    device: str = "auto"  # auto | cpu | cuda
    mixed_precision_mode: Literal["no", "bf16"] = "no"  # master weights stay fp32
    threads: int | None = None
    attention: Attention = Attention.AUTO  # math: attention written out, faster in bf16 on a CPU, more memory


class DataSection(Section):
    num_dataloader_workers: int = 1
    level: int = Field(default=1, ge=1, le=3)  # of the procedural world


class ValidationSection(Section):
    interval: int | None = 500  # steps; None: never


class CheckpointsSection(Section):
    interval: int = 500  # steps
    keep_last_n: int = Field(default=2, ge=1)


class TrackingSection(Section):
    interval: int = 20  # steps between two log lines
    tensorboard: bool = True


class TrainConfig(Section):
    """One training run."""

    model: ModelSection = ModelSection()
    training_strategy: dict[str, Any]
    optimization: OptimizationSection
    acceleration: AccelerationSection = AccelerationSection()
    data: DataSection = DataSection()
    validation: ValidationSection = ValidationSection()
    checkpoints: CheckpointsSection = CheckpointsSection()
    tracking: TrackingSection = TrackingSection()
    seed: int = 0
    output_dir: Path

    @classmethod
    def read(cls, path: Path, overrides: dict[str, Any] | None = None) -> "TrainConfig":
        """The file as a config; `overrides` maps dotted keys to values (`optimization.steps`)."""
        try:
            content = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError) as error:
            problem = " ".join(str(error).split())  # YAML's own message has several lines
            raise InputError(
                f"training file: cannot read {path}: {problem}; see configs/train/ for examples"
            ) from error
        if not isinstance(content, dict):
            raise InputError(f"training file: {path} holds no sections; see configs/train/ for examples")
        for dotted, value in (overrides or {}).items():
            _set(content, dotted.split("."), value)
        return parse(cls, content, path.name)


def parse(schema: type[Any], content: Any, origin: str) -> Any:
    """`content` as `schema`, or an `InputError` that names the key and the nearest known one."""
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{origin}: {'; '.join(_explain(schema, problem) for problem in error.errors())}") from error


def _explain(schema: type[BaseModel], problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        return f"{where}: {problem['msg']}, got {problem['input']!r}"
    for part in problem["loc"][:-1]:
        schema = schema.model_fields[part].annotation  # type: ignore[assignment]
    near = difflib.get_close_matches(str(problem["loc"][-1]), schema.model_fields, n=1)
    return f"{where}: unknown key" + (f"; did you mean '{near[0]}'?" if near else f"; known: {[*schema.model_fields]}")


def _set(content: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        content = content.setdefault(key, {})
    content[keys[-1]] = value
