"""One clip of LTX-2, from the request to pixels and sound: which pipeline of diffusers, in which stages."""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from aiprod_core.errors import InputError
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.backends.ltx2_checkpoint import Checkpoint
from aiprod_pipelines.backends.ltx2_given import pictures, reference
from aiprod_pipelines.backends.ltx2_requests import DISTILLED, IC_LORA, TWO_STAGES, guidance, unguided
from aiprod_pipelines.media import Clip

MAX_TOKENS = 1024  # of a prompt; diffusers would cut off the rest
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Studio:
    """What renders. `refining`: a block in which the LoRA of the second stage is on; None where there is none."""

    checkpoint: Checkpoint
    mode: str
    components: dict[str, Any]
    upsampler: nn.Module | None
    reference_scale: int
    refining: Callable[[], AbstractContextManager[None]] | None

    @property
    def sample_rate_hz(self) -> int:
        return int(self.components["vocoder"].config.output_sampling_rate)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One run of denoising. `name`: for progress; `sigmas`: fixed noise levels instead of the request's steps.

    `begun`: latents to go on from, on the scale of the decoders: video `[b c t h w]`, audio `[b c l m]`.
    """

    config: GenerationConfig
    name: str = "denoise"
    sigmas: tuple[float, ...] | None = None
    shrunk_by: int = 1
    begun: tuple[Tensor, Tensor] | None = None
    output: Literal["pt", "latent"] = "pt"


def distilled_sigmas() -> tuple[float, ...]:
    """The noise levels that distilled LTX-2 models were trained at."""
    return tuple(importlib.import_module("diffusers.pipelines.ltx2.utils").DISTILLED_SIGMA_VALUES)


def refining_sigmas() -> tuple[float, ...]:
    """The noise levels of a second stage."""
    return tuple(importlib.import_module("diffusers.pipelines.ltx2.utils").STAGE_2_DISTILLED_SIGMA_VALUES)


class Render:
    """One clip in the making."""

    def __init__(self, studio: Studio, config: GenerationConfig, report: OnProgress) -> None:
        self._studio, self._config, self._report = studio, config, report
        self._kinds = importlib.import_module("diffusers.pipelines.ltx2")
        self._generator = torch.Generator("cpu").manual_seed(config.seed)

    @torch.no_grad()
    def clip(self) -> Clip:
        """All stages, then pixels and sound. Raises `InputError` for a prompt that is too long."""
        text = self._text()
        if self._studio.mode == TWO_STAGES:
            video, sound = self._two_stages(text)
        else:
            sigmas = distilled_sigmas() if self._studio.mode == DISTILLED else None
            video, sound = self._run(text, Stage(config=self._config, sigmas=sigmas))
        self._report("decode", 1, 1)
        rate_hz = self._studio.sample_rate_hz
        frames = (video[0].float() * 255).round().to(torch.uint8).permute(0, 2, 3, 1)  # [t h w c]
        audible = sound[0, :, : round(self._config.duration_s * rate_hz)].float().clamp(-1, 1)  # [c s]
        return Clip(
            frames=frames.contiguous().cpu().numpy(),
            frame_rate_hz=self._config.frame_rate,
            audio=audible.cpu().numpy() if self._config.audio else None,
            sample_rate_hz=rate_hz,
        )

    def _two_stages(self, text: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Half the size, latents twice as large, and a few steps from noise that leaves the whole as it is."""
        studio, config, sigmas = self._studio, self._config, refining_sigmas()
        video, sound = self._run(text, Stage(config=config, shrunk_by=2, output="latent"))
        self._report("upsample", 0, 1)
        upsample = self._kinds.LTX2LatentUpsamplePipeline(studio.components["vae"], studio.upsampler)
        size = {"width": config.width // 2, "height": config.height // 2, "num_frames": config.num_frames}
        (video,) = upsample(latents=video, output_type="latent", return_dict=False, **size)
        self._report("upsample", 1, 1)
        refined = Stage(
            config=config if studio.refining is None else unguided(config),
            name="refine",
            sigmas=sigmas,
            begun=(video, sound),
        )
        if studio.refining is None:
            return self._run(text, refined)
        with studio.refining():
            return self._run(text, refined)

    def _text(self) -> dict[str, Any]:
        """The prompts as the pipelines take them, read once for all stages."""
        self._report("text", 0, 1)
        config, components = self._config, self._studio.components
        for name, words in (("prompt", config.prompt), ("negative-prompt", config.negative_prompt)):
            count = len(components["tokenizer"](words).input_ids)
            if count > MAX_TOKENS:
                raise InputError(f"{name}: got {count} tokens, expected at most {MAX_TOKENS}; shorten it")
        guided = max(config.guidance_scale, config.audio_guidance_scale or 0.0) > 1
        names = ("prompt_embeds", "prompt_attention_mask", "negative_prompt_embeds", "negative_prompt_attention_mask")
        encoded = self._kinds.LTX2Pipeline(**components).encode_prompt(
            config.prompt, config.negative_prompt, do_classifier_free_guidance=guided, max_sequence_length=MAX_TOKENS
        )
        self._report("text", 1, 1)
        return dict(zip(names, encoded, strict=True))

    def _run(self, text: dict[str, Any], stage: Stage) -> tuple[Tensor, Tensor]:
        """Video and sound of one stage, or its latents."""
        config, studio = stage.config, self._studio
        kind, given = self._given(stage)
        components = dict(studio.components)
        if stage.sigmas is not None:
            components["scheduler"] = _unshifted(components["scheduler"])
            given["sigmas"] = list(stage.sigmas)
        if stage.begun is not None:
            given["latents"], given["audio_latents"] = stage.begun
            given["noise_scale"] = stage.sigmas[0] if stage.sigmas is not None else 1.0
        pipeline = kind(**components)
        pipeline.set_progress_bar_config(disable=True)
        steps = config.num_inference_steps if stage.sigmas is None else len(stage.sigmas)
        video, sound = pipeline(
            **text,
            **guidance(config, studio.checkpoint),
            **given,
            width=config.width // stage.shrunk_by,
            height=config.height // stage.shrunk_by,
            num_frames=config.num_frames,
            frame_rate=config.frame_rate,
            num_inference_steps=steps,
            use_cross_timestep=studio.checkpoint.version != "2.0",
            generator=self._generator,
            output_type=stage.output,
            return_dict=False,
            callback_on_step_end=self._steps(stage, steps),
        )
        return video, sound

    def _given(self, stage: Stage) -> tuple[Any, dict[str, Any]]:
        """The pipeline of diffusers for what the clip is given, and that as its arguments."""
        by = self._studio.checkpoint.compression
        shown = pictures(stage.config, by, shrunk_by=stage.shrunk_by)
        if self._studio.mode == IC_LORA:
            return self._kinds.LTX2InContextPipeline, {
                "reference_conditions": [reference(stage.config, by)],
                "reference_downscale_factor": self._studio.reference_scale,
                "conditions": shown or None,
            }
        if shown:
            return self._kinds.LTX2ConditionPipeline, {"conditions": shown}
        return self._kinds.LTX2Pipeline, {}

    def _steps(self, stage: Stage, steps: int) -> Callable[..., dict[str, Any]]:
        self._report(stage.name, 0, steps)

        def told(pipeline: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            self._report(stage.name, step + 1, steps)
            if step + 1 == steps and stage.output == "pt":
                self._report("decode", 0, 1)
            return {}

        return told


def _unshifted(scheduler: Any) -> Any:
    """A scheduler that takes fixed noise levels as they are."""
    return type(scheduler).from_config(scheduler.config, use_dynamic_shifting=False, shift=1.0, shift_terminal=None)
