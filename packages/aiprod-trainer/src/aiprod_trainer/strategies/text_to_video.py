"""Training SHDT and its text encoder together on latents of video and sound, by flow matching.

The same strategy trains on pictures (latents of one frame) and on clips; a run on clips starts from one on pictures.
"""

import json
import random
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor, nn

from aiprod_core.components.noisers import add_noise, velocity
from aiprod_core.components.schedulers import training_times
from aiprod_core.errors import InputError
from aiprod_core.family import TOKENIZER_FILE, WORDS_FILE, SovereignModels, load_model
from aiprod_core.language_model import BridgedEncoder, LanguageModel, LanguageTokenizer
from aiprod_core.models import shdt, text_encoder
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.shdt import SHDT, SHDTConfig
from aiprod_core.models.text_encoder import TextEncoder, TextTokenizer
from aiprod_core.types import LatentState
from aiprod_trainer.config import Section, TrainConfig, parse
from aiprod_trainer.data.latents import LatentSet
from aiprod_trainer.evaluation.samples import draw_samples
from aiprod_trainer.strategies.given import draw_given, frames_of_tokens
from aiprod_trainer.tokenizer import train_tokenizer
from aiprod_trainer.trainer import Batch
from aiprod_trainer.worlds.captions import caption, known_words, sampled_caption
from aiprod_trainer.worlds.scene import FRAME_RATE_HZ, Scene, sample_scene

PRESETS = {"nano": shdt.NANO, "small": shdt.SMALL, "full": shdt.FULL}
VALIDATION_TIMES = 10


class Options(Section):
    """`latents`: a folder made by `aiprod data latents`. The last `held_back` of its clips are never trained on.

    `codec`: an hwvae.safetensors; with it, validation draws samples. `language_model`: the folder of one, to train a
    bridge from it instead of the nano text encoder; `language_model_rank`: of a LoRA on it, 0 for none.
    """

    name: str
    latents: Path
    codec: Path | None = None
    clips: int | None = None
    held_back: int = 64
    shift: float = 2.0
    caption_dropout: float = 0.1
    audio_weight: float = 0.5
    subject_weight: float = 3.0  # extra loss where the hero is
    language_model: Path | None = None
    language_model_rank: int = Field(default=0, ge=0)


