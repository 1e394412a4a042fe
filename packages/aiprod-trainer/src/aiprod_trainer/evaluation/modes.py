"""Ways to sample beside the plain one: the same held-out prompts and seeds, under other guidance, in eight bits, or by
the model of few steps.

What the judge says of each is told beside what it says of plain clips. It knows nothing of how a mode works: a mode is
a few settings of the request and, for some, a format of weights.
"""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from aiprod_core.checkpoint import weights_digest
from aiprod_core.family import DISTILLED_FILE, SovereignModels, load_model
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.models.shdt import SHDT
from aiprod_core.quantize import WeightFormat, quantize
from aiprod_trainer.evaluation.attributes import SEEN, accuracy
from aiprod_trainer.evaluation.nano import Plan, generated, generation_digest, held_out
from aiprod_trainer.evaluation.observation import Observation, observe
from aiprod_trainer.evaluation.renders import OnProgress
from aiprod_trainer.evaluation.video_statistics import ratios
from aiprod_trainer.release import as_shipped
from aiprod_trainer.worlds.scene import Scene

COLUMNS = ("subject", "colour", "action", "setting", "time+weather", "camera", "all")


@dataclass(frozen=True)
class Mode:
    """A way to sample: what it changes of the plain request, the format that weights are brought to, and the file of
    another transformer."""

    settings: Mapping[str, float] = field(default_factory=dict)
    stored_as: WeightFormat | None = None
    transformer: str | None = None


PLAIN = "plain"
MODES = {
    PLAIN: Mode(),
    "no guidance": Mode({"guidance_scale": 1.0}),
    "CFG 4": Mode({"guidance_scale": 4.0}),
    "rescale 0.7": Mode({"guidance_rescale": 0.7}),
    "APG": Mode({"apg_eta": 0.0}),
    "STG 1": Mode({"stg_scale": 1.0}),
    "modality 2": Mode({"modality_scale": 2.0}),
    "int8": Mode(stored_as=WeightFormat.INT8),
    "fp8": Mode(stored_as=WeightFormat.FP8_E4M3),
    "distilled 4": Mode({"num_inference_steps": 4, "guidance_scale": 1.0}, transformer=DISTILLED_FILE),
    "distilled 8": Mode({"num_inference_steps": 8, "guidance_scale": 1.0}, transformer=DISTILLED_FILE),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One mode. `accuracy`: share of clips that are right, by attribute. `mean`: of every attribute of every clip.
    `beside_plain`: `mean` as a share of the plain one. `same`: share of attributes of which the judge says what it says
    of the plain clip. `pictures`: statistics as multiples of the plain ones. `size`: bytes of the transformer and the
    text encoder as released, as a share of the plain ones."""

    mode: str
    accuracy: dict[str, float]
    mean: float
    beside_plain: float
    same: float
    pictures: dict[str, float]
    size: float


@dataclass(frozen=True)
class ModesReport:
    """Rows in order, the plain one first, and what they were measured on."""

    about: dict[str, Any]
    rows: Sequence[Row]

    def to_json(self) -> str:
        return json.dumps({"about": self.about, "modes": [asdict(row) for row in self.rows]}, indent=2) + "\n"

    def table(self) -> Table:
        """A row a mode, for a terminal."""
        table = Table(
            "mode", *COLUMNS, "mean", "beside plain", "same", "motion", "flicker", "sharpness", "size", box=None
        )
        for row in self.rows:
            shares = (*(row.accuracy[name] for name in COLUMNS), row.mean)
            table.add_row(
                row.mode,
                *(f"{share:.1%}" for share in shares),
                f"{row.beside_plain:.3f}",
                f"{row.same:.1%}",
                *(f"{ratio:.2f}" for ratio in row.pictures.values()),
                f"{row.size:.2f}",
            )
        return table


def evaluate_modes(
    weights: Path,
    judge: AttributeJudge,
    plan: Plan,
    names: Sequence[str],
    folder: Path,
    on_progress: OnProgress,
) -> ModesReport:
    """Render the plan's prompts with a folder of weights, in the plain mode and in those of `names`.

    Clips are kept in `folder`, each for ever. Prompts are the outer loop: an interrupted run has all modes of its first
    prompts.
    """
    models, scenes = SovereignModels.load(weights), held_out(plan.prompts, plan.level)
    wanted = list(dict.fromkeys([PLAIN, *names]))
    ready = {name: _ready(models, weights, plan, MODES[name], folder) for name in wanted}
    seen: dict[str, list[Observation]] = {name: [] for name in wanted}
    for index, scene in enumerate(scenes):
        for name, (those, asked, clips) in ready.items():
            seen[name].append(observe(judge, generated(those, asked, index, scene, clips / f"{index:05d}.npz")))
        on_progress("generate", index + 1, len(scenes))
    plain_bytes = size_bytes(models)
    rows = [_row(name, seen[name], seen[PLAIN], scenes, size_bytes(ready[name][0]) / plain_bytes) for name in wanted]
    about = {
        "prompts": plan.prompts,
        "seed": plan.seed,
        "level": plan.level,
        "modes": {name: {key: str(value) for key, value in asdict(MODES[name]).items()} for name in wanted},
        "clips": {name: clips.name for name, (_, _, clips) in ready.items()},
        "judge": weights_digest(judge),
    }
    report = ModesReport(about, rows)
    (folder / "modes.json").write_text(report.to_json())
    return report


def size_bytes(models: SovereignModels) -> int:
    """Bytes of the transformer and the text encoder as they are released, without headers."""
    states = (models.shdt.state_dict(), models.text_encoder.state_dict())
    tensors = [as_shipped(key, tensor) for state in states for key, tensor in state.items()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _ready(
    models: SovereignModels, weights: Path, plan: Plan, mode: Mode, folder: Path
) -> tuple[SovereignModels, Plan, Path]:
    """The models, the plan and the folder of clips of a mode; the folder is the one `aiprod eval nano` would take."""
    if mode.stored_as is not None:
        models = replace(models, shdt=deepcopy(models.shdt), text_encoder=deepcopy(models.text_encoder))
        quantize(models.shdt, mode.stored_as)
        quantize(models.text_encoder, mode.stored_as)
    if mode.transformer is not None:
        transformer = load_model(SHDT, weights / mode.transformer).eval().requires_grad_(False)
        models = replace(models, shdt=transformer.to(models.device, models.dtype))
    plan = replace(plan, request=replace(plan.request, **dict(mode.settings)))  # type: ignore[arg-type]
    clips = folder / "clips" / generation_digest(models, plan)
    clips.mkdir(parents=True, exist_ok=True)
    return models, plan, clips


def _row(
    mode: str, made: Sequence[Observation], plain: Sequence[Observation], scenes: Sequence[Scene], size: float
) -> Row:
    shares = accuracy([o.judgement for o in made], scenes)
    mean, plain_mean = (_mean(observations, scenes) for observations in (made, plain))
    pairs = zip(made, plain, strict=True)
    agreeing = [a.judgement.said[name] == b.judgement.said[name] for a, b in pairs for name in SEEN]
    return Row(
        mode=mode,
        accuracy={name: shares[name].value for name in shares},
        mean=mean,
        beside_plain=mean / plain_mean,
        same=sum(agreeing) / len(agreeing),
        pictures=ratios([o.statistics for o in made], [o.statistics for o in plain]),
        size=size,
    )


def _mean(observations: Sequence[Observation], scenes: Sequence[Scene]) -> float:
    shares = accuracy([o.judgement for o in observations], scenes)
    return sum(shares[name].value for name in SEEN) / len(SEEN)
