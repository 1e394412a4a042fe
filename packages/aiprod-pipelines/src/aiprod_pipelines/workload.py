"""What a request costs with the models in a folder, rendered as a setup says, in the units of `amounts`.

`estimate` turns them into seconds and bytes with what was measured on a machine. Knows the shapes of the models, and
loads none of them.
"""

from dataclasses import dataclass
from pathlib import Path

from aiprod_core.errors import InputError
from aiprod_core.execution import Attention
from aiprod_core.family import SHDT_FILE, VIDEO_FILE, read_config
from aiprod_core.models.hwvae import HWVAE, HWVAEConfig
from aiprod_core.models.shdt import SHDT, SHDTConfig
from aiprod_core.models.tiling import decoder_border
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.amounts import Load, Sizes, Way, amounts, decoding, denoising
from aiprod_pipelines.rendering import PipelineName, Setup

SIZED = (
    PipelineName.TI2VID_ONE_STAGE,
    PipelineName.TI2VID_TWO_STAGES,
    PipelineName.DISTILLED,
    PipelineName.KEYFRAME_INTERPOLATION,
)


@dataclass(frozen=True)
class Shapes:
    """The configs of a family, as far as they decide what a request costs."""

    shdt: SHDTConfig
    video: HWVAEConfig

    @classmethod
    def of(cls, models_dir: Path) -> "Shapes":
        """Raises `WeightsError` for a folder whose checkpoints say nothing."""
        return cls(read_config(SHDT, models_dir / SHDT_FILE), read_config(HWVAE, models_dir / VIDEO_FILE))

    @property
    def sizes(self) -> Sizes:
        return Sizes(
            compression=self.shdt.compression,
            sample_rate_hz=self.shdt.sample_rate_hz,
            decoder_context=sum(self.video.decoder_depths),
            decoder_border=decoder_border(self.video),
        )


def workload(config: GenerationConfig, setup: Setup, shapes: Shapes) -> dict[str, Load]:
    """Every stage of a render, by the names that are reported.

    Raises `InputError` for an illegal request, and for a pipeline whose sizes are those of a source.
    """
    if setup.pipeline not in SIZED:
        raise InputError(
            f"estimate: got pipeline {setup.pipeline}, whose size and length are the source's, expected one of "
            f"{', '.join(SIZED)}; estimate {PipelineName.TI2VID_ONE_STAGE} at that size"
        )
    return amounts(config, way_of(setup), shapes.sizes)


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
        denoising(config, way_of(setup), shapes.sizes, 1).memory[:2],
        decoding(config, way_of(setup), shapes.sizes).memory,
    )
    scores = 16 * shapes.shdt.heads * tokens**2 if setup.execution.attention is Attention.MATH else 0
    return floor + max(token * tokens + scores, latent * latents) + pixel * film


def way_of(setup: Setup) -> Way:
    """How this setup renders, as far as it decides what a request costs."""
    return Way(
        two_stages=setup.pipeline is PipelineName.TI2VID_TWO_STAGES,
        tiled=setup.execution.vae_tiling,
        keeps_scores=setup.execution.attention is Attention.MATH,
    )
