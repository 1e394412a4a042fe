"""The film or the sound that a clip is made from, in the rates and shapes of the models."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from aiprod_core.errors import InputError
from aiprod_core.types import GenerationConfig, SourceCondition
from aiprod_pipelines.media import Clip, read_clip


def source_of(config: GenerationConfig) -> SourceCondition:
    """The source that was asked for. Raises `InputError` where there is none."""
    if config.source is None:
        raise InputError("source: got none, expected a film or a sound to work on; name it with --source PATH")
    return config.source


def read_film(config: GenerationConfig) -> Clip:
    """The source as a film."""
    return read_clip(source_of(config).path)


def as_film(config: GenerationConfig, film: Clip) -> GenerationConfig:
    """The request with the size and the frame rate of `film`."""
    _, height, width, _ = film.frames.shape
    return replace(config, width=width, height=height, frame_rate=film.frame_rate_hz)


def film_tensor(film: Clip) -> Tensor:
    """Its pictures, `[c t h w]` in [-1, 1]."""
    return torch.from_numpy(film.frames).permute(3, 0, 1, 2).float() / 127.5 - 1


def mono(sound: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """`[c s]` as `[1 s]` at another rate."""
    mixed = sound.mean(axis=0)
    resampled = mixed if from_hz == to_hz else soxr.resample(mixed, from_hz, to_hz)
    return np.asarray(resampled, dtype=np.float32)[None]


def span_of(source: SourceCondition, duration_s: float, path: Path) -> tuple[float, float]:
    """Start and end of the span, in seconds. Raises `InputError` for a span that is not within the film."""
    end_s = duration_s if source.end_s is None else source.end_s
    if not source.start_s < end_s <= duration_s + 1e-6:
        raise InputError(
            f"start, end: got {source.start_s} to {end_s} s, expected a span of the {duration_s:.2f} s of {path}; "
            "choose others"
        )
    return source.start_s, end_s


def matched_film(config: GenerationConfig, film: Clip) -> Tensor:
    """The part of `film` from the source's start on, at the request's size, length and frame rate, `[c t h w]`.

    Its frames are those nearest in time; what is too wide or too high is cut off on both sides. Raises `InputError`
    where the film is too short.
    """
    source = source_of(config)
    start_s, end_s = span_of(source, film.duration_s, source.path)
    wanted = [round((start_s + i / config.frame_rate) * film.frame_rate_hz) for i in range(config.num_frames)]
    if wanted[-1] >= min(round(end_s * film.frame_rate_hz), len(film.frames)):
        raise InputError(
            f"num-frames: got {config.num_frames} at {config.frame_rate:g} frames/s, expected no more than the "
            f"{end_s - start_s:.2f} s of {source.path}; ask for fewer, or for more frames a second"
        )
    pictures = torch.from_numpy(film.frames[wanted]).permute(0, 3, 1, 2).float() / 127.5 - 1
    scale = max(config.height / pictures.shape[2], config.width / pictures.shape[3])
    height = max(round(scale * pictures.shape[2]), config.height)
    width = max(round(scale * pictures.shape[3]), config.width)
    fitted = F.interpolate(pictures, size=(height, width), mode="bicubic", antialias=True, align_corners=False)
    top, left = (height - config.height) // 2, (width - config.width) // 2
    cut = fitted[:, :, top : top + config.height, left : left + config.width]
    return cut.clamp(-1, 1).permute(1, 0, 2, 3)
