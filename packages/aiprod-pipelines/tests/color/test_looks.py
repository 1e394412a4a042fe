import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.color import looks
from aiprod_pipelines.color.grade import Grade
from aiprod_pipelines.color.grader import Grader
from aiprod_pipelines.color.looks import LOOKS


def test_there_are_twenty_and_no_two_are_alike() -> None:
    assert len(LOOKS) == 20
    frame = np.random.default_rng(5).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    shown = {name: Grader(Grade(look=name), cube=17)(frame).astype(int) for name in LOOKS} | {"as it is": frame}
    names = list(shown)
    for place, a in enumerate(names):
        for b in names[:place]:
            assert np.abs(shown[a] - shown[b]).mean() > 2, (a, b)


@pytest.mark.parametrize("name", list(LOOKS))
def test_a_look_keeps_the_order_of_greys(name: str) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint16)[None, :, None] * 257, 3, axis=2)
    luma = Grader(Grade(look=name), cube=33)(ramp).astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luma[0]) > -1).all()
    assert luma[0, -1] - luma[0, 0] > 20_000  # and leaves a picture


@pytest.mark.parametrize("name", [name for name, look in LOOKS.items() if not look.keeps_grey])
def test_a_look_that_does_not_claim_to_keep_grey_tints_it(name: str) -> None:
    grey = np.full((1, 1, 3), 120, np.uint8)
    shown = Grader(Grade(look=name))(grey).astype(int)
    assert np.ptp(shown) > 2


def test_a_look_is_a_whole_small_grade() -> None:
    for look in LOOKS.values():
        assert look.description
        assert look.grade.look is None
        assert look.grade.files == ()


def test_an_unknown_look_is_told_its_neighbours() -> None:
    with pytest.raises(InputError, match="got 'golden', expected one of golden_hour"):
        looks.find("golden")
    with pytest.raises(InputError, match="vivid"):
        looks.find("???")
