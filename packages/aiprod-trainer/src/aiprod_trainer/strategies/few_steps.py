"""Distilling SHDT to few steps: a student that jumps along the way its teacher walked.

The student gives the mean velocity on the way from t to r: z_r = z_t − (t − r)·u(z_t, t, r). It learns it from states
that its guided teacher passed through on its way from noise to a clip, so guidance is fused into it; a jump over more
of them makes fewer steps, and one file serves 2, 4 and 8. Sources: progressive distillation, Salimans & Ho 2022
(arXiv:2202.00512), in one round and with the time of arrival told, as in MeanFlow (arXiv:2505.13447).
"""

import random
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.components.guiders import Guidance, MultiModalGuider
from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.conditioning import no_pins
from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.models.shdt import SHDT, SHDTConfig, TextContext
from aiprod_core.quantize import dequantized
from aiprod_core.sampler import Run, denoise
from aiprod_core.types import LatentState
from aiprod_trainer.config import Section, TrainConfig, parse
from aiprod_trainer.data.trajectories import TrajectorySet, teacher_digest
from aiprod_trainer.evaluation.samples import draw_samples
from aiprod_trainer.strategies.text_to_video import PRESETS
from aiprod_trainer.trainer import Batch
from aiprod_trainer.worlds.scene import FRAME_RATE_HZ

COMPARED_STEPS = (4, 8)


class Options(Section):
    """`trajectories`: a folder made by `aiprod data trajectories` of `teacher`; its last `held_back` validate.

    `jumps`: how many kept states a jump spans, and how often: with eight, jumps of two make four steps.
    """

    name: str
    trajectories: Path
    teacher: Path
    runs: int | None = None
    held_back: int = 16
    jumps: dict[int, float] = Field(default={1: 0.25, 2: 0.6, 4: 0.15})
    audio_weight: float = 0.5
    samples: int = 6  # drawn at validation


