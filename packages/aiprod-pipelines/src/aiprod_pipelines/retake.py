"""A span of time of a film made anew, and everything around it left as it was: `RetakePipeline`.

Run it as `python -m aiprod_pipelines.retake PROMPT --source film.mp4 --start 1.0 --end 1.8 …`. The span is widened to
whole latents: what is kept is kept bit for bit in them, and pixel for pixel in the film.
"""

import sys
from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d

from aiprod_core.generation import Conditions
from aiprod_core.pinning import kept_frames, kept_tokens, pin_film, pin_sound, shown_by
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.cli import main
from aiprod_pipelines.media import Clip
from aiprod_pipelines.pipeline import SovereignPipeline
from aiprod_pipelines.source import as_film, film_tensor, mono, read_film, source_of, span_of

SEAM_S = 0.01  # the old sound fades into the new one, without a click


class RetakePipeline(SovereignPipeline):
    """A sentence and a film become the film with another `--start` to `--end`."""

    def fitted(self, config: GenerationConfig) -> GenerationConfig:
        film = read_film(config)
        span_of(source_of(config), film.duration_s, source_of(config).path)
        return replace(as_film(config, film), num_frames=len(film.frames), audio=film.audio is not None)

    def given(self, config: GenerationConfig) -> Conditions:
        film = read_film(config)
        frames, tokens = self._kept(config, film)
        video = pin_film(self.models, film_tensor(film), frames)
        if film.audio is None:
            return Conditions(video)
        sound = mono(film.audio, film.sample_rate_hz, self.sample_rate_hz)
        return Conditions(video, pin_sound(self.models, torch.from_numpy(sound), tokens))

    def finished(self, clip: Clip, config: GenerationConfig) -> Clip:
        film = read_film(config)
        frames, tokens = self._kept(config, film)
        kept = shown_by(frames, len(film.frames), self.compression).numpy()
        pictures = np.where(kept[:, None, None, None], film.frames, clip.frames)
        if film.audio is None or clip.audio is None:
            return replace(clip, frames=pictures)
        samples = clip.audio.shape[1]
        old = mono(film.audio, film.sample_rate_hz, self.sample_rate_hz)[:, :samples]
        old = np.pad(old, ((0, 0), (0, samples - old.shape[1])))
        share = np.repeat(tokens.numpy().astype(np.float32), self.compression.hop)[:samples]
        share = uniform_filter1d(share, round(SEAM_S * self.sample_rate_hz))
        return replace(clip, frames=pictures, audio=share * old + (1 - share) * clip.audio)

    def _kept(self, config: GenerationConfig, film: Clip) -> tuple[torch.Tensor, torch.Tensor]:
        span = span_of(source_of(config), film.duration_s, source_of(config).path)
        tokens = self.compression.audio_tokens(round(config.duration_s * self.sample_rate_hz))
        return (
            kept_frames(len(film.frames), span, film.frame_rate_hz, self.compression),
            kept_tokens(tokens, span, self.sample_rate_hz, self.compression),
        )


if __name__ == "__main__":
    main(["generate", "--pipeline", "retake", *sys.argv[1:]])
