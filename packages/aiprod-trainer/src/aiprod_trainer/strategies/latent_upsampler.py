"""Training the latent upsampler: latents of the world's clips, and of the same clips rendered at twice the size.

The error counts where it is seen: in the pixels that the frozen codec makes of crops of both.
"""

import random
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.errors import InputError
from aiprod_core.family import load_model
from aiprod_core.models import upsampler
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.upsampler import LatentUpsampler
from aiprod_trainer.config import Section, TrainConfig, parse
from aiprod_trainer.data.latents import LatentSet
from aiprod_trainer.evaluation.metrics import psnr_db
from aiprod_trainer.evaluation.upsampling import upsampled
from aiprod_trainer.trainer import Batch
from aiprod_trainer.worlds.contact_sheet import contact_sheet
from aiprod_trainer.worlds.pixels import scene_video, video_frames
from aiprod_trainer.worlds.scene import sample_scene

PRESETS = {"nano": upsampler.NANO, "full": upsampler.FULL}


class Options(Section):
    """`small`, `large`: folders made by `aiprod data latents`, of the same scenes and twice the size.

    `codec`: the hwvae.safetensors that made both. Clips of `small` may be longer.
    """

    name: str
    small: Path
    large: Path
    codec: Path
    crop: int = 6  # latents a side of a small one
    latent_weight: float = 0.05
    fitted_on: int = 128  # clips that the linear path is taken from
    validated_on: int = 8


class LatentUpsampling:
    """Strategy: latents in, latents of twice the size out."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.options: Options = parse(Options, config.training_strategy, "training_strategy")
        self.model = LatentUpsampler(PRESETS[config.model.preset])

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"upsampler": self.model}

    @property
    def files(self) -> dict[str, str]:
        return {}

    @cached_property
    def codec(self) -> HWVAE:
        return load_model(HWVAE, self.options.codec).eval().requires_grad_(False).to(self._device)

    @cached_property
    def pairs(self) -> tuple[LatentSet, LatentSet]:
        """Both sets, as many clips as both have. Raises `InputError` where they are not of one kind."""
        small, large = LatentSet(self.options.small), LatentSet(self.options.large)
        alike = ("level", "video_codec", "world")
        told = [{name: getattr(pick.about, name) for name in alike} for pick in (small, large)]
        if told[0] != told[1] or large.about.size_px != 2 * small.about.size_px:
            raise InputError(
                f"training_strategy: got {told[0]} at {small.about.size_px} px and {told[1]} at {large.about.size_px} "
                "px, expected the same at twice the size; make both with 'aiprod data latents'"
            )
        return small, large

    def begin(self) -> None:
        """Training begins at the linear path, fitted to the first clips, and at the trunk of the codec's decoder."""
        small, large = self.pairs
        self.model.start(self.codec.decoder, self.codec.latent_mean, self.codec.latent_scale)
        count, frames = min(self.options.fitted_on, len(large)), large.video.shape[2]
        self.model.fit(small.video[:count, :, :frames].float(), large.video[:count].float())

    def batch(self, step: int) -> Batch:
        small, large = self.pairs
        rng, size = random.Random(f"{self.config.seed} pairs {step}"), self.config.optimization.batch_size
        frames, side = large.video.shape[2], small.video.shape[-1]
        crop = min(self.options.crop, side)
        pairs = []
        for _ in range(size):
            row = rng.randrange(min(len(small), len(large)))
            y, x = (rng.randrange(side - crop + 1) for _ in range(2))
            pairs.append(
                (
                    small.video[row, :, :frames, y : y + crop, x : x + crop],
                    large.video[row, :, :, 2 * y : 2 * (y + crop), 2 * x : 2 * (x + crop)],
                )
            )
        return {
            name: torch.stack(side).float()
            for name, side in zip(("small", "large"), zip(*pairs, strict=True), strict=True)
        }

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        found = self.model(batch["small"]).float()
        with torch.no_grad():
            wanted = self.codec.decode(batch["large"])
        pixels = F.mse_loss(self.codec.decode(found).float(), wanted.float())
        latents = F.mse_loss(found, batch["large"])
        return {"loss": pixels + self.options.latent_weight * latents, "pixels": pixels, "latents": latents}

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """PSNR of decoded unseen clips at the large size: learned, latents interpolated, pixels interpolated."""
        small, large = self.pairs
        figures: dict[str, list[float]] = {}
        rows, titles = [], []
        for index in range(self.options.validated_on):
            scene = sample_scene(index, level=large.about.level, split="test")
            frames = range(large.about.frames)
            low, high = (scene_video(scene, size_px=pick.about.size_px, frames=frames) for pick in (small, large))
            made = upsampled(self.codec, self.model, low.to(self._device))
            for name, video in made.items():
                figures.setdefault(f"{name}_db", []).append(psnr_db(video.cpu(), high))
            shown = {"real": high, **made}
            rows += [video_frames(video.cpu()) for video in shown.values()]
            titles += list(shown)
        folder.mkdir(parents=True, exist_ok=True)
        contact_sheet(rows[:15], titles[:15], columns=3).save(folder / f"step-{step:08d}.png")
        return {name: sum(values) / len(values) for name, values in figures.items()}

    @property
    def _device(self) -> torch.device:
        return self.model.stem.weight.device
