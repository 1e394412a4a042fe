"""Text, and pictures if wanted, to video with sound, in one stage: `TI2VidOneStagePipeline`.

Run it as `python -m aiprod_pipelines.ti2vid_one_stage PROMPT …`, which is `aiprod generate`.
"""

import sys

import torch
from einops import rearrange

from aiprod_core.generation import Conditions
from aiprod_core.pinning import PinnedFrame, pin_pictures
from aiprod_core.types import GenerationConfig, ImageCondition
from aiprod_pipelines.cli import main
from aiprod_pipelines.media import read_image
from aiprod_pipelines.pipeline import SovereignPipeline


class TI2VidOneStagePipeline(SovereignPipeline):
    """A sentence, and pictures at any frame, become a clip."""

    def given(self, config: GenerationConfig) -> Conditions:
        if not config.images:
            return Conditions()
        pictures = [_pinned(image, config) for image in config.images]
        return Conditions(video=pin_pictures(self.models, config.num_frames, pictures))


def _pinned(image: ImageCondition, config: GenerationConfig) -> PinnedFrame:
    pixels = torch.from_numpy(read_image(image.path, config.width, config.height)).float()
    return PinnedFrame(rearrange(pixels / 127.5 - 1, "h w c -> c h w"), image.frame, image.strength)


if __name__ == "__main__":
    main(["generate", *sys.argv[1:]])
