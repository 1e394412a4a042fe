"""Text, and pictures if wanted, to video with sound, in one stage: `TI2VidOneStagePipeline`.

Run it as `python -m aiprod_pipelines.ti2vid_one_stage PROMPT …`, which is `aiprod generate`.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from einops import rearrange

from aiprod_core.generation import PinnedFrame, SovereignModels, generate
from aiprod_core.types import Compression, GenerationConfig
from aiprod_pipelines.cli import main
from aiprod_pipelines.media import Clip, read_image
from aiprod_pipelines.sovereignty import provision

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class TI2VidOneStagePipeline:
    """Renders clips with one family of models.

    `compression`: what sizes and lengths are legal. `weights`: file → SHA-256, as they were verified.
    """

    def __init__(self, models: SovereignModels, weights: dict[str, str]) -> None:
        self.models = models
        self.weights = weights

    @classmethod
    def from_pretrained(
        cls, models_dir: Path, *, device: str = "cpu", precision: Literal["fp32", "bf16"] = "fp32"
    ) -> "TI2VidOneStagePipeline":
        """Verify the weights of a folder, then load them. Raises `WeightsError` for any that are missing or damaged."""
        weights = provision.verify(models_dir)
        return cls(SovereignModels.load(models_dir, device=device, dtype=DTYPES[precision]), weights)

    @property
    def compression(self) -> Compression:
        return self.models.compression

    @property
    def sample_rate_hz(self) -> int:
        return self.models.sample_rate_hz

    def unknown_words(self, prompt: str) -> list[str]:
        """Words of `prompt` that the text encoder never met in training, in order."""
        words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", prompt.lower())
        return [word for word in dict.fromkeys(words) if word not in self.models.words]

    def __call__(self, config: GenerationConfig, *, on_progress: Callable[[str, int, int], None] | None = None) -> Clip:
        """Render one clip.

        `on_progress` is told (stage, done, total); stages are "text", "denoise", "decode video", "decode sound".
        Raises `InputError` for an illegal request and `MediaError` for a picture that cannot be read.
        """
        config.validate(self.compression)
        pinned = [
            PinnedFrame(_picture(image.path, config.width, config.height), image.frame, image.strength)
            for image in config.images
        ]
        frames, sound = generate(self.models, config, pinned, on_progress or _silent)
        pixels = ((frames + 1) * 127.5).round().to(torch.uint8)
        return Clip(
            frames=rearrange(pixels, "c t h w -> t h w c").contiguous().numpy(),
            frame_rate_hz=config.frame_rate,
            audio=None if sound is None else sound.numpy(),
            sample_rate_hz=self.sample_rate_hz,
        )


def _picture(path: Path, width: int, height: int) -> torch.Tensor:
    pixels = torch.from_numpy(read_image(path, width, height)).float()
    return rearrange(pixels / 127.5 - 1, "h w c -> c h w")


def _silent(stage: str, done: int, total: int) -> None:
    return None


if __name__ == "__main__":
    main(["generate", *sys.argv[1:]])
