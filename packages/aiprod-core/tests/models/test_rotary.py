"""Rotation keeps lengths and knows only distances; pictures and sound share one clock."""

import pytest
import torch

from aiprod_core.models.rotary import RotaryPositions, Turn, inverse_wavelengths, rotary_angles

AT = RotaryPositions(head_width=32, frames_per_latent=4, audio_rate_hz=25.0)


def _vectors(count: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_rotation_keeps_lengths_and_position_zero_stays() -> None:
    x = _vectors(9, 32)
    turned = Turn.of(rotary_angles(torch.arange(9), 16))(x)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turned[0], x[0])
    assert not torch.allclose(turned[1], x[1])


def test_products_depend_on_the_distance_alone() -> None:
    q, k = _vectors(1, 32, seed=1), _vectors(1, 32, seed=2)

    def product(here: float, there: float) -> torch.Tensor:
        angles = rotary_angles(torch.tensor([here, there], dtype=torch.float64), 16).double()
        return (Turn.of(angles[:1])(q) * Turn.of(angles[1:])(k)).sum()

    torch.testing.assert_close(product(3, 1), product(40, 38), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(product(1, 1), (q * k).sum(), atol=1e-5, rtol=1e-5)
    assert (product(3, 1) - product(1, 3)).abs() > 1e-3


def test_wavelengths_fall_evenly_in_the_logarithm() -> None:
    wavelengths = inverse_wavelengths(8, 1000.0)
    assert wavelengths[0] == 1
    ratios = wavelengths[1:] / wavelengths[:-1]
    torch.testing.assert_close(ratios, ratios[:1].expand(7))
    assert wavelengths[-1] == pytest.approx(1000 ** (-7 / 8))


@pytest.mark.parametrize(("head_width", "of_time"), [(16, 4), (32, 6), (48, 8), (128, 22)])
def test_time_rows_and_columns_share_a_head(head_width: int, of_time: int) -> None:
    at = RotaryPositions(head_width=head_width, frames_per_latent=4, audio_rate_hz=25.0)
    video, audio = at.video(3, 2, 5, 10.0), at.audio(7)
    assert video.shape == (3, 2, 5, head_width // 2)
    assert audio.shape == (7, head_width // 2)
    of_side = (head_width // 2 - of_time) // 2
    assert torch.equal(video[..., :of_time], video[:, :1, :1, :of_time].expand(3, 2, 5, of_time))
    assert torch.equal(video[0, :, 0, of_time : of_time + of_side], video[2, :, 4, of_time : of_time + of_side])
    assert torch.equal(video[0, 0, :, of_time + of_side :], video[2, 1, :, of_time + of_side :])
    assert audio[:, of_time:].count_nonzero() == 0  # a sound has no place in the picture


@pytest.mark.parametrize("frame_rate_hz", [10.0, 12.5, 25.0])
def test_sound_and_picture_of_the_same_second_share_their_angles(frame_rate_hz: float) -> None:
    """Latent frame i > 0 spans pixel frames 4i-3 … 4i; its middle is 4i - 1 frames after the start."""
    video, audio = AT.video(6, 1, 1, frame_rate_hz)[:, 0, 0], AT.audio(60)
    for i in range(1, 6):
        token = (4 * i - 1) / frame_rate_hz * 25 - 0.5  # the audio token whose middle is then
        before, share = int(token), token % 1
        at = torch.lerp(audio[before, :6], audio[before + 1, :6], share)  # angles are linear in time
        torch.testing.assert_close(video[i, :6], at)


def test_a_faster_clip_is_shorter_in_time() -> None:
    torch.testing.assert_close(AT.video(4, 1, 1, 20.0)[..., :6] * 2, AT.video(4, 1, 1, 10.0)[..., :6])
