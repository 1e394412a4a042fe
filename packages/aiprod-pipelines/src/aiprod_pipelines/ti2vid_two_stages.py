"""Text, and pictures if wanted, to video with sound, in two stages: `TI2VidTwoStagesPipeline`.

Half the size first; then the learned upsampler doubles it, and a short run at the full size gives it detail. Run it as
`python -m aiprod_pipelines.ti2vid_two_stages PROMPT …`, which is `aiprod generate --pipeline ti2vid_two_stages`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from aiprod_core.family import UPSAMPLER_FILE, load_model
from aiprod_core.generation import OnProgress, Snapshots, first_of_alike
from aiprod_core.models.upsampler import LatentUpsampler
from aiprod_core.previews import Previews
from aiprod_core.refinement import Refinement, refine
from aiprod_core.types import GenerationConfig, LatentState, half_size
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

    def latents(
        self,
        configs: Sequence[GenerationConfig],
        on_progress: OnProgress,
        snapshots: Snapshots | None = None,
        previews: Previews | None = None,
    ) -> LatentState:
        config = first_of_alike(configs)
        small = [half_size(one, self.compression.size_multiple_px) for one in configs]
        refinement = Refinement(steps=config.refine_steps, start=config.refine_start)
        first, second = None, None
        if previews is not None:
            share = config.num_inference_steps / (config.num_inference_steps + config.refine_steps)
            first, second = previews.between(0, share), previews.between(share, 1)
        latents = super().latents(small, on_progress, snapshots, first)
        given = self.given(config)
        return refine(self.models, self.upsampler, latents, configs, refinement, given, on_progress, second)


if __name__ == "__main__":
    main(["generate", "--pipeline", "ti2vid_two_stages", *sys.argv[1:]])
