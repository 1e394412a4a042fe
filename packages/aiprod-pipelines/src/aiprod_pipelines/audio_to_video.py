"""Pictures for a sound: `AudioToVideoPipeline`.

Run it as `python -m aiprod_pipelines.audio_to_video PROMPT --source steps.wav …`. `--start` and `--end` choose a part
of the sound; where it is shorter than the clip, silence follows. The sound stays as it is.
"""

import sys
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from aiprod_core.generation import Conditions
from aiprod_core.pinning import pin_sound
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.cli import main
from aiprod_pipelines.media import Clip, read_sound
from aiprod_pipelines.pipeline import SovereignPipeline
from aiprod_pipelines.source import mono, source_of, span_of


class AudioToVideoPipeline(SovereignPipeline):
    """A sentence and a sound become a clip that moves to it."""

    def fitted(self, config: GenerationConfig) -> GenerationConfig:
        self._sound(config)  # an unreadable one is refused before anything is rendered
        return replace(config, audio=True)

    def given(self, config: GenerationConfig) -> Conditions:
        sound = torch.from_numpy(self._sound(config))
        tokens = self.compression.audio_tokens(sound.shape[1])
        return Conditions(audio=pin_sound(self.models, sound, torch.ones(tokens)))

    def finished(self, clip: Clip, config: GenerationConfig) -> Clip:
        return replace(clip, audio=self._sound(config))

    def _sound(self, config: GenerationConfig) -> NDArray[np.float32]:
        """`[1 s]`, as long as the clip."""
        source = source_of(config)
        sound, rate_hz = read_sound(source.path)
        start_s, end_s = span_of(source, sound.shape[1] / rate_hz, source.path)
        part = mono(sound[:, round(start_s * rate_hz) : round(end_s * rate_hz)], rate_hz, self.sample_rate_hz)
        samples = round(config.duration_s * self.sample_rate_hz)
        return np.pad(part[:, :samples], ((0, 0), (0, max(samples - part.shape[1], 0))))


if __name__ == "__main__":
    main(["generate", "--pipeline", "audio_to_video", *sys.argv[1:]])
