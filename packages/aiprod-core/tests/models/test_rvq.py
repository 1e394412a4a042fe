"""Codes name the nearest entries, fewer are the coarser first ones, and what fits no codebook is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.errors import InputError, WeightsError
from aiprod_core.models.nac import NANO
from aiprod_core.models.rvq import ResidualQuantizer, RVQConfig

CONFIG = RVQConfig(channels=6, codebooks=4, entries=20, latent_rate_hz=25.0, codec="0123456789ab")
LINEAGE = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)


@pytest.fixture(name="quantiser")
def _quantiser() -> ResidualQuantizer:
    """Entries drawn at random, of each codebook half as far apart as of the one before."""
    quantiser = ResidualQuantizer(CONFIG)
    drawn = torch.randn(quantiser.codebooks.shape, generator=torch.Generator().manual_seed(0))
    quantiser.codebooks.copy_(drawn * 0.5 ** torch.arange(4)[:, None, None])
    return quantiser


def _latents() -> torch.Tensor:
    return torch.randn(3, 6, 50, generator=torch.Generator().manual_seed(1))


def test_every_code_names_the_entry_nearest_to_what_is_missing(quantiser: ResidualQuantizer) -> None:
    latents = _latents()
    codes = quantiser.encode(latents)
    assert (codes.shape, codes.dtype) == ((3, 4, 50), torch.int64)
    missing = latents.permute(0, 2, 1)
    for number, book in enumerate(quantiser.codebooks):
        distances = (missing[:, :, None] - book).norm(dim=-1)  # b l e
        named = distances.gather(2, codes[:, number, :, None])[..., 0]
        torch.testing.assert_close(named, distances.amin(-1), atol=1e-5, rtol=0)
        missing = missing - book[codes[:, number]]
    torch.testing.assert_close(quantiser.decode(codes), latents - missing.permute(0, 2, 1))


def test_fewer_codebooks_are_the_first_codes_of_all(quantiser: ResidualQuantizer) -> None:
    latents = _latents()
    codes = quantiser.encode(latents)
    for count in range(1, 5):
        assert torch.equal(quantiser.encode(latents, count), codes[:, :count])
    finest = quantiser.decode(codes) - quantiser.decode(codes[:, :3])
    torch.testing.assert_close(finest, quantiser.codebooks[3][codes[:, 3]].permute(0, 2, 1), atol=1e-5, rtol=0)


def test_an_entry_is_its_own_code(quantiser: ResidualQuantizer) -> None:
    codes = torch.arange(20).expand(2, 1, 20)
    assert torch.equal(quantiser.encode(quantiser.decode(codes), 1), codes)


@pytest.mark.parametrize(("entries", "bits"), [(2, 1), (20, 5), (256, 8), (257, 9), (1024, 10)])
def test_the_bit_rate_is_that_of_the_codes(entries: int, bits: int) -> None:
    config = replace(CONFIG, entries=entries, codebooks=3)
    assert (config.code_bits, config.bits_per_s) == (bits, 3 * bits * 25)


def test_a_checkpoint_has_the_same_codes(tmp_path: Path, quantiser: ResidualQuantizer) -> None:
    path = tmp_path / "books.safetensors"
    save_checkpoint(path, "books", CONFIG, quantiser.state_dict(), LINEAGE)
    again = ResidualQuantizer.load(path)
    assert again.config == CONFIG
    assert torch.equal(again.encode(_latents()), quantiser.encode(_latents()))


def test_another_model_and_another_shape_are_no_codebooks(tmp_path: Path, quantiser: ResidualQuantizer) -> None:
    path = tmp_path / "nac.safetensors"
    save_checkpoint(path, "nac", NANO, quantiser.state_dict(), LINEAGE)
    with pytest.raises(WeightsError, match=r"does not describe codebooks.*'aiprod train codebooks'"):
        ResidualQuantizer.load(path)
    save_checkpoint(path, "books", replace(CONFIG, entries=21), quantiser.state_dict(), LINEAGE)
    with pytest.raises(WeightsError, match="does not fit ResidualQuantizer"):
        ResidualQuantizer.load(path)


@pytest.mark.parametrize("count", [0, -1, 5])
def test_codebooks_that_there_are_not_are_refused(quantiser: ResidualQuantizer, count: int) -> None:
    with pytest.raises(InputError, match=rf"codebooks: got {count}, expected 1 to 4"):
        quantiser.encode(_latents(), count)


def test_latents_and_codes_of_something_else_are_refused(quantiser: ResidualQuantizer) -> None:
    for shape in ((1, 5, 10), (6, 10)):
        with pytest.raises(InputError, match=r"expected \[b 6 l\]"):
            quantiser.encode(torch.zeros(shape))
    with pytest.raises(InputError, match="codebooks: got 5"):
        quantiser.decode(torch.zeros(1, 5, 3, dtype=torch.int64))
    for code in (-1, 20):
        with pytest.raises(InputError, match="expected 0 to 19"):
            quantiser.decode(torch.full((1, 1, 3), code))
