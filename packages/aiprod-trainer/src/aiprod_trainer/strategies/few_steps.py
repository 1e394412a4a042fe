"""Distilling SHDT to few steps: a student that jumps from one time to another where its teacher walks.

The student gives the mean velocity on the way from t to r, u(z, t, r): z_r = z_t − (t − r)·u. It is trained on the
identity u = v − (t − r)·du/dt along the teacher's path, with du/dt from two more passes of the student on both sides of
t; v is the teacher's velocity with guidance, which is thereby fused into the student. One file serves any number of
steps. Source: MeanFlow (arXiv:2505.13447), with finite differences in place of its Jacobian product.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from aiprod_core.components.guiders import Guidance, MultiModalGuider, Pass
from aiprod_core.components.noisers import add_noise, seeded_noise
from aiprod_core.components.schedulers import FlowSchedule, training_times
from aiprod_core.conditioning import no_pins
from aiprod_core.generation import SovereignModels
from aiprod_core.models.shdt import SHDTConfig, TextContext
from aiprod_core.sampler import Run, denoise
from aiprod_core.types import LatentState
from aiprod_trainer.config import TrainConfig, parse
from aiprod_trainer.evaluation.samples import draw_samples
from aiprod_trainer.strategies.text_to_video import Options as TextToVideoOptions
from aiprod_trainer.strategies.text_to_video import TextToVideo
from aiprod_trainer.trainer import Batch
from aiprod_trainer.worlds.captions import caption
from aiprod_trainer.worlds.scene import FRAME_RATE_HZ

SPAN_SHARE = 0.5  # of the samples jump; the others learn the velocity itself, r = t
WHOLE_SHARE = 0.5  # of those that jump, so many jump to the end, r = 0
STEPS, TEACHER_STEPS, COMPARED = 4, 20, 4  # of validation


class Options(TextToVideoOptions):
    """`teacher`: a folder of released weights. `difference`: how far from t the slope is taken."""

    teacher: Path
    guidance_scale: float = 4.0
    difference: float = 0.01
    softening: float = 1e-2  # errors below it weigh as their square, above as their root


class FewSteps(TextToVideo):
    """Strategy: captioned latents in, the mean velocity of the guided teacher out."""

    options: Options

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        self.text_encoder.requires_grad_(False)

    @staticmethod
    def parsed(config: TrainConfig) -> Options:
        options: Options = parse(Options, config.training_strategy, "training_strategy")
        return options

    @staticmethod
    def transformer(config: TrainConfig) -> SHDTConfig:
        return replace(TextToVideo.transformer(config), spans=True)

    @cached_property
    def teacher(self) -> SovereignModels:
        return SovereignModels.load(self.options.teacher, device=str(self._device))

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"shdt_distilled": self.shdt}

    @property
    def files(self) -> dict[str, str]:
        return {}

    def begin(self) -> None:
        """The student starts as its teacher; its text encoder is the teacher's and stays so."""
        super().begin()
        self.shdt.load_state_dict(self.teacher.shdt.state_dict(), strict=False)
        self.text_encoder.load_state_dict(self.teacher.text_encoder.state_dict())

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The first half of the batch jumps, the second does not."""
        count = len(batch["ids"])
        t = training_times(count, generator, self.options.shift)
        until = t.clone()
        jumping = round(SPAN_SHARE * count)
        until[:jumping] *= torch.rand(jumping, generator=generator)
        until[: round(WHOLE_SHARE * jumping)] = 0.0
        t, until = t.to(self._device), until.to(self._device)
        clean = LatentState(batch["video"].float(), batch["audio"].float() if "audio" in batch else None)
        noise = _each(clean, lambda x: torch.randn(x.shape, generator=generator).to(x))
        noisy = _pairwise(clean, noise, lambda x, e: add_noise(x, e, _as(t, x)))
        with torch.no_grad():
            features = self.text_encoder(batch["ids"], batch["mask"])
            velocity = self._guided(noisy, features, batch["mask"], t)
        text = self.shdt.read(features, batch["mask"])
        with torch.no_grad():
            few = _each(noisy, lambda x: x[:jumping]), _each(velocity, lambda x: x[:jumping])
            slope = self._slope(*few, text.first(jumping), t[:jumping], until[:jumping])
        target = _pairwise(velocity, slope, lambda v, s: _less(v, s, (t - until)[:jumping]))
        flow = self.shdt(noisy, text, t[:, None], t[:, None], FRAME_RATE_HZ, until=(until[:, None], until[:, None]))
        losses = {"video": self._softened(flow.video, target.video)}
        losses["loss"] = losses["video"]
        if flow.audio is not None:
            losses["audio"] = self._softened(flow.audio, target.audio)
            losses["loss"] = losses["video"] + self.options.audio_weight * losses["audio"]
        return losses

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """How far from the teacher's end a few steps end, as a share of its power; their motion; samples as a sheet."""
        student = replace(self.teacher, shdt=self.shdt)
        about = self.latents.about
        path = folder / f"step-{step:08d}.png"
        draw_samples(path, student, frames=about.frames, level=about.level, steps=STEPS, guidance_scale=1.0)
        figures: dict[str, list[float]] = {"distance": [], "motion": []}
        for index, (noise, there) in enumerate(self._arrivals):
            here = denoise(self.shdt, noise, self._run(student, index, noise, STEPS, 1.0)).video
            assert here is not None
            figures["distance"].append(((here - there).square().mean() / there.square().mean()).item())
            if here.shape[2] > 1:
                figures["motion"].append((here.diff(dim=2).square().mean() / there.diff(dim=2).square().mean()).item())
        return {name: sum(values) / len(values) for name, values in figures.items() if values}

    @cached_property
    def _arrivals(self) -> list[tuple[LatentState, Tensor]]:
        """Where the teacher goes from a few fixed noises, for prompts held back."""
        arrivals = []
        for index in range(min(COMPARED, self.options.held_back)):
            row = self._rows([self.trained_on + index], [""])
            shapes = [tuple(row[name].shape) for name in ("video", "audio") if name in row]
            drawn = [noise.to(self._device) for noise in seeded_noise(index, *shapes)]
            noise = LatentState(drawn[0], drawn[1] if len(drawn) > 1 else None)
            run = self._run(self.teacher, index, noise, TEACHER_STEPS, self.options.guidance_scale)
            there = denoise(self.teacher.shdt, noise, run).video
            assert there is not None
            arrivals.append((noise, there))
        return arrivals

    def _run(self, models: SovereignModels, index: int, noise: LatentState, steps: int, scale: float) -> Run:
        assert noise.video is not None
        prompts = [caption(self._scene(self.trained_on + index)), ""]
        guidance = Guidance(scale=scale)
        return Run(
            text=models.read(prompts if Pass.UNPROMPTED in guidance.passes else prompts[:1]),
            schedule=FlowSchedule(steps),
            guider=MultiModalGuider(video=guidance, audio=guidance),
            video_pins=no_pins(noise.video),
            audio_pins=None if noise.audio is None else no_pins(noise.audio),
            frame_rate_hz=FRAME_RATE_HZ,
        )

    def _guided(self, noisy: LatentState, features: Tensor, mask: Tensor, t: Tensor) -> LatentState:
        """The teacher's velocity with guidance."""
        teacher, count = self.teacher, len(t)
        ids, unprompted_mask = (tensor.to(self._device) for tensor in self.tokenizer([""]))
        nothing = teacher.text_encoder(ids, unprompted_mask)
        prompted = teacher.shdt(noisy, teacher.shdt.read(features, mask), t[:, None], t[:, None], FRAME_RATE_HZ)
        without = teacher.shdt.read(nothing.expand(count, -1, -1), unprompted_mask.expand(count, -1))
        unprompted = teacher.shdt(noisy, without, t[:, None], t[:, None], FRAME_RATE_HZ)
        scale = self.options.guidance_scale
        return _pairwise(prompted, unprompted, lambda p, u: (u + scale * (p - u)).float())

    def _slope(
        self, noisy: LatentState, velocity: LatentState, text: TextContext, t: Tensor, until: Tensor
    ) -> LatentState:
        """du/dt along the path, by the student on both sides of t, within [r, 1]."""
        later = (t + self.options.difference).clamp_max(1.0)
        sooner = torch.maximum(t - self.options.difference, until)

        def mean_velocity(time: Tensor) -> LatentState:
            there = _pairwise(noisy, velocity, lambda x, v: x + _as(time - t, x) * v)
            jump = (until[:, None], until[:, None])
            found: LatentState = self.shdt(there, text, time[:, None], time[:, None], FRAME_RATE_HZ, until=jump)
            return found

        apart = (later - sooner).clamp_min(1e-4)
        return _pairwise(mean_velocity(later), mean_velocity(sooner), lambda a, b: (a - b).float() / _as(apart, a))

    def _softened(self, found: Tensor, wanted: Tensor | None) -> Tensor:
        """The mean square error of each sample, its weight falling with its size (MeanFlow, section 4.3)."""
        assert wanted is not None
        error = (found.float() - wanted).square().flatten(1).mean(dim=1)
        return (error / (error.detach() + self.options.softening).sqrt()).mean()


def _each(state: LatentState, change: Callable[[Tensor], Tensor]) -> LatentState:
    assert state.video is not None
    return LatentState(change(state.video), None if state.audio is None else change(state.audio))


def _pairwise(one: LatentState, other: LatentState, join: Callable[[Tensor, Tensor], Tensor]) -> LatentState:
    assert one.video is not None
    assert other.video is not None
    audio = None if one.audio is None or other.audio is None else join(one.audio, other.audio)
    return LatentState(join(one.video, other.video), audio)


def _as(values: Tensor, like: Tensor) -> Tensor:
    """`[b]` so that it broadcasts against `[b …]`."""
    return values.view(-1, *(1,) * (like.ndim - 1))


def _less(velocity: Tensor, slope: Tensor, span: Tensor) -> Tensor:
    """`velocity − span·slope` where there is a slope, for the first of the batch."""
    jumping = len(slope)
    return torch.cat([velocity[:jumping] - _as(span, slope) * slope, velocity[jumping:]])
