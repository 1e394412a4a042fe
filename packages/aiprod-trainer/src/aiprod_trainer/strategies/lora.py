"""Training a LoRA of SHDT: a style or a subject from captioned latents, or a clip made from another, its reference.

With `references`, the latents of another view of the same clips stand before those of the clip, clean and at the same
places in time, and the LoRA learns to look there: an in-context LoRA (arXiv:2410.23775). The base stays frozen.
"""

import random
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.adapters import Adapters, AdaptersConfig
from aiprod_core.checkpoint import weights_digest
from aiprod_core.components.noisers import add_noise, velocity
from aiprod_core.components.schedulers import training_times
from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.types import LatentState
from aiprod_trainer.config import Section, TrainConfig, parse
from aiprod_trainer.data.latents import LatentSet
from aiprod_trainer.trainer import Batch
from aiprod_trainer.worlds.captions import caption, sampled_caption
from aiprod_trainer.worlds.scene import FRAME_RATE_HZ, Scene, sample_scene

ATTENTION_AND_THOUGHT = r"\.(qkv|out|widen|narrow)$"
VALIDATION_TIMES = (0.3, 0.6, 0.9)


class Options(Section):
    """`base`: the folder of weights that it is for. `latents`, `references`: folders made by `aiprod data latents`.

    `latent_frames`: train on up to so many latent frames from the first, which is cheaper than on whole clips and, with
    single frames among them, teaches to look at a reference sooner; a LoRA is not tied to a length.
    """

    name: str
    base: Path
    latents: Path
    references: Path | None = None
    part: str = "lora"  # name of the file it ships as
    rank: int = 16
    targets: str = rf"^layers\.\d+\.(attention\.video|video){ATTENTION_AND_THOUGHT}"
    latent_frames: int | None = None
    held_back: int = 32
    shift: float = 2.0
    caption_dropout: float = 0.1


class LoraTraining:
    """Strategy: captioned latents in, and a reference if there is one; the flow's velocity out. Pictures alone."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.options: Options = parse(Options, config.training_strategy, "training_strategy")
        self.base = SovereignModels.load(self.options.base)
        settings = AdaptersConfig(
            base=weights_digest(self.base.shdt),
            rank=self.options.rank,
            targets=self.options.targets,
            reference=None if self.options.references is None else self.references.about.view,
        )
        self.model = Adapters(settings, self.base.shdt)

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {self.options.part: self.model}

    @property
    def files(self) -> dict[str, str]:
        return {}

    @cached_property
    def latents(self) -> LatentSet:
        return LatentSet(self.options.latents)

    @cached_property
    def references(self) -> LatentSet:
        assert self.options.references is not None
        return LatentSet(self.options.references)

    @property
    def clips(self) -> int:
        """How many clips there are, with their references."""
        return len(self.latents) if self.options.references is None else min(len(self.latents), len(self.references))

    def begin(self) -> None:
        """The LoRA is nothing yet. Raises `InputError` for references that are not of the same clips."""
        if self.options.references is None:
            len(self.latents)
            return
        told = [
            (pick.about.level, pick.about.frames, pick.about.size_px, pick.about.video_codec, pick.about.world)
            for pick in (self.latents, self.references)
        ]
        if told[0] != told[1]:
            raise InputError(
                f"training_strategy.references: got {told[1]} (level, frames, size, codec, world), expected {told[0]} "
                "as of the latents; make both with 'aiprod data latents'"
            )

    def batch(self, step: int) -> Batch:
        rng, size = random.Random(f"{self.config.seed} lora {step}"), self.config.optimization.batch_size
        rows = [rng.randrange(self.clips - self.options.held_back) for _ in range(size)]
        scenes = [self._scene(row) for row in rows]
        words = ["" if rng.random() < self.options.caption_dropout else sampled_caption(s, rng) for s in scenes]
        most = self.options.latent_frames or self.latents.video.shape[2]
        return self._rows(rows, words, rng.randint(1, most))

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        t = training_times(len(batch["video"]), generator, self.options.shift).to(self._device)
        return {"loss": self._error(batch, t, generator)}

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """The loss at fixed times with fixed noise on clips held back; with their references, and with those of others.

        Where the second is not the greater, the LoRA does not look at its reference.
        """
        rows = [*range(self.clips - self.options.held_back, self.clips)]
        batch = self._rows(rows, [caption(self._scene(row)) for row in rows], self.options.latent_frames)
        batch = {name: tensor.to(self._device) for name, tensor in batch.items()}
        figures = {"loss": self._mean_error(batch)}
        if "reference" in batch:
            figures["loss_other_reference"] = self._mean_error(batch | {"reference": batch["reference"].roll(1, 0)})
        return figures

    def _mean_error(self, batch: Batch) -> float:
        generator = torch.Generator().manual_seed(0)
        times = [torch.full((len(batch["video"]),), t, device=self._device) for t in VALIDATION_TIMES]
        return sum(self._error(batch, t, generator).item() for t in times) / len(times)

    def _error(self, batch: Batch, t: Tensor, generator: torch.Generator) -> Tensor:
        clean = batch["video"].float()
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        video = add_noise(clean, noise, t[:, None, None, None, None])
        clock = t[:, None].expand(-1, clean.shape[2])
        referring = 0
        if "reference" in batch:
            reference = batch["reference"].float()
            referring = reference.shape[2]
            video, clock = torch.cat([reference, video], dim=2), F.pad(clock, (referring, 0))
        with torch.no_grad():
            features = self.base.text_encoder(batch["ids"], batch["mask"])
            text = self.base.shdt.read(features, batch["mask"])
        flow = self.base.shdt(
            LatentState(video, None), text, clock, clock[:, :1], FRAME_RATE_HZ, referring=referring
        ).video
        return F.mse_loss(flow[:, :, referring:].float(), velocity(clean, noise))

    def _rows(self, rows: list[int], captions: list[str], latent_frames: int | None) -> Batch:
        ids, mask = self.base.tokenizer(captions)
        frames = slice(latent_frames)
        batch = {"ids": ids, "mask": mask, "video": self.latents.video[rows, :, frames]}
        if self.options.references is not None:
            batch["reference"] = self.references.video[rows, :, frames]
        return batch

    def _scene(self, row: int) -> Scene:
        return sample_scene(row, level=self.latents.about.level)

    @property
    def _device(self) -> torch.device:
        device = next(self.model.parameters()).device
        for model in (self.base.shdt, self.base.text_encoder):
            model.to(device)
        return device
