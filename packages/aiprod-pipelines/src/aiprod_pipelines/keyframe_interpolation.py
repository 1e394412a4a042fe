"""Pictures at chosen frames, and motion between them: `KeyframeInterpolationPipeline`.

Run it as `python -m aiprod_pipelines.keyframe_interpolation PROMPT --image A.png 0 1.0 --image B.png 24 1.0 …`.
"""

import sys

from aiprod_core.conditioning import latent_frame_of
from aiprod_core.errors import InputError
from aiprod_core.generation import Conditions
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.cli import main
from aiprod_pipelines.ti2vid_one_stage import TI2VidOneStagePipeline


class KeyframeInterpolationPipeline(TI2VidOneStagePipeline):
    """A sentence and two pictures or more, each at a frame of its own, become a clip that passes through them."""

    def given(self, config: GenerationConfig) -> Conditions:
        """Raises `InputError` for fewer than two pictures, or two that fall into the same latent frame."""
        if len(config.images) < 2:
            raise InputError(
                f"image: got {len(config.images)}, expected two or more to interpolate between; "
                "add --image PATH FRAME STRENGTH"
            )
        taken: dict[int, int] = {}
        for image in config.images:
            other = taken.setdefault(latent_frame_of(image.frame, self.compression), image.frame)
            if other != image.frame:
                step = self.compression.time
                raise InputError(
                    f"image: got frames {other} and {image.frame}, expected at least {step} frames between pictures; "
                    "move one of them"
                )
        return super().given(config)


if __name__ == "__main__":
    main(["generate", "--pipeline", "keyframe_interpolation", *sys.argv[1:]])
