"""Tile by tile is the whole within 1e-3, with the weights of the family and of a tiny codec."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aiprod_core.family import load_model
from aiprod_core.models.hwvae import FULL, HWVAE, NANO
from aiprod_core.models.tiling import TILE, decode_tiled, decoder_border, encode_tiled, tiles


def _noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("height", "width"), [(40, 17), (8, 33)])
def test_pictures_and_latents_are_those_of_the_whole(video_codec: HWVAE, height: int, width: int) -> None:
    latents = _noise(1, 8, 3, height, width)
    whole = video_codec.decode(latents)
    torch.testing.assert_close(decode_tiled(video_codec, latents), whole, atol=1e-3, rtol=0)
    torch.testing.assert_close(
        encode_tiled(video_codec, whole.clamp(-1, 1)), video_codec.encode(whole.clamp(-1, 1)), atol=1e-3, rtol=0
    )


def test_what_is_within_one_tile_is_coded_at_once(video_codec: HWVAE) -> None:
    latents = _noise(1, 8, 2, TILE, TILE)
    assert torch.equal(decode_tiled(video_codec, latents), video_codec.decode(latents))


def test_without_its_border_a_tile_would_not_fit(video_codec: HWVAE) -> None:
    """The seam that the border takes away is really there."""
    latents = _noise(1, 8, 1, TILE, 2 * TILE)
    whole = video_codec.decode(latents)
    alone = video_codec.decode(latents[..., TILE:])
    assert (alone - whole[..., 8 * TILE :]).abs().max() > 1e-3


@pytest.mark.parametrize("side", [1, 15, 16, 17, 64])
@pytest.mark.parametrize("border", [0, 3, 40])
def test_tiles_cover_a_side_once(side: int, border: int) -> None:
    line, covered = torch.arange(side), torch.full((side,), -1)
    for tile in tiles(side, border):
        seen = line[tile.seen()]
        assert len(seen) <= TILE + 2 * border
        assert (covered[tile.place()] == -1).all()
        covered[tile.place()] = seen[tile.kept()]
    assert torch.equal(covered, line)


def test_the_reach_is_that_of_the_convolutions(video_codec: HWVAE) -> None:
    """A change outside the encoder's reach changes nothing, one inside does."""
    reach = video_codec.config.encoder_reach
    video = _noise(1, 3, 1, 8, 8 * (reach + 3)).clamp(-1, 1)
    latents = video_codec.encode(video)
    for at, changes in ((reach + 1, False), (reach, True)):
        other = video.clone()
        other[..., 8 * at : 8 * (at + 1)] += 1
        difference = (video_codec.encode(other) - latents)[..., 0].abs().max()
        assert (difference > 0) == changes


def test_borders_grow_with_the_networks() -> None:
    assert (NANO.encoder_reach, NANO.decoder_reach, decoder_border(NANO)) == (6, 10, 6)
    assert decoder_border(FULL) > decoder_border(NANO)
    assert replace(NANO, kernel=1).decoder_reach == 0


def test_the_weights_of_the_family_show_no_seam() -> None:
    """256×256 px, of latents with more contrast than any film's."""
    checkpoint = Path(__file__).parents[4] / "models" / "aiprod-sovereign" / "hwvae.safetensors"
    if not checkpoint.is_file():
        pytest.skip(f"{checkpoint} is not here")
    codec = load_model(HWVAE, checkpoint).requires_grad_(False)
    latents = _noise(1, 48, 3, 32, 32)
    whole = codec.decode(latents)
    assert (decode_tiled(codec, latents) - whole).abs().max() < 1e-4
    video = whole.clamp(-1, 1)
    torch.testing.assert_close(encode_tiled(codec, video), codec.encode(video), atol=1e-4, rtol=0)
