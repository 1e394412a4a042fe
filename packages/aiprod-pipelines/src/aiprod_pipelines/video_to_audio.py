"""Sound for a film: `VideoToAudioPipeline`.

Run it as `python -m aiprod_pipelines.video_to_audio PROMPT --source silent.mp4 …`. The pictures stay as they are.
"""

import sys
from dataclasses import replace

import torch

from aiprod_core.generation import Conditions
from aiprod_core.pinning import pin_film
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.cli import main
from aiprod_pipelines.media import Clip
from aiprod_pipelines.pipeline import SovereignPipeline
from aiprod_pipelines.source import as_film, film_tensor, read_film


class VideoToAudioPipeline(SovereignPipeline):
    """A sentence and a film become the film with a sound of its own."""

    def fitted(self, config: GenerationConfig) -> GenerationConfig:
        film = read_film(config)
        return replace(as_film(config, film), num_frames=len(film.frames), audio=True)

    def given(self, config: GenerationConfig) -> Conditions:
        latents = self.compression.latent_frames(config.num_frames)
        return Conditions(video=pin_film(self.models, film_tensor(read_film(config)), torch.ones(latents)))

    def finished(self, clip: Clip, config: GenerationConfig) -> Clip:
        return replace(clip, frames=read_film(config).frames)


if __name__ == "__main__":
    main(["generate", "--pipeline", "video_to_audio", *sys.argv[1:]])
