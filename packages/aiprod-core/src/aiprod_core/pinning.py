"""From pictures, films and sounds to what is pinned in the latents of a clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import repeat
from torch import Tensor
from torch.nn import functional as F

from aiprod_core.conditioning import Pins, latent_frame_of
from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.types import Compression


@dataclass(frozen=True)
class PinnedFrame:
    """A picture `[c h w]` in [-1, 1] that the clip passes through at pixel frame `frame`; `strength` in [0, 1]."""

    picture: Tensor
    frame: int
    strength: float


def pin_pictures(models: SovereignModels, frames: int, pictures: Sequence[PinnedFrame]) -> Pins:
    """Pictures in a clip of `frames` pixel frames, each at the latent frame in which it lies.

    The first latent frame holds one picture; a later one spans several, and there the picture stands still.
    """
    by = models.compression
    count, channels = by.latent_frames(frames), models.shdt.config.video_channels
    height, width = (side // by.space for side in pictures[0].picture.shape[-2:])
    latents, strength = torch.zeros(1, channels, count, height, width), torch.zeros(count)
    for pin in pictures:
        at = latent_frame_of(pin.frame, by)
        still = repeat(pin.picture, "c h w -> 1 c t h w", t=1 if at == 0 else 1 + by.time)
        latents[:, :, at] = models.encode_video(still.to(models.device))[:, :, -1].cpu()
        strength[at] = pin.strength
    return _on_device(Pins(latents, strength), models)


def pin_film(models: SovereignModels, film: Tensor, kept: Tensor) -> Pins:
    """A film `[c t h w]` in [-1, 1], of which the latent frames `kept` `[n]` stay as they are."""
    return _on_device(Pins(models.encode_video(film[None].to(models.device)), kept.float()), models)


def pin_sound(models: SovereignModels, sound: Tensor, kept: Tensor) -> Pins:
    """Sound `[1 s]` in [-1, 1], of which the tokens `kept` `[l]` stay; padded with silence where it is too short.

    Raises `InputError` where the family has no model of sound.
    """
    if models.audio is None:
        raise InputError("sound: got a family of models without sound, expected one with; choose another --model")
    samples = len(kept) * models.compression.hop
    sound = F.pad(sound[:, :samples], (0, max(samples - sound.shape[1], 0)))
    return _on_device(Pins(models.audio.encode(sound[None].to(models.device)), kept.float()), models)


def kept_frames(frames: int, span: tuple[float, float], frame_rate_hz: float, by: Compression) -> Tensor:
    """Which latent frames `[n]` of `frames` pixel frames show nothing of the time `span`, in seconds."""
    count = by.latent_frames(frames)
    first_frames = torch.tensor([0] + [by.time * n + 1 for n in range(count - 1)])
    last_frames = torch.arange(count) * by.time
    return (last_frames + 1 <= span[0] * frame_rate_hz) | (first_frames >= span[1] * frame_rate_hz)


def kept_tokens(tokens: int, span: tuple[float, float], sample_rate_hz: int, by: Compression) -> Tensor:
    """Which of so many audio tokens `[l]` sound nothing of the time `span`, in seconds."""
    first_samples = torch.arange(tokens) * by.hop
    return (first_samples + by.hop <= span[0] * sample_rate_hz) | (first_samples >= span[1] * sample_rate_hz)


def shown_by(latent_frames: Tensor, frames: int, by: Compression) -> Tensor:
    """A mark for each latent frame `[n]` as one for each pixel frame `[t]`."""
    return latent_frames[[latent_frame_of(frame, by) for frame in range(frames)]]


def _on_device(pins: Pins, models: SovereignModels) -> Pins:
    return Pins(pins.latents.to(models.device, models.dtype), pins.strength.to(models.device))
