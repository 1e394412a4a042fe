"""An observation: all that is measured on one clip, and clips that went through the codecs and back."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.models.nac import NAC
from aiprod_trainer.evaluation.attributes import Judgement, judge_clip
from aiprod_trainer.evaluation.onsets import onsets_s
from aiprod_trainer.evaluation.video_statistics import VideoStatistics, video_statistics

FULL_SCALE = 32767


@dataclass(frozen=True)
class Clip:
    """A clip in the scale of models: `video` `[3 t h w]` and `sound` `[1 s]` (or None) in [-1, 1]."""

    video: Tensor
    sound: Tensor | None


@dataclass(frozen=True)
class Observation:
    """`onsets_s`: moments at which a sound begins, measured on the waveform, in seconds."""

    judgement: Judgement
    onsets_s: tuple[float, ...]
    statistics: VideoStatistics


def observe(judge: AttributeJudge, clip: Clip) -> Observation:
    """Measure one clip."""
    onsets: list[float] = []
    if clip.sound is not None:
        onsets = onsets_s(clip.sound[0].numpy(), sample_rate_hz=judge.config.sample_rate_hz)
    return Observation(judge_clip(judge, clip.video, clip.sound), tuple(onsets), video_statistics(clip.video))


@torch.inference_mode()
def round_trip(clip: Clip, video: HWVAE, audio: NAC | None) -> Clip:
    """The clip through both codecs; sound stays as it is where there is no codec for it."""
    pictures = video.decode(video.encode(clip.video[None]))[0].clamp(-1, 1)
    sound = clip.sound
    if sound is not None and audio is not None:
        sound = audio.decode(audio.encode(sound[None]), sound.shape[-1])[0].clamp(-1, 1)
    return Clip(pictures, sound)


def keep(clip: Clip, path: Path) -> None:
    """Write a clip to `path` (.npz), whole or not at all: 8 bits a colour, 16 bits a sample."""
    arrays = {"video": ((clip.video + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()}
    if clip.sound is not None:
        arrays["sound"] = (clip.sound.clamp(-1, 1) * FULL_SCALE).round().to(torch.int16).numpy()
    partial = path.with_suffix(".tmp")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    partial.replace(path)


def recall(path: Path) -> Clip:
    """A clip that `keep` wrote."""
    with np.load(path) as arrays:
        video = torch.from_numpy(arrays["video"]).float() / 127.5 - 1
        sound = torch.from_numpy(arrays["sound"]).float() / FULL_SCALE if "sound" in arrays else None
    return Clip(video, sound)


def digest(*parts: object) -> str:
    """Twelve hex digits that name a combination of settings."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
