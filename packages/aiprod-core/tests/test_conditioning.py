"""Pins: a clock per latent frame, and a start as noisy as their strength says."""

import pytest
import torch

from aiprod_core.components.noisers import seeded_noise
from aiprod_core.conditioning import Pins, latent_frame_of, no_pins
from aiprod_core.types import Compression

SHAPE = (1, 4, 3, 2, 2)


def test_no_pins_is_noise_on_one_clock() -> None:
    noise = seeded_noise(0, SHAPE)[0]
    pins = no_pins(torch.zeros(SHAPE))
    assert torch.equal(pins.start(noise), noise)
    assert pins.clock(torch.tensor(0.7)).tolist() == [pytest.approx([0.7, 0.7, 0.7])]


def test_strength_says_how_noisy_a_frame_starts_and_how_its_clock_runs() -> None:
    picture, noise = seeded_noise(1, SHAPE, SHAPE)
    pins = Pins(picture, torch.tensor([1.0, 0.0, 0.25]))
    start = pins.start(noise)
    assert torch.equal(start[:, :, 0], picture[:, :, 0])
    assert torch.equal(start[:, :, 1], noise[:, :, 1])
    torch.testing.assert_close(start[:, :, 2], 0.25 * picture[:, :, 2] + 0.75 * noise[:, :, 2])
    assert pins.clock(torch.tensor(0.8)).tolist() == [pytest.approx([0.0, 0.8, 0.6])]


def test_latents_of_no_strength_are_never_read() -> None:
    noise = seeded_noise(2, SHAPE)[0]
    pins = Pins(torch.full(SHAPE, float("nan")), torch.zeros(3))
    assert torch.equal(pins.start(noise), noise)


@pytest.mark.parametrize(("frame", "latent_frame"), [(0, 0), (1, 1), (4, 1), (5, 2), (8, 2), (24, 6)])
def test_a_pixel_frame_lies_in_one_latent_frame(frame: int, latent_frame: int) -> None:
    assert latent_frame_of(frame, Compression(time=4, space=8, hop=960)) == latent_frame
