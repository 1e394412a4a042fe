"""The second stage: a clip's latents at twice the size, by the learned upsampler, and then once more through the model.

The upsampler gives the large picture, a short run of the transformer from a low noise level its detail. Sound is done
after the first stage; it goes along, kept as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from aiprod_core.components.noisers import add_noise
from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.conditioning import all_pinned
from aiprod_core.family import SovereignModels
from aiprod_core.generation import Conditions, OnProgress, draw_noise, preview_of, run_of
from aiprod_core.models.upsampler import LatentUpsampler
from aiprod_core.previews import Previews
from aiprod_core.sampler import Progress, denoise
from aiprod_core.types import GenerationConfig, LatentState


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """`steps` of the second stage, from noise level `start` in [0, 1): 0 leaves what the upsampler made."""

    steps: int
    start: float


@torch.inference_mode()
def refine(
    models: SovereignModels,
    upsampler: LatentUpsampler,
    latents: LatentState,
    configs: Sequence[GenerationConfig],
    refinement: Refinement,
    given: Conditions,
    on_progress: OnProgress = lambda stage, done, total: None,
    previews: Previews | None = None,
) -> LatentState:
    """Latents of the first stage → those of the size of `configs`, which are alike. `given`: pinned at that size."""
    assert latents.video is not None
    on_progress("upsample", 0, 1)
    large = upsampler(latents.video.float()).to(models.dtype)
    on_progress("upsample", 1, 1)
    if refinement.steps == 0 or refinement.start == 0:
        return LatentState(large, latents.audio)
    noise = draw_noise(models, configs)
    assert noise.video is not None
    begun = LatentState(add_noise(large, noise.video, torch.tensor(refinement.start)).to(large.dtype), latents.audio)
    run = replace(
        run_of(models, configs, given, begun),
        schedule=FlowSchedule(refinement.steps, start=refinement.start),
        audio_pins=None if latents.audio is None else all_pinned(latents.audio),
    )
    on_progress("refine", 0, refinement.steps)
    preview = preview_of(models, run, begun, None, previews)

    def on_step(progress: Progress) -> None:
        if preview is not None:
            preview.show(progress)
        on_progress("refine", progress.steps, refinement.steps)

    with models.execution.attention.chosen():
        return denoise(models.shdt, begun, run, on_step)
