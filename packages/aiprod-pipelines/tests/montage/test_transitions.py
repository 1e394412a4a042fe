import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.color.transfer import from_light, to_light
from aiprod_pipelines.montage.transitions import Direction, Kind, Transition, dip, dissolve, push, slide, solid, wipe
from aiprod_pipelines.picture import Encoding, Frame

SDR = Encoding.REC709
RNG = np.random.default_rng(3)
A, B = RNG.integers(0, 256, (2, 12, 20, 3), np.uint8)


def pair(encoding: Encoding) -> tuple[Frame, Frame]:
    """Two frames of an encoding: 8-bit for SDR, 16-bit for HDR."""
    if not encoding.is_hdr:
        return A, B
    return A.astype(np.uint16) * 257, B.astype(np.uint16) * 257


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("progress", [0.125, 0.5, 0.9])
def test_a_dissolve_is_the_mean_of_light(encoding: Encoding, progress: float) -> None:
    a, b = pair(encoding)
    light = np.float32(1 - progress) * to_light(a, encoding) + np.float32(progress) * to_light(b, encoding)
    wanted = from_light(light, encoding, np.uint16 if encoding.is_hdr else np.uint8)
    np.testing.assert_array_equal(dissolve(a, b, progress, encoding), wanted)


def test_grey_half_way_is_that_of_light_and_not_of_codes() -> None:
    black, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    assert int(dissolve(black, white, 0.5, SDR)[0, 0, 0]) == round(255 * 0.5 ** (1 / 2.4))


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("softness", [0.0, 0.3])
def test_every_transition_begins_with_one_picture_and_ends_with_the_other(
    kind: Kind, direction: Direction, softness: float
) -> None:
    transition = Transition(kind=kind, direction=direction, softness=softness)
    np.testing.assert_array_equal(transition.mix(A, B, 0.0, SDR), A)
    np.testing.assert_array_equal(transition.mix(A, B, 1.0, SDR), B)
    kept = A.copy()
    half = transition.mix(A, B, 0.5, SDR)
    assert half.dtype == np.uint8
    assert half.shape == A.shape
    np.testing.assert_array_equal(A, kept)


def test_a_hard_wipe_uncovers_in_its_direction() -> None:
    right = wipe(A, B, 0.25, SDR, Direction.RIGHT)
    np.testing.assert_array_equal(right[:, :5], B[:, :5])
    np.testing.assert_array_equal(right[:, 5:], A[:, 5:])
    up = wipe(A, B, 0.25, SDR, Direction.UP)
    np.testing.assert_array_equal(up[9:], B[9:])
    np.testing.assert_array_equal(up[:9], A[:9])


def test_a_soft_wipe_mixes_only_in_its_band() -> None:
    made = wipe(A, B, 0.5, SDR, Direction.RIGHT, 0.4)
    np.testing.assert_array_equal(made[:, :6], B[:, :6])
    np.testing.assert_array_equal(made[:, 14:], A[:, 14:])
    assert not np.array_equal(made[:, 8:12], B[:, 8:12])
    assert not np.array_equal(made[:, 8:12], A[:, 8:12])


def test_push_and_slide_move_whole_pixels() -> None:
    np.testing.assert_array_equal(push(A, B, 0.25, Direction.LEFT), np.concatenate([A[:, 5:], B[:, :5]], axis=1))
    np.testing.assert_array_equal(push(A, B, 0.25, Direction.DOWN), np.concatenate([B[9:], A[:9]], axis=0))
    np.testing.assert_array_equal(slide(A, B, 0.25, Direction.RIGHT), np.concatenate([B[:, 15:], A[:, 5:]], axis=1))
    np.testing.assert_array_equal(slide(A, B, 0.25, Direction.UP), np.concatenate([A[:9], B[:3]], axis=0))


def test_a_dip_is_its_colour_half_way() -> None:
    np.testing.assert_array_equal(dip(A, B, 0.5, SDR, (200, 100, 50)), solid((200, 100, 50), A, SDR))


def test_a_fade_comes_from_its_colour_and_goes_to_it() -> None:
    fade = Transition(kind=Kind.FADE, colour=(255, 255, 255))
    white = solid((255, 255, 255), A, SDR)
    np.testing.assert_array_equal(fade.mix(None, B, 0.3, SDR), dissolve(white, B, 0.3, SDR))
    np.testing.assert_array_equal(fade.mix(A, None, 0.3, SDR), dissolve(A, white, 0.3, SDR))
    with pytest.raises(InputError, match="on either side"):
        fade.mix(None, None, 0.3, SDR)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="softness"):
        Transition(softness=1.5)
    with pytest.raises(InputError, match="colour"):
        Transition(colour=(0, 0, 300))