class TextToVideo:
    """Strategy: captioned latents in, the flow's velocity out."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.options = self.parsed(config)
        self.shdt = SHDT(self.transformer(config))
        self.text_encoder: TextEncoder | BridgedEncoder
        self.tokenizer: TextTokenizer | LanguageTokenizer
        self.text_encoder, self.tokenizer = self._text()
        self.model = nn.ModuleDict({"shdt": self.shdt, "text_encoder": self.text_encoder})

    @staticmethod
    def parsed(config: TrainConfig) -> "Options":
        """The strategy's own options."""
        options: Options = parse(Options, config.training_strategy, "training_strategy")
        return options

    @staticmethod
    def transformer(config: TrainConfig) -> SHDTConfig:
        """The model to train."""
        return PRESETS[config.model.preset]

    @cached_property
    def latents(self) -> LatentSet:
        return LatentSet(self.options.latents, self.options.clips)

    @cached_property
    def codec(self) -> HWVAE | None:
        return None if self.options.codec is None else load_model(HWVAE, self.options.codec)

    @property
    def trained_on(self) -> int:
        """How many clips are trained on; those after them are held back."""
        return len(self.latents) - self.options.held_back

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"shdt": self.shdt, "text_encoder": self.text_encoder}

    @property
    def files(self) -> dict[str, str]:
        words = {WORDS_FILE: json.dumps(sorted(known_words(self.config.data.level)))}
        if isinstance(self.tokenizer, LanguageTokenizer):  # which stays with the language model
            return words
        return {TOKENIZER_FILE: self.tokenizer.json} | words

    def begin(self) -> None:
        """Weights are random; the data is read now, so that worker processes share it."""
        len(self.latents)

    def batch(self, step: int) -> Batch:
        size = self.config.optimization.batch_size
        places = range(step * size, (step + 1) * size)
        rows = [_shuffled(self.trained_on, place // self.trained_on)[place % self.trained_on] for place in places]
        return self._rows(rows, [self._words(self._scene(row), place) for row, place in zip(rows, places, strict=True)])

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        count = len(batch["ids"])
        t = training_times(count, generator, self.options.shift)
        frames = batch["video"].shape[2]
        t_video, t_audio = t[:, None].repeat(1, frames), t[:, None]
        if "audio" in batch:
            tokens, of = batch["audio"].shape[-1], self.shdt.config
            places = frames_of_tokens(
                tokens, frames, of.compression, frame_rate_hz=FRAME_RATE_HZ, sample_rate_hz=of.sample_rate_hz
            )
            given = draw_given(count, frames, places, generator)
            t_video = t_video.masked_fill(given.video, 0.0)
            t_audio = t_audio.repeat(1, tokens).masked_fill(given.audio, 0.0)
        return self._losses(batch, t_video, t_audio, generator)

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """The loss at ten fixed times on clips held back, with fixed noise; samples as a sheet."""
        if self.codec is not None:
            family = SovereignModels(self.shdt, self.text_encoder, self.tokenizer, self.codec.to(self._device), None)
            about = self.latents.about
            draw_samples(folder / f"step-{step:08d}.png", family, frames=about.frames, level=about.level)
        rows = [*range(self.trained_on, len(self.latents))]
        batch = self._rows(rows, [caption(self._scene(row)) for row in rows])
        batch = {name: tensor.to(self._device) for name, tensor in batch.items()}
        generator = torch.Generator().manual_seed(0)
        totals: dict[str, float] = {}
        for i in range(VALIDATION_TIMES):
            t = torch.full((len(rows),), (i + 0.5) / VALIDATION_TIMES)
            losses = self._losses(batch, t[:, None].repeat(1, batch["video"].shape[2]), t[:, None], generator)
            for name, value in losses.items():
                totals[name] = totals.get(name, 0.0) + value.item() / VALIDATION_TIMES
        return totals

    def _losses(self, batch: Batch, t_video: Tensor, t_audio: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """`t_video` `[b t]`, `t_audio` `[b l]` or `[b 1]`: 0 where the clean latents are given, which costs nothing."""
        t_video, t_audio = t_video.to(self._device), t_audio.to(self._device)
        clean = batch["video"].float()
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        noisy = add_noise(clean, noise, t_video[:, None, :, None, None])
        sound = batch["audio"].float() if "audio" in batch else None
        hiss = torch.randn(sound.shape, generator=generator).to(sound) if sound is not None else None
        heard = add_noise(sound, hiss, t_audio[:, None]) if sound is not None and hiss is not None else None
        mask = batch["mask"]
        text = self.shdt.read(self.text_encoder(batch["ids"], mask), mask)
        flow = self.shdt(LatentState(noisy, heard), text, t_video, t_audio, FRAME_RATE_HZ)
        weight = 1 + self.options.subject_weight * batch["subject"][:, None].float() / 255
        weight = weight * (t_video > 0)[:, None, :, None, None]
        losses = {"video": _weighed(flow.video.float() - velocity(clean, noise), weight)}
        losses["loss"] = losses["video"]
        if sound is not None and hiss is not None:
            weight = (t_audio > 0)[:, None].float()
            losses["audio"] = _weighed(flow.audio.float() - velocity(sound, hiss), weight)
            losses["loss"] = losses["video"] + self.options.audio_weight * losses["audio"]
        return losses

    def _rows(self, rows: list[int], captions: list[str]) -> Batch:
        ids, mask = self.tokenizer(captions)
        batch = {"ids": ids, "mask": mask, "video": self.latents.video[rows], "subject": self.latents.subject[rows]}
        if self.latents.audio is not None:
            batch["audio"] = self.latents.audio[rows]
        return batch

    def _text(self) -> tuple[TextEncoder, TextTokenizer] | tuple[BridgedEncoder, LanguageTokenizer]:
        """What reads captions, untrained: the nano text encoder, or a bridge from a language model."""
        folder, rank = self.options.language_model, self.options.language_model_rank
        if folder is None and rank:
            raise InputError(f"language_model_rank: got {rank} and no language_model, expected one; name its folder")
        if folder is None:
            nano = text_encoder.NANO
            return TextEncoder(nano), TextTokenizer(train_tokenizer(nano.vocabulary), nano.longest)
        language = LanguageModel.load(folder)
        config = language.bridge_config(width=self.shdt.config.text_width, rank=rank)
        return BridgedEncoder(config, language), LanguageTokenizer(language, config.longest)

    def _words(self, scene: Scene, place: int) -> str:
        """A caption, another one at each visit; sometimes none, so that guidance has something to compare with."""
        rng = random.Random(f"{self.config.seed} caption {place}")
        return "" if rng.random() < self.options.caption_dropout else sampled_caption(scene, rng)

    def _scene(self, row: int) -> Scene:
        return sample_scene(row, level=self.latents.about.level)

    @property
    def _device(self) -> torch.device:
        return self.shdt.video_in.weight.device


def _weighed(error: Tensor, weight: Tensor) -> Tensor:
    """The mean square of `error` where `weight` (which broadcasts against it) says so."""
    total = weight.expand_as(error).sum().clamp_min(1)
    return (error.square() * weight).sum() / total


@lru_cache(maxsize=2)
def _shuffled(count: int, epoch: int) -> list[int]:
    order = list(range(count))
    random.Random(f"epoch {epoch}").shuffle(order)
    return order
