"""What a request costs in units that no machine changes: tokens, latents, pixels, a list for each stage of a render.

`estimate` turns them into seconds and bytes with what was measured on a machine. Knows the shapes of the models, and
loads none of them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from aiprod_core.components.guiders import Pass
from aiprod_core.errors import InputError
from aiprod_core.execution import Attention, Execution
from aiprod_core.generation import SHDT_FILE, VIDEO_FILE, guider_of, read_config
from aiprod_core.models.hwvae import HWVAE, HWVAEConfig
from aiprod_core.models.shdt import SHDT, SHDTConfig
from aiprod_core.models.tiling import decoder_border, tiles
from aiprod_core.refinement import half_size
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.rendering import PipelineName, Setup

Amounts: TypeAlias = tuple[float, ...]
CHUNK = 16  # latent frames that HW-VAE decodes at a time
SIZED = (
    PipelineName.TI2VID_ONE_STAGE,
    PipelineName.TI2VID_TWO_STAGES,
    PipelineName.DISTILLED,
    PipelineName.KEYFRAME_INTERPOLATION,
)


@dataclass(frozen=True)
class Load:
    """A stage: what its seconds are a weighted sum of, and what its bytes are."""

    time: Amounts
    memory: Amounts
    known_bytes: float = 0.0  # on top of what is weighed


@dataclass(frozen=True)
class Shapes:
    """The configs of a family, as far as they decide what a request costs."""

    shdt: SHDTConfig
    video: HWVAEConfig

    @classmethod
    def of(cls, models_dir: Path) -> "Shapes":
        """Raises `WeightsError` for a folder whose checkpoints say nothing."""
        return cls(read_config(SHDT, models_dir / SHDT_FILE), read_config(HWVAE, models_dir / VIDEO_FILE))


def workload(config: GenerationConfig, setup: Setup, shapes: Shapes) -> dict[str, Load]:
    """Every stage of a render, by the names that are reported.

    Raises `InputError` for an illegal request, and for a pipeline whose sizes are those of a source.
    """
    if setup.pipeline not in SIZED:
        raise InputError(
            f"estimate: got pipeline {setup.pipeline}, whose size and length are the source's, expected one of "
            f"{', '.join(SIZED)}; estimate {PipelineName.TI2VID_ONE_STAGE} at that size"
        )
    config.validate(shapes.shdt.compression)
    film = float(config.width * config.height * config.num_frames)
    stages = {"load": Load((1,), (1,)), "text": Load((1,), (1,))}
    if setup.pipeline is PipelineName.TI2VID_TWO_STAGES:
        small = half_size(config, shapes.shdt.compression.size_multiple_px)
        stages["denoise"] = _denoising(small, setup.execution, shapes, config.num_inference_steps)
        stages["upsample"] = Load((1, film), (1, film))
        stages["refine"] = _denoising(config, setup.execution, shapes, config.refine_steps)
    else:
        stages["denoise"] = _denoising(config, setup.execution, shapes, config.num_inference_steps)
    stages["decode video"] = _decoding(config, setup.execution, shapes)
    if config.audio:
        stages["decode sound"] = Load((1, config.duration_s), (1, film, config.duration_s))
    stages["encode"] = Load((1, film), (1, film))
    return stages


def upper_bound_bytes(config: GenerationConfig, setup: Setup, shapes: Shapes) -> float:
    """More than a render takes on any machine, by its shapes alone: where this fits, nothing needs to be measured.

    Raises `InputError` for an illegal request.
    """
    config.validate(shapes.shdt.compression)
    floor = 2**30 + 12 * sum(path.stat().st_size for path in setup.models_dir.iterdir())
    token, latent = (
        80 * 4 * shapes.shdt.video_width,
        40 * 4 * shapes.video.widths[0] * 4 ** (len(shapes.video.widths) - 1),
    )
    pixel = 60
    (_, tokens), (_, latents, film) = (
        _denoising(config, setup.execution, shapes, 1).memory[:2],
        _decoding(config, setup.execution, shapes).memory,
    )
    scores = 16 * shapes.shdt.heads * tokens**2 if setup.execution.attention is Attention.MATH else 0
    return floor + max(token * tokens + scores, latent * latents) + pixel * film


def _denoising(config: GenerationConfig, execution: Execution, shapes: Shapes, steps: int) -> Load:
    """Time: calls, tokens, pairs of tokens. Memory: tokens of the largest call, and pairs where scores are kept."""
    by, passes = shapes.shdt.compression, guider_of(config, len(shapes.shdt.mixers)).passes
    frame = (config.width // by.size_multiple_px) * (config.height // by.size_multiple_px)
    sound = by.audio_tokens(round(config.duration_s * shapes.shdt.sample_rate_hz)) if config.audio else 0
    tokens = float(by.latent_frames(config.num_frames) * frame + sound)
    calls = [2 if Pass.UNPROMPTED in passes else 1, *(1 for name in (Pass.PERTURBED, Pass.ISOLATED) if name in passes)]
    time = (steps * len(calls), steps * sum(calls) * tokens, steps * sum(calls) * tokens**2)
    pairs = (calls[0] * tokens**2,) if execution.attention is Attention.MATH else ()
    mask_bytes = 5 * tokens**2 if Pass.ISOLATED in passes else 0.0  # one a pair, and four where it is added
    return Load(time, (1.0, calls[0] * tokens, *pairs), mask_bytes)


def _decoding(config: GenerationConfig, execution: Execution, shapes: Shapes) -> Load:
    """Time: latents that are decoded, with borders and context, and pixels. Memory: latents at a time, and pixels."""
    frames, context = shapes.shdt.compression.latent_frames(config.num_frames), sum(shapes.video.decoder_depths)
    chunks = [min(start + CHUNK, frames) - max(0, start - context) for start in range(0, frames, CHUNK)]
    border = decoder_border(shapes.video)
    sides = [
        [tile.seen_to - tile.seen_from for tile in tiles(px // shapes.video.space, border)]
        if execution.vae_tiling
        else [px // shapes.video.space]
        for px in (config.height, config.width)
    ]
    film = float(config.width * config.height * config.num_frames)
    at_once, in_all = max(chunks) * max(sides[0]) * max(sides[1]), sum(chunks) * sum(sides[0]) * sum(sides[1])
    return Load((1.0, in_all, film), (1.0, at_once, film))