class FewSteps:
    """Strategy: two states of a guided run in, the velocity between them out."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.options = self.parsed(config)
        self.model = self.shdt = SHDT(self.transformer(config))

    @staticmethod
    def parsed(config: TrainConfig) -> Options:
        """The strategy's own options."""
        options: Options = parse(Options, config.training_strategy, "training_strategy")
        return options

    @staticmethod
    def transformer(config: TrainConfig) -> SHDTConfig:
        """The model to train."""
        return replace(PRESETS[config.model.preset], spans=True)

    @cached_property
    def teacher(self) -> SovereignModels:
        return SovereignModels.load(self.options.teacher, device=str(self._device))

    @cached_property
    def trajectories(self) -> TrajectorySet:
        found = TrajectorySet(self.options.trajectories, self.options.runs)
        if found.about.teacher != teacher_digest(self.teacher):
            raise InputError(
                f"trajectories: got runs of another teacher in {self.options.trajectories}, expected of "
                f"{self.options.teacher}; make them again with 'aiprod data trajectories'"
            )
        return found

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"shdt_distilled": self.shdt}

    @property
    def files(self) -> dict[str, str]:
        return {}

    def begin(self) -> None:
        """The student starts as its teacher, but for what tells it where to arrive; worker processes share the data."""
        known = dequantized(self.teacher.shdt.state_dict())
        missing, unexpected = self.shdt.load_state_dict(known, strict=False)
        assert not unexpected
        assert all(name.startswith("span.") for name in missing)
        len(self.trajectories)

    def batch(self, step: int) -> Batch:
        size, trained_on = self.config.optimization.batch_size, len(self.trajectories) - self.options.held_back
        rng = random.Random(f"{self.config.seed} jumps {step}")
        rows = [rng.randrange(trained_on) for _ in range(size)]
        spans = rng.choices([*self.options.jumps], [*self.options.jumps.values()], k=size)
        last = len(self.trajectories.about.times) - 1
        starts = [span * rng.randrange(last // span) for span in spans]
        return self._jumps(rows, starts, [start + span for start, span in zip(starts, spans, strict=True)])

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The mean square error of the velocity, longer jumps weighing more since their errors go further."""
        span = batch["t"] - batch["until"]
        weight = span / span.mean()
        flow = self.shdt(
            LatentState(batch["video"], batch["audio"]),
            self._read(batch),
            *(batch["t"][:, None],) * 2,
            FRAME_RATE_HZ,
            until=(batch["until"][:, None],) * 2,
        )
        losses = {
            name: _weighed(found, (batch[name] - batch[f"{name}_until"]) / _as(span, found), weight)
            for name, found in (("video", flow.video), ("audio", flow.audio))
        }
        return {"loss": losses["video"] + self.options.audio_weight * losses["audio"]} | losses

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """How far from the teacher's end a few steps end, as a share of its power; their motion; samples as a sheet."""
        about, student = self.trajectories.about, replace(self.teacher, shdt=self.shdt)
        path = folder / f"step-{step:08d}.png"
        asked = {"frames": about.frames, "level": about.level, "count": self.options.samples}
        draw_samples(path, student, **asked, steps=COMPARED_STEPS[0], guidance_scale=1.0)
        rows = [*range(len(self.trajectories) - self.options.held_back, len(self.trajectories))]
        whole = self._jumps(rows, [0] * len(rows), [len(about.times) - 1] * len(rows))
        there = whole["video_until"].to(self._device)
        figures = {}
        for steps in COMPARED_STEPS:
            here = self._arrival(whole, steps)
            figures[f"distance_{steps}"] = ((here - there).square().mean() / there.square().mean()).item()
            moved, meant = (x.diff(dim=2).square().mean() for x in (here, there))
            figures[f"motion_{steps}"] = (moved / meant).item()
        return figures

    def _arrival(self, begun: Batch, steps: int) -> Tensor:
        """Where the student ends, in so many steps from the noise of some runs."""
        noise = LatentState(begun["video"].to(self._device), begun["audio"].to(self._device))
        assert noise.video is not None
        assert noise.audio is not None
        run = Run(
            text=self._read(begun),
            schedule=FlowSchedule(steps),
            guider=MultiModalGuider(video=Guidance(), audio=Guidance()),
            video_pins=no_pins(noise.video),
            audio_pins=no_pins(noise.audio),
            frame_rate_hz=FRAME_RATE_HZ,
        )
        video = denoise(self.shdt, noise, run).video
        assert video is not None
        return video

    def _jumps(self, rows: list[int], starts: list[int], ends: list[int]) -> Batch:
        kept, times = self.trajectories, self.trajectories.about.times.float()
        ids, mask = self.teacher.tokenizer([kept.prompts[row] for row in rows])
        return {
            "ids": ids,
            "mask": mask,
            "t": times[starts],
            "until": times[ends],
            "video": kept.video[rows, starts].float(),
            "audio": kept.audio[rows, starts].float(),
            "video_until": kept.video[rows, ends].float(),
            "audio_until": kept.audio[rows, ends].float(),
        }

    def _read(self, batch: Batch) -> TextContext:
        """The prompts as the student reads the features of its teacher's text encoder, which stays as it is."""
        ids, mask = batch["ids"].to(self._device), batch["mask"].to(self._device)
        with torch.no_grad():
            features = self.teacher.text_encoder(ids, mask)
        return self.shdt.read(features, mask)

    @property
    def _device(self) -> torch.device:
        return self.shdt.video_in.weight.device


def _weighed(found: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """The mean square error, each sample by its `weight` `[b]`."""
    return (_as(weight, found) * F.mse_loss(found.float(), wanted, reduction="none")).mean()


def _as(values: Tensor, like: Tensor) -> Tensor:
    """`[b]` so that it broadcasts against `[b …]`."""
    return values.view(-1, *(1,) * (like.ndim - 1))
