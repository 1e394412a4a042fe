"""Spans of time in latents: what is kept shows and sounds nothing of them."""

import pytest
import torch

from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.pinning import kept_frames, kept_tokens, pin_sound, shown_by
from aiprod_core.types import Compression

BY = Compression(time=4, space=8, hop=960)


@pytest.mark.parametrize(
    ("span", "kept"),
    [
        ((0.0, 2.5), [0, 0, 0, 0, 0, 0, 0]),
        ((0.5, 0.9), [1, 1, 0, 1, 1, 1, 1]),  # frames 5 to 8 are the third latent frame
        ((0.49, 0.9), [1, 0, 0, 1, 1, 1, 1]),
        ((0.5, 0.91), [1, 1, 0, 0, 1, 1, 1]),
        ((0.0, 0.1), [0, 1, 1, 1, 1, 1, 1]),
        ((2.4, 2.5), [1, 1, 1, 1, 1, 1, 0]),
    ],
)
def test_a_latent_frame_is_kept_if_it_shows_nothing_of_the_span(span: tuple[float, float], kept: list[int]) -> None:
    assert kept_frames(25, span, 10.0, BY).int().tolist() == kept


def test_a_token_is_kept_if_it_sounds_nothing_of_the_span() -> None:
    assert kept_tokens(8, (0.08, 0.2), 24_000, BY).int().tolist() == [1, 1, 0, 0, 0, 1, 1, 1]
    assert kept_tokens(8, (0.07, 0.21), 24_000, BY).int().tolist() == [1, 0, 0, 0, 0, 0, 1, 1]


def test_a_mark_of_a_latent_frame_is_that_of_all_frames_it_spans() -> None:
    assert shown_by(torch.tensor([1, 0, 1]), 9, BY).tolist() == [1, 0, 0, 0, 0, 1, 1, 1, 1]


def test_sound_is_padded_with_silence_and_needs_a_model_of_sound(models: SovereignModels) -> None:
    short = torch.randn(1, 1000, generator=torch.Generator().manual_seed(0)) * 0.1
    pins = pin_sound(models, short, torch.ones(4))
    padded = torch.cat([short, torch.zeros(1, 4 * 960 - 1000)], dim=1)
    assert torch.equal(pins.latents, pin_sound(models, padded, torch.ones(4)).latents)
    models.audio = None
    with pytest.raises(InputError, match="without sound"):
        pin_sound(models, short, torch.ones(4))
