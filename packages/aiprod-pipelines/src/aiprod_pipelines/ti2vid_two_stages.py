"""Text, and pictures if wanted, to video with sound, in two stages: `TI2VidTwoStagesPipeline`.

Half the size first; then the learned upsampler doubles it, and a short run at the full size gives it detail. Run it as
`python -m aiprod_pipelines.ti2vid_two_stages PROMPT …`, which is `aiprod generate --pipeline ti2vid_two_stages`.
"""

import sys
from pathlib import Path
from typing import Any, Self

from aiprod_core.generation import UPSAMPLER_FILE, OnProgress, Snapshots, load_model
from aiprod_core.models.upsampler import LatentUpsampler
from aiprod_core.refinement import Refinement, half_size, refine
from aiprod_core.types import GenerationConfig, LatentState
from aiprod_pipelines.cli import main
from aiprod_pipelines.ti2vid_one_stage import TI2VidOneStagePipeline


class TI2VidTwoStagesPipeline(TI2VidOneStagePipeline):
    """A sentence, and pictures at any frame, become a clip of twice the size that the model denoises first.

    Snapshots are kept of the first stage, which takes most of the time.
    """

    upsampler: LatentUpsampler

    @classmethod
    def from_pretrained(cls, models_dir: Path, **options: Any) -> Self:
        pipeline = super().from_pretrained(models_dir, **options)
        upsampler = load_model(LatentUpsampler, models_dir / UPSAMPLER_FILE)
        pipeline.upsampler = upsampler.eval().requires_grad_(False).to(pipeline.models.device)
        return pipeline

    def fitted(self, config: GenerationConfig) -> GenerationConfig:
        half_size(config, self.compression.size_multiple_px)
        return config

    def latents(self, config: GenerationConfig, on_progress: OnProgress, snapshots: Snapshots | None) -> LatentState:
        small = half_size(config, self.compression.size_multiple_px)
        latents = super().latents(small, on_progress, snapshots)
        refinement = Refinement(steps=config.refine_steps, start=config.refine_start)
        return refine(self.models, self.upsampler, latents, config, refinement, self.given(config), on_progress)


if __name__ == "__main__":
    main(["generate", "--pipeline", "ti2vid_two_stages", *sys.argv[1:]])
