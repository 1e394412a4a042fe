"""A film made longer, after its end or before its beginning: `ExtendPipeline`.

Run it as `python -m aiprod_pipelines.extend PROMPT --source film.mp4 --num-frames 49 …`: the new film has so many
frames, and the old one stands in it at `--start` seconds, 0 unless said. Everything else is new.
"""

import sys
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from aiprod_core.conditioning import latent_frame_of
from aiprod_core.errors import InputError
from aiprod_core.generation import Conditions
from aiprod_core.pinning import pin_film, pin_sound
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.cli import main
from aiprod_pipelines.media import Clip
from aiprod_pipelines.pipeline import SovereignPipeline
from aiprod_pipelines.source import as_film, film_tensor, mono, read_film, source_of


class ExtendPipeline(SovereignPipeline):
    """A sentence and a film become a longer film that holds it."""

    def fitted(self, config: GenerationConfig) -> GenerationConfig:
        film = read_film(config)
        config = as_film(config, film)
        self._first_frame(config, film)
        return config

    def given(self, config: GenerationConfig) -> Conditions:
        film, by = read_film(config), self.compression
        first, count = self._first_frame(config, film), len(film.frames)
        # Before it, its first picture stands still: made anew in the end, but a codec that looks back needs something.
        pictures = F.pad(film_tensor(film)[None], (0, 0, 0, 0, first, 0), mode="replicate")[0]
        after = config.num_frames - first - count
        pictures = F.pad(pictures[None], (0, 0, 0, 0, 0, after), mode="replicate")[0]
        latents = torch.arange(by.latent_frames(config.num_frames))
        begins = 0 if first == 0 else latent_frame_of(first, by) + 1
        kept = (latents >= begins) & (latents * by.time < first + count)
        video = pin_film(self.models, pictures, kept)
        if film.audio is None or not config.audio:
            return Conditions(video)
        sound = torch.from_numpy(mono(film.audio, film.sample_rate_hz, self.sample_rate_hz))
        before = round(first / film.frame_rate_hz * self.sample_rate_hz)
        tokens = torch.arange(by.audio_tokens(round(config.duration_s * self.sample_rate_hz))) * by.hop
        heard = (tokens >= before) & (tokens + by.hop <= before + sound.shape[1])
        return Conditions(video, pin_sound(self.models, F.pad(sound, (before, 0)), heard))

    def finished(self, clip: Clip, config: GenerationConfig) -> Clip:
        film = read_film(config)
        first = self._first_frame(config, film)
        pictures = clip.frames.copy()
        pictures[first : first + len(film.frames)] = film.frames
        if film.audio is None or clip.audio is None:
            return replace(clip, frames=pictures)
        before = round(first / film.frame_rate_hz * self.sample_rate_hz)
        sound = clip.audio.copy()
        old = mono(film.audio, film.sample_rate_hz, self.sample_rate_hz)[:, : sound.shape[1] - before]
        sound[:, before : before + old.shape[1]] = old
        return replace(clip, frames=pictures, audio=np.ascontiguousarray(sound))

    def _first_frame(self, config: GenerationConfig, film: Clip) -> int:
        """The frame of the new film at which the old one begins. Raises `InputError` where it cannot stand there."""
        source, step = source_of(config), self.compression.time
        first, count = round(source.start_s * film.frame_rate_hz), len(film.frames)
        if first % step:
            near_s = " or ".join(f"{(first // step + n) * step / film.frame_rate_hz:g}" for n in (0, 1))
            raise InputError(f"start: got {source.start_s} s, expected a multiple of {step} frames; use {near_s}")
        least = first + count + (0 if first else 1)  # something must be new
        least += -(least - 1) % step
        if config.num_frames < least:
            raise InputError(
                f"num-frames: got {config.num_frames}, expected at least {least} for the film's {count} frames at "
                f"{source.start_s} s; ask for more"
            )
        return first


if __name__ == "__main__":
    main(["generate", "--pipeline", "extend", *sys.argv[1:]])
