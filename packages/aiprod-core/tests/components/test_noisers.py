"""Noise is a function of seed and shape; the flow path and its velocity agree."""

import torch

from aiprod_core.components.noisers import add_noise, seeded_noise, velocity


def test_a_seed_is_the_same_noise_every_time() -> None:
    torch.manual_seed(1)
    first = seeded_noise(7, (2, 3), (4,))
    torch.manual_seed(2)
    torch.randn(100)
    again = seeded_noise(7, (2, 3), (4,))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], seeded_noise(8, (2, 3))[0])


def test_an_earlier_shape_does_not_depend_on_later_ones() -> None:
    alone = seeded_noise(7, (2, 3, 5))[0]
    assert torch.equal(alone, seeded_noise(7, (2, 3, 5), (9,))[0])
    assert torch.equal(alone, seeded_noise(7, (2, 3, 5), (1000,), (1,))[0])


def test_drawing_leaves_the_global_state_alone() -> None:
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    seeded_noise(11, (64, 64))
    assert torch.equal(torch.randn(4), expected)


def test_the_path_goes_from_data_to_noise_along_the_velocity() -> None:
    clean, noise = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(add_noise(clean, noise, torch.tensor(0.0)), clean)
    assert torch.equal(add_noise(clean, noise, torch.tensor(1.0)), noise)
    t = torch.rand(3, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    noisy, v = add_noise(clean, noise, t), velocity(clean, noise)
    torch.testing.assert_close(noisy - t * v, clean)
    torch.testing.assert_close(noisy + (1 - t) * v, noise)
