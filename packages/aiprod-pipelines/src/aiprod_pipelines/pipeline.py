"""What all pipelines share: a family of models, verified and loaded, and one way from a request to a clip."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, Protocol, Self

import torch
from einops import rearrange

from aiprod_core.errors import InputError
from aiprod_core.execution import PLAINLY, Execution
from aiprod_core.family import SHDT_FILE, SovereignModels
from aiprod_core.generation import (
    NOTHING_GIVEN,
    Conditions,
    OnProgress,
    Snapshots,
    decode,
    first_of_alike,
    generate_latents,
)
from aiprod_core.lora import LoraFile, Loras, read_lora
from aiprod_core.offload import Offload
from aiprod_core.previews import Previews
from aiprod_core.quantize import WeightFormat, quantize
from aiprod_core.sampler import parts
from aiprod_core.steering import steered_latents
from aiprod_core.types import Compression, GenerationConfig, LatentState
from aiprod_pipelines.media import Clip
from aiprod_pipelines.sovereignty import provision

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class ClipPipeline(Protocol):
    """What makes a clip of a request: our own models, or LTX-2. `weights`: file → SHA-256 of all that was loaded."""

    weights: dict[str, str]

    def quantize(self, stored_as: WeightFormat) -> None:
        """Bring the weights to eight bits, for good."""

    def set_loras(self, loras: Sequence[LoraFile]) -> None:
        """Put LoRAs on the model instead of any before."""

    def unknown_words(self, prompt: str) -> list[str]:
        """Words of `prompt` that the model never met."""

    def fitted(self, config: GenerationConfig) -> GenerationConfig:
        """The request as it is carried out."""

    def __call__(
        self,
        config: GenerationConfig,
        *,
        on_progress: Callable[[str, int, int], None] | None = None,
        snapshots: Snapshots | None = None,
        previews: Previews | None = None,
    ) -> Clip:
        """Render one clip."""

    def batch(
        self,
        configs: Sequence[GenerationConfig],
        *,
        on_progress: Callable[[str, int, int], None] | None = None,
        previews: Previews | None = None,
    ) -> list[Clip]:
        """Render clips that are alike, together."""


class SovereignPipeline:
    """Renders clips with one family of models. A pipeline says what is given, and what of the source stays.

    `compression`: what sizes and lengths are legal. `weights`: file → SHA-256, as they were verified.
    `transformer`: the file of the transformer that it uses.
    """

    transformer: ClassVar[str] = SHDT_FILE

    def __init__(self, models: SovereignModels, weights: dict[str, str]) -> None:
        self.models = models
        self.weights = weights
        self._loras = Loras(models.shdt)

    @classmethod
    def from_pretrained(
        cls,
        models_dir: Path,
        *,
        device: str = "cpu",
        precision: Literal["fp32", "bf16"] = "fp32",
        execution: Execution = PLAINLY,
        language_model: Path | None = None,
    ) -> Self:
        """Verify the weights of a folder, then load them. Raises `WeightsError` for any that are missing or damaged.

        `language_model`: the folder of the one that the weights read through, for those that do.
        Raises `InputError` where they cannot be run here as `execution` asks.
        """
        weights = provision.verify(models_dir)
        models = SovereignModels.load(
            models_dir,
            device=device,
            dtype=DTYPES[precision],
            transformer=cls.transformer,
            execution=execution,
            language_model=language_model,
        )
        return cls(models, weights)

    @property
    def compression(self) -> Compression:
        return self.models.compression

    @property
    def sample_rate_hz(self) -> int:
        return self.models.sample_rate_hz

    def unknown_words(self, prompt: str) -> list[str]:
        """Words of `prompt` that the text encoder never met in training, in order."""
        words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", prompt.lower())
        return [word for word in dict.fromkeys(words) if word not in self.models.words]

    def quantize(self, stored_as: WeightFormat) -> None:
        """Bring the weights of the transformer and of the text encoder to eight bits, for good.

        Raises `InputError` for weights that are not here.
        """
        if self.models.execution.offload is not Offload.NONE:
            raise InputError(
                f"quantization: got it with offload {self.models.execution.offload}, expected weights that are in "
                "memory; make eight-bit weights once with 'aiprod train quantize', and offload those"
            )
        quantize(self.models.shdt, stored_as)
        quantize(self.models.text_encoder, stored_as)

    def set_loras(self, loras: Sequence[LoraFile]) -> None:
        """Put LoRAs on the transformer instead of any before; none takes them off.

        Raises `WeightsError` for a file that cannot be read or does not belong to this model.
        """
        self._loras.set([(read_lora(lora.path, self.models.shdt), lora.strength) for lora in loras])

    def fitted(self, config: GenerationConfig) -> GenerationConfig:
        """The request with what the source decides, such as size and length, in its place."""
        return config

    def given(self, config: GenerationConfig) -> Conditions:
        """What the clip is given besides its prompt."""
        return NOTHING_GIVEN

    def latents(
        self,
        configs: Sequence[GenerationConfig],
        on_progress: OnProgress,
        snapshots: Snapshots | None = None,
        previews: Previews | None = None,
    ) -> LatentState:
        """The latents of clips that are alike, before they are decoded."""
        config = first_of_alike(configs)
        if config.camera is not None:
            return steered_latents(self.models, config, self.given(config), on_progress, snapshots, previews)
        return generate_latents(self.models, configs, self.given(config), on_progress, snapshots, previews)

    def finished(self, clip: Clip, config: GenerationConfig) -> Clip:
        """The clip with what stays of the source put back as it was."""
        return clip

    def __call__(
        self,
        config: GenerationConfig,
        *,
        on_progress: Callable[[str, int, int], None] | None = None,
        snapshots: Snapshots | None = None,
        previews: Previews | None = None,
    ) -> Clip:
        """Render one clip; with `snapshots`, from where an earlier call was interrupted.

        `on_progress` is told (stage, done, total); stages are "text", "denoise", "decode video", "decode sound", in two
        stages "upsample" and "refine" too, and "steer" with a camera. `previews`: who is shown the clip in progress.
        Raises `InputError` for an illegal request and `MediaError` for a picture or film that cannot be read.
        """
        [clip] = self._clips([config], on_progress or _silent, snapshots, previews)
        return clip

    def batch(
        self,
        configs: Sequence[GenerationConfig],
        *,
        on_progress: Callable[[str, int, int], None] | None = None,
        previews: Previews | None = None,
    ) -> list[Clip]:
        """Render clips together that differ in prompts and seeds alone: denoised side by side, decoded one by one.

        Each is the clip that it is alone but for the last bits (`generate_latents`). Raises as a call does, and
        `InputError` for requests that cannot go together.
        """
        return self._clips(configs, on_progress or _silent, None, previews)

    def _clips(
        self,
        configs: Sequence[GenerationConfig],
        on_progress: OnProgress,
        snapshots: Snapshots | None,
        previews: Previews | None,
    ) -> list[Clip]:
        configs = [self.fitted(config) for config in configs]
        for config in configs:
            config.validate(self.compression)
        each = parts(self.latents(configs, on_progress, snapshots, previews), len(configs))
        clips = []
        for number, (latents, config) in enumerate(zip(each, configs, strict=True)):
            report = partial(_one_of_several, on_progress, number, len(configs))
            clips.append(self.finished(self._decoded(latents, config, report), config))
        return clips

    def _decoded(self, latents: LatentState, config: GenerationConfig, on_progress: OnProgress) -> Clip:
        frames, sound = decode(self.models, latents, config, on_progress)
        with torch.inference_mode():  # in place: long clips are larger than the models
            pixels = frames.add_(1).mul_(127.5).round_().to(torch.uint8)
        return Clip(
            frames=rearrange(pixels, "c t h w -> t h w c").contiguous().numpy(),
            frame_rate_hz=config.frame_rate,
            audio=None if sound is None else sound.numpy(),
            sample_rate_hz=self.sample_rate_hz,
        )


def _one_of_several(on_progress: OnProgress, number: int, count: int, stage: str, done: int, total: int) -> None:
    """Report what was done of clip `number` as part of what there is to do for all."""
    on_progress(stage, number * total + done, count * total)


def _silent(stage: str, done: int, total: int) -> None:
    return None
