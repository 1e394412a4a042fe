"""HW-VAE tile by tile: as the whole within 1e-3, in memory that does not grow with the picture.

Each tile is coded with a border of its neighbours, and the border is thrown away. The encoder is given all that a
latent depends on, so that nothing differs; the decoder, of the many latents that a pixel depends on, the nearer three
fifths, since with the weights of the family the others move no pixel by 1e-4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # where tiles lie is arithmetic, which nothing need be loaded for
    from torch import Tensor

    from aiprod_core.models.hwvae import HWVAE, HWVAEConfig

TILE = 16  # latents a side
LEAST_BORDER = 4


@dataclass(frozen=True)
class Tile:
    """A stretch of one side, in latents: `start` to `end` is kept of what is coded from `seen_from` to `seen_to`."""

    start: int
    end: int
    seen_from: int
    seen_to: int

    def seen(self, unit: int = 1) -> slice:
        return slice(unit * self.seen_from, unit * self.seen_to)

    def place(self, unit: int = 1) -> slice:
        """Where what is kept stands in the whole."""
        return slice(unit * self.start, unit * self.end)

    def kept(self, unit: int = 1) -> slice:
        """Where what is kept stands in what was coded."""
        return slice(unit * (self.start - self.seen_from), unit * (self.end - self.seen_from))


def tiles(side: int, border: int) -> list[Tile]:
    """A side of so many latents as tiles that each see so many more on both sides."""
    starts = range(0, side, TILE)
    ends = [min(start + TILE, side) for start in starts]
    return [Tile(a, b, max(a - border, 0), min(b + border, side)) for a, b in zip(starts, ends, strict=True)]


def decoder_border(config: "HWVAEConfig") -> int:
    """Latents around a tile that the decoder is given."""
    return min(config.decoder_reach, max(LEAST_BORDER, -(-3 * config.decoder_reach // 5)))


def decode_tiled(codec: "HWVAE", latents: "Tensor") -> "Tensor":
    """As `HWVAE.decode_chunked`."""
    side, time = codec.config.space, codec.config.time
    batch, _, count, height, width = latents.shape
    video = latents.new_empty(batch, 3, 1 + time * (count - 1), side * height, side * width)
    for down, across in _grid(height, width, decoder_border(codec.config)):
        tile = codec.decode_chunked(latents[..., down.seen(), across.seen()])
        video[..., down.place(side), across.place(side)] = tile[..., down.kept(side), across.kept(side)]
    return video


def encode_tiled(codec: "HWVAE", video: "Tensor") -> "Tensor":
    """As `HWVAE.encode`."""
    side, time = codec.config.space, codec.config.time
    batch, _, frames, height, width = video.shape
    shape = (batch, codec.config.latent_channels, 1 + (frames - 1) // time, height // side, width // side)
    latents = video.new_empty(shape)
    for down, across in _grid(*shape[-2:], codec.config.encoder_reach):
        tile = codec.encode(video[..., down.seen(side), across.seen(side)])
        latents[..., down.place(), across.place()] = tile[..., down.kept(), across.kept()]
    return latents


def _grid(height: int, width: int, border: int) -> Iterator[tuple[Tile, Tile]]:
    return product(tiles(height, border), tiles(width, border))
