"""Pictures of clips in progress: where a run is heading, shown by the codec's linear path for next to nothing.

At time t of a run, what the clip will be is foretold along a straight line, from the last two steps on to time 0; since
a flow is trained to be straight, that shows the whole scene within a few steps. Knows no files.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from aiprod_core.models.hwvae import HWVAE
from aiprod_core.sampler import Progress

OnPreview: TypeAlias = Callable[[float, NDArray[np.uint8]], None]
MOST_SIDE_PX = 256


@dataclass(frozen=True)
class Previews:
    """Who is shown a run, and how often: `tell(share, pictures)` after every `every` steps.

    `share` in (0, 1] of the steps that are done; `pictures` `[b h w 3]`, one from the middle of each clip, whose sides
    are halved, or divided by more, until none is longer than `MOST_SIDE_PX`.
    """

    tell: OnPreview
    every: int = 4

    def between(self, start: float, end: float) -> "Previews":
        """The previews of one stage of several: its shares lie from `start` to `end`."""
        return Previews(lambda share, pictures: self.tell(start + share * (end - start), pictures), self.every)


@dataclass
class Preview:
    """Shows one run as it goes on. `times` `[steps + 1]`: those of its schedule; `latents`: what it starts from."""

    previews: Previews
    codec: HWVAE
    times: Tensor
    latents: Tensor = field(repr=False)  # [b c t h w]

    def show(self, progress: Progress) -> None:
        """Told every finished step, one after the other."""
        assert progress.latents.video is not None
        before, self.latents = self.latents, progress.latents.video
        if progress.steps % self.previews.every == 0:
            was, now = (float(self.times[step]) for step in (progress.steps - 1, progress.steps))
            clean = self.latents + (self.latents - before) * (now / (was - now))
            self.previews.tell(progress.steps / (len(self.times) - 1), sketch(self.codec, clean))


def sketch(codec: HWVAE, latents: Tensor) -> NDArray[np.uint8]:
    """Normalised latents `[b c t h w]` → a picture `[b h w 3]` from the middle of each clip, rough and fast."""
    middle = latents.shape[2] // 2
    picture = codec.decode_linearly(latents[:, :, middle : middle + 1].float())[:, :, -1]
    smaller = -(-max(picture.shape[-2:]) // MOST_SIDE_PX)
    pixels = F.avg_pool2d(picture, smaller).clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    found: NDArray[np.uint8] = rearrange(pixels, "b c h w -> b h w c").cpu().numpy()
    return found
