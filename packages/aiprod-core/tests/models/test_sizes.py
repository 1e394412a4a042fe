"""Every model can be counted without memory, and lands where it should."""

import pytest
import torch

from aiprod_core.models.sizes import ModelSize, model_sizes

BOUNDS_M = {
    ("SHDT", "nano"): (8, 30),
    ("SHDT", "small"): (25, 35),
    ("SHDT", "full"): (18_000, 20_000),
    ("HW-VAE", "nano"): (2, 4),
    ("HW-VAE", "full"): (135, 165),
    ("NAC", "nano"): (1, 5),
    ("NAC", "full"): (45, 55),
    ("upsampler", "nano"): (1, 2),
    ("upsampler", "full"): (5, 100),
    ("text encoder", "nano"): (1, 8),
    ("judge", "nano"): (0.5, 3),
}


@pytest.fixture(scope="module", name="sizes")
def _sizes() -> dict[tuple[str, str], ModelSize]:
    counted = {(size.name, size.size): size for size in model_sizes()}
    assert torch.zeros(1).device.type == "cpu"  # the meta device is left again
    return counted


def test_every_model_is_within_its_bounds(sizes: dict[tuple[str, str], ModelSize]) -> None:
    assert sizes.keys() == BOUNDS_M.keys()
    for key, (low, high) in BOUNDS_M.items():
        assert low <= sizes[key].parameters / 1e6 <= high, key
        assert sizes[key].target


def test_together_the_nano_weights_fit_sixty_megabytes_in_bf16(sizes: dict[tuple[str, str], ModelSize]) -> None:
    assert sum(2 * size.parameters for size in sizes.values() if size.size == "nano") < 60e6
