"""Training HW-VAE on the procedural world.

The linear path is the principal components of the world's blocks and stays so: training begins at the closed-form
codec, and the networks learn what it misses.
"""

import random
from functools import cached_property
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.checkpoint import weights_digest
from aiprod_core.errors import InputError
from aiprod_core.models import hwvae
from aiprod_core.models.hwvae import HWVAE
from aiprod_trainer.config import Section, TrainConfig, parse
from aiprod_trainer.data.redrawn import RedrawnSet
from aiprod_trainer.evaluation.metrics import PrincipalCodec, moving_psnr_db, psnr_db
from aiprod_trainer.trainer import Batch
from aiprod_trainer.worlds.contact_sheet import contact_sheet
from aiprod_trainer.worlds.pixels import scene_video, video_frames
from aiprod_trainer.worlds.scene import NUM_FRAMES, Scene, sample_scene

PRESETS = {"nano": hwvae.NANO, "full": hwvae.FULL}


class Options(Section):
    """`crop_px`, `frames`: size of a sample. `noise`: up to so much, another level for each sample, is added to its
    latents: what a diffusion model leaves of its own must not flicker.

    `frozen_encoder`: train the decoder alone, so that latents made before stay true; noise is in their normalised scale
    then, and in that of raw latents while they still change.

    `recoloured_share`: of the encoded crops, those whose colours are moved at random, so that pictures from outside the
    world are not brought back into it.

    `redrawn`: clips that a transformer drew again (`aiprod data redrawn`), for a frozen encoder. In `redrawn_share` of
    each batch the decoder gets what was drawn, from the first frame on; the last `validated_on` of them validate.
    """

    name: str
    size_px: int = 128
    crop_px: int = 64
    frames: int = 9
    noise: float = 0.05
    kl_weight: float = 1e-6
    square_weight: float = 5.0
    subband_weight: float = 0.25
    gradient_weight: float = 0.25
    temporal_weight: float = 0.25
    fitted_on: int = 192  # clips that the principal components and the latent statistics are taken from
    validated_on: int = 8
    frozen_encoder: bool = False
    recoloured_share: float = 0.0
    redrawn: Path | None = None
    redrawn_share: float = 0.5


