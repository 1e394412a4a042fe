"""Text, and pictures if wanted, to video with sound in a few steps: `DistilledPipeline`.

Run it as `python -m aiprod_pipelines.distilled PROMPT …`, which is `aiprod generate --pipeline distilled`.
"""

import sys
from typing import ClassVar

from aiprod_core.errors import InputError
from aiprod_core.family import DISTILLED_FILE
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.cli import main
from aiprod_pipelines.ti2vid_one_stage import TI2VidOneStagePipeline

MOST_STEPS = 8


class DistilledPipeline(TI2VidOneStagePipeline):
    """A sentence, and pictures at any frame, become a clip in 2, 4 or 8 steps of a model that has guidance built in."""

    transformer: ClassVar[str] = DISTILLED_FILE

    def fitted(self, config: GenerationConfig) -> GenerationConfig:
        """Raises `InputError` for what a distilled model cannot do: many steps, and guidance of any kind."""
        if config.negative_prompt:
            raise InputError("negative-prompt: got one for a distilled model, which has no guidance; leave it out")
        asked = {
            "guidance-scale": (config.guidance_scale, 1.0),
            "guidance-rescale": (config.guidance_rescale, 0.0),
            "stg-scale": (config.stg_scale, 0.0),
            "modality-scale": (config.modality_scale, 1.0),
            "audio-guidance-scale": (config.audio_guidance_scale, None),
            "audio-guidance-rescale": (config.audio_guidance_rescale, None),
            "audio-stg-scale": (config.audio_stg_scale, None),
            "audio-modality-scale": (config.audio_modality_scale, None),
        }
        for name, (got, off) in asked.items():
            if got not in (off, None):
                raise InputError(
                    f"{name}: got {got}, expected {off} of a distilled model, which has guidance built in; leave it out"
                )
        if config.num_inference_steps > MOST_STEPS:
            raise InputError(
                f"num-inference-steps: got {config.num_inference_steps}, expected at most {MOST_STEPS} of a distilled "
                "model; use 4 or 8"
            )
        return config


if __name__ == "__main__":
    main(["generate", "--pipeline", "distilled", *sys.argv[1:]])
