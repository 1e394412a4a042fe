"""What a training sample is given of its clip, clean and at time 0, so that one model learns every mode of use.

A share of the samples is given its first frame (image to video), some frames (keyframes), all but a span of time
(retake, extend), the sound (audio to video) or the pictures (video to audio); the others are given nothing.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from aiprod_core.types import Compression

SHARES = {"first frame": 0.12, "frames": 0.05, "all but a span": 0.06, "sound": 0.05, "pictures": 0.04}


@dataclass(frozen=True)
class Given:
    """Masks, True where a sample has the clean latents: `video` `[b t]`, `audio` `[b l]`."""

    video: Tensor
    audio: Tensor


def draw_given(count: int, frames: int, frame_of_token: Tensor, generator: torch.Generator) -> Given:
    """Draw for `count` samples of `frames` latent frames. `frame_of_token` `[l]`: in whose time an audio token lies."""
    kinds = torch.rand(count, generator=generator).tolist()
    video = torch.zeros(count, frames, dtype=torch.bool)
    sound = torch.zeros(count, frames, dtype=torch.bool)
    for row, kind in enumerate(kinds):
        for name, share in SHARES.items():
            if 0 <= kind < share:
                video[row], sound[row] = _GIVEN[name](frames, generator)
            kind -= share
    return Given(video, sound[:, frame_of_token])


def frames_of_tokens(tokens: int, frames: int, by: Compression, *, frame_rate_hz: float, sample_rate_hz: int) -> Tensor:
    """`[l]`: the latent frame, of `frames`, that shows what an audio token sounds, by the middle of the token."""
    middles_s = (torch.arange(tokens) + 0.5) * by.hop / sample_rate_hz
    pixel_frames = (middles_s * frame_rate_hz).long()
    return (-(-pixel_frames // by.time)).clamp_max(frames - 1)  # the last token may reach beyond the pictures


def _first_frame(frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.arange(frames) < 1, torch.zeros(frames, dtype=torch.bool)


def _some_frames(frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.rand(frames, generator=generator) < 0.4, torch.zeros(frames, dtype=torch.bool)


def _all_but_a_span(frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    first, last = torch.randint(frames, (2,), generator=generator).sort().values
    outside = (torch.arange(frames) < first) | (torch.arange(frames) > last)
    return outside, outside


def _sound(frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.zeros(frames, dtype=torch.bool), torch.ones(frames, dtype=torch.bool)


def _pictures(frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.ones(frames, dtype=torch.bool), torch.zeros(frames, dtype=torch.bool)


_GIVEN = {
    "first frame": _first_frame,
    "frames": _some_frames,
    "all but a span": _all_but_a_span,
    "sound": _sound,
    "pictures": _pictures,
}