class VideoAutoencoder:
    """Strategy: crops of short clips in, the same crops out."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.options: Options = parse(Options, config.training_strategy, "training_strategy")
        self.model = HWVAE(PRESETS[config.model.preset])
        for linear in (self.model.encoder.linear, self.model.decoder.linear):
            linear.requires_grad_(False)
        if self.options.frozen_encoder:
            self.model.encoder.requires_grad_(False)
        elif self.options.redrawn:
            raise InputError("training_strategy: got redrawn without frozen_encoder, expected both; set frozen_encoder")

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"hwvae": self.model}

    @property
    def files(self) -> dict[str, str]:
        return {}

    def begin(self) -> None:
        """Set the linear path to the principal components of the world."""
        start_from_principal_components(self.model, self.principal_codec)

    @cached_property
    def principal_codec(self) -> PrincipalCodec:
        codec = self.model.config
        clips = [self._crop(index) for index in range(-self.options.fitted_on, 0)]
        return PrincipalCodec(clips, time=codec.time, space=codec.space, values=codec.latent_channels)

    @cached_property
    def redrawn(self) -> RedrawnSet:
        assert self.options.redrawn is not None
        found = RedrawnSet(self.options.redrawn)
        wanted = (weights_digest(self.model, without="decoder."), self.config.data.level, self.options.size_px)
        if (found.about.video_codec, found.about.level, found.about.size_px) != wanted:
            raise InputError(
                f"redrawn: got clips of another codec, level or size in {self.options.redrawn}; "
                "make them again with 'aiprod data redrawn'"
            )
        return found

    def batch(self, step: int) -> Batch:
        """`video` `[b 3 t h w]`, and `redrawn` `[n c t h w]`: what a transformer drew of its first n, where asked."""
        size = self.config.optimization.batch_size
        again = round(size * self.options.redrawn_share) if self.options.redrawn else 0
        numbers = range(step * size, (step + 1) * size)
        drawn = [self._redrawn_crop(number) for number in numbers[:again]]
        videos = [video for video, _ in drawn] + [self._crop(number) for number in numbers[again:]]
        redrawn = {"redrawn": torch.stack([latents for _, latents in drawn])} if drawn else {}
        return {"video": torch.stack(videos)} | redrawn

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        o, video = self.options, batch["video"]
        redrawn = batch.get("redrawn", video.new_empty(0, *self._latent_crop))
        raw = torch.cat([self.model.denormalise(redrawn), self.model.analyse(video[len(redrawn) :])])
        share = o.noise * torch.rand(len(raw), 1, 1, 1, 1, generator=generator)
        noise = (share * torch.randn(raw.shape, generator=generator)).to(raw)
        if o.frozen_encoder:
            noise = noise * rearrange(self.model.latent_scale, "c -> c 1 1 1")
        rebuilt = self.model.synthesise(raw + noise)
        pixels = F.l1_loss(rebuilt, video) + o.square_weight * F.mse_loss(rebuilt, video)
        subbands = F.l1_loss(self.model.haar(rebuilt[:, :, 1:]), self.model.haar(video[:, :, 1:]))
        gradient = sum(F.l1_loss(rebuilt.diff(dim=axis), video.diff(dim=axis)) for axis in (-1, -2))
        temporal = F.l1_loss(rebuilt.diff(dim=2), video.diff(dim=2))
        loss = pixels + o.subband_weight * subbands + o.gradient_weight * gradient + o.temporal_weight * temporal
        return {"loss": loss + o.kl_weight * raw.square().mean(), "pixels": pixels, "temporal": temporal}

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """PSNR on unseen whole clips, beside the principal components at equal latent size; sheets of both."""
        if not self.options.frozen_encoder:
            self.fit_latent_statistics()
        scenes = [
            sample_scene(index, level=self.config.data.level, split="test")
            for index in range(self.options.validated_on)
        ]
        clips = [self._whole(scene) for scene in scenes]
        rebuilt = [self.model.decode(self.model.encode(clip[None].to(self._device)))[0].cpu() for clip in clips]
        floor = [self.principal_codec.round_trip(clip) for clip in clips]
        rows = [video_frames(video) for trio in zip(clips, rebuilt, floor, strict=True) for video in trio]
        titles = [title for s in scenes for title in (f"{s.colour} {s.subject} {s.action}", "HW-VAE", "PCA")]
        folder.mkdir(parents=True, exist_ok=True)
        contact_sheet(rows[:12], titles[:12], columns=6).save(folder / f"step-{step:08d}.png")
        pairs = list(zip(clips, rebuilt, strict=True))
        return {
            "psnr_db": _mean([psnr_db(a, b) for a, b in pairs]),
            "moving_psnr_db": _mean([moving_psnr_db(a, b) for a, b in pairs]),
            "pca_psnr_db": _mean([psnr_db(a, b) for a, b in zip(clips, floor, strict=True)]),
        } | (self._redrawn_figures() if self.options.redrawn else {})

    def _redrawn_figures(self) -> dict[str, float]:
        """Of redrawn clips that are held back: PSNR, and change from frame to frame as a multiple of the real one."""
        rows = range(len(self.redrawn) - self.options.validated_on, len(self.redrawn))
        level = self.config.data.level
        clips = [self._whole(sample_scene(self.redrawn.numbers[row], level=level)) for row in rows]
        latents = [self.redrawn.video[row][None].float().to(self._device) for row in rows]
        pairs = list(zip(clips, [self.model.decode(one)[0].cpu() for one in latents], strict=True))
        changes = [[video.clamp(-1, 1).diff(dim=1).abs().mean().item() for video in pair] for pair in pairs]
        return {
            "redrawn_psnr_db": _mean([psnr_db(a, b) for a, b in pairs]),
            "redrawn_motion": sum(drawn for _, drawn in changes) / sum(real for real, _ in changes),
        }

    @torch.no_grad()
    def fit_latent_statistics(self) -> None:
        """Mean and scale per latent channel, from training scenes."""
        scenes = [sample_scene(i, level=self.config.data.level) for i in range(-self.options.fitted_on, 0)]
        raws = [self.model.analyse(self._whole(scene)[None].to(self._device)) for scene in scenes[::4]]
        raw = rearrange(torch.cat(raws), "b c t h w -> c (b t h w)")
        self.model.set_latent_statistics(raw.mean(dim=1), raw.std(dim=1))

    @property
    def _device(self) -> torch.device:
        return self.model.latent_mean.device

    def _whole(self, scene: Scene) -> Tensor:
        return scene_video(scene, size_px=self.options.size_px)

    @property
    def _latent_crop(self) -> tuple[int, int, int, int]:
        """`c t h w` of the latents of a crop."""
        o, codec = self.options, self.model.config
        return codec.latent_channels, 1 + (o.frames - 1) // codec.time, *(o.crop_px // codec.space,) * 2

    def _redrawn_crop(self, index: int) -> tuple[Tensor, Tensor]:
        """A crop of a clip that was redrawn, from its first frame on: its pixels, and what was drawn."""
        o, rng = self.options, random.Random(f"{self.config.seed} redrawn {index}")
        row = rng.randrange(len(self.redrawn) - o.validated_on)
        space, (_, count, side, _) = self.model.config.space, self._latent_crop
        x, y = rng.randrange(o.size_px // space - side + 1), rng.randrange(o.size_px // space - side + 1)
        scene = sample_scene(self.redrawn.numbers[row], level=self.config.data.level)
        video = scene_video(scene, size_px=o.size_px, frames=range(o.frames))
        left, top = space * x, space * y
        pixels = video[:, :, top : top + o.crop_px, left : left + o.crop_px]
        drawn: Tensor = self.redrawn.video[row, :, :count, y : y + side, x : x + side]
        return pixels, drawn.float()

    def _crop(self, index: int) -> Tensor:
        """A crop in space and time of training scene `index`, the same on every machine."""
        o, rng = self.options, random.Random(f"{self.config.seed} {index}")
        first = rng.randrange(NUM_FRAMES - o.frames + 1)
        x, y = rng.randrange(o.size_px - o.crop_px + 1), rng.randrange(o.size_px - o.crop_px + 1)
        scene = sample_scene(index, level=self.config.data.level)
        video = scene_video(scene, size_px=o.size_px, frames=range(first, first + o.frames))
        crop = video[:, :, y : y + o.crop_px, x : x + o.crop_px].contiguous()
        return recoloured(crop, rng) if index >= 0 and rng.random() < o.recoloured_share else crop


def recoloured(video: Tensor, rng: random.Random) -> Tensor:
    """Video `[c t h w]` in [-1, 1] with each channel scaled and shifted within that range: any contrast, any tint."""
    scales = [rng.uniform(-1, 1) for _ in video]
    shifts = [rng.uniform(-1, 1) * (1 - abs(scale)) for scale in scales]
    scale, shift = (rearrange(torch.tensor(values), "c -> c 1 1 1") for values in (scales, shifts))
    return scale * video + shift


@torch.no_grad()
def start_from_principal_components(model: HWVAE, codec: PrincipalCodec) -> None:
    """Set both linear paths to the codec's basis, turned into Haar coefficients (both are orthonormal)."""
    fold, side = model.encoder.fold, model.haar.side

    def as_coefficients(vectors: Tensor) -> Tensor:  # [n k of pixels] → [n k of coefficients]
        blocks = rearrange(vectors.float(), "n (c t h w) -> n c t h w", c=3, t=codec.time, h=codec.space, w=codec.space)
        coefficients = model.haar(blocks)
        return rearrange(coefficients, "n k t (p h) (q w) -> n (p q k t h w)", p=fold, q=fold, h=1, w=1)

    assert side * fold == codec.space
    basis, mean = as_coefficients(codec.basis), as_coefficients(codec.mean[None])[0]
    model.encoder.linear.weight.copy_(basis)
    model.encoder.linear.bias.copy_(-basis @ mean)
    model.decoder.linear.weight.copy_(basis.T)
    model.decoder.linear.bias.copy_(mean)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
