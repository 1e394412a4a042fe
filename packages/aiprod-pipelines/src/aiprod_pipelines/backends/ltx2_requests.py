"""What LTX-2 in diffusers can be asked for: pipelines, sizes, guidance. All else is refused before weights are read."""

from dataclasses import fields, replace
from typing import Any

from aiprod_core.errors import InputError
from aiprod_core.types import Compression, GenerationConfig
from aiprod_pipelines.backends.ltx2_checkpoint import Checkpoint

ONE_STAGE, KEYFRAMES, TWO_STAGES = "ti2vid_one_stage", "keyframe_interpolation", "ti2vid_two_stages"
DISTILLED, IC_LORA = "distilled", "ic_lora"
MODES = (ONE_STAGE, KEYFRAMES, TWO_STAGES, DISTILLED, IC_LORA)

MAX_SIDE_PX = 3840
STG_BLOCK = {"2.0": 29, "2.3": 28, "2.5": 28}  # as Lightricks advises
UNGUIDED = {"guidance_scale": 1.0, "guidance_rescale": 0.0, "stg_scale": 0.0, "modality_scale": 1.0}
AS_PICTURES = dict.fromkeys(f"audio_{name}" for name in UNGUIDED)
# What diffusers takes where nothing is asked: the settings that Lightricks advises for the newest models.
ADVISED: dict[str, Any] = {
    "width": 768,
    "height": 512,
    "num_frames": 121,
    "frame_rate": 24.0,
    "num_inference_steps": 30,
    "guidance_scale": 3.0,
    "guidance_rescale": 0.7,
    "stg_scale": 1.0,
    "modality_scale": 3.0,
    "audio_guidance_scale": 7.0,
}
REFINING = {"refine_steps": 3, "refine_start": 0.909375}  # the second stage's levels are fixed: how many, the first
ZERO = 1e-30  # diffusers takes a 0 for the sound as "as for the pictures"


def check_mode(mode: str) -> None:
    """Raise `InputError` for a pipeline that LTX-2 in diffusers does not offer."""
    if mode not in MODES:
        raise InputError(f"pipeline: got {mode}, which LTX-2 does not offer; choose one of {', '.join(MODES)}")


def check_request(config: GenerationConfig, mode: str, checkpoint: Checkpoint) -> None:
    """Raise `InputError` for what these weights cannot do in this mode, `WeightsError` where a part is missing."""
    check_mode(mode)
    config.validate(legal_sizes(checkpoint, mode), max_side_px=MAX_SIDE_PX)
    if mode == DISTILLED and config.negative_prompt:
        raise InputError(
            f"negative-prompt: got {config.negative_prompt[:40]!r} for {mode}, which has no guidance to follow it; "
            "leave it out or choose another --pipeline"
        )
    if config.camera is not None:
        raise InputError(
            f"camera: got {config.camera.name}, which LTX-2 is not steered by; say it in the prompt, and leave this out"
        )
    if mode == KEYFRAMES and len(config.images) < 2:
        raise InputError(
            f"image: got {len(config.images)}, expected two or more to interpolate between; "
            "add --image PATH FRAME STRENGTH"
        )
    if mode == IC_LORA and config.source is None:
        raise InputError("source: got none, expected the film that the IC-LoRA reads; name it with --source PATH")
    if mode != IC_LORA and config.source is not None:
        raise InputError(f"source: got one for {mode}, which takes none; choose --pipeline {IC_LORA}, or leave it out")
    if mode == TWO_STAGES:
        _check_refining(config)
        checkpoint.check_upsampler()
    _check_guidance(config, checkpoint)


def legal_sizes(checkpoint: Checkpoint, mode: str) -> Compression:
    """What sizes and lengths are legal; two stages begin at half the size, so their multiple is twice as large."""
    by = checkpoint.compression
    return replace(by, patch=2 * by.patch) if mode == TWO_STAGES else by


def guidance(config: GenerationConfig, checkpoint: Checkpoint) -> dict[str, Any]:
    """The arguments of diffusers for the guidance of a request; all of them, since defaults follow the newest model."""
    advised = STG_BLOCK[checkpoint.version]
    block = advised if advised < checkpoint.layers else checkpoint.layers // 2
    own = {name: getattr(config, name) for name in AS_PICTURES}
    return {
        **{name: getattr(config, name) for name in UNGUIDED},
        **{name: ZERO if value == 0 else value for name, value in own.items()},
        "spatio_temporal_guidance_blocks": list(config.stg_blocks or (block,)),
    }


def unguided(config: GenerationConfig) -> GenerationConfig:
    """The same request without any guidance."""
    return replace(config, **UNGUIDED, **AS_PICTURES)  # type: ignore[arg-type]


def _check_refining(config: GenerationConfig) -> None:
    defaults = {item.name: item.default for item in fields(GenerationConfig)}
    for name, fixed in REFINING.items():
        value = getattr(config, name)
        if value not in (fixed, defaults[name]):
            raise InputError(
                f"{name.replace('_', '-')}: got {value}, expected {fixed}, which LTX-2 is made for; leave it"
            )


def _check_guidance(config: GenerationConfig, checkpoint: Checkpoint) -> None:
    if config.apg_eta != 1.0 or config.apg_norm_threshold != 0.0:
        raise InputError("apg-eta, apg-norm-threshold: got APG, which LTX-2 does not have; leave them out")
    for name in ("guidance_scale", "modality_scale", "audio_guidance_scale", "audio_modality_scale"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise InputError(f"{name.replace('_', '-')}: got {value}, expected 1, which is off, or more; raise it")
    if config.stg_blocks and not 0 <= min(config.stg_blocks) <= max(config.stg_blocks) < checkpoint.layers:
        raise InputError(
            f"stg-blocks: got {', '.join(map(str, config.stg_blocks))}, expected layers 0 to {checkpoint.layers - 1}; "
            "choose of those"
        )
