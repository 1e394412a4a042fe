import math

import pytest

from aiprod_core.camera import REST, STEERED, TAGS, TILT_HEIGHT, ZOOM, CameraMove, prompt_with, said_in, standing_still
from aiprod_core.errors import InputError

OPPOSITES = [("pan-left", "pan-right"), ("tilt-up", "tilt-down")]
DURATION_S = 2.4


@pytest.mark.parametrize(("one", "other"), OPPOSITES)
def test_opposite_moves_mirror_each_other(one: str, other: str) -> None:
    for elapsed in (0.0, 0.3, 0.5, 1.0):
        view, mirrored = (CameraMove(name, 0.7).view_at(elapsed, DURATION_S) for name in (one, other))
        assert (view.x, view.y) == pytest.approx((-mirrored.x, -mirrored.y))


@pytest.mark.parametrize("name", STEERED)
def test_strength_scales_the_path_and_none_is_rest(name: str) -> None:
    for elapsed in (0.0, 0.2, 1.0):
        whole, half, none = (CameraMove(name, strength).view_at(elapsed, DURATION_S) for strength in (1.0, 0.5, 0.0))
        assert none == REST
        assert (half.x, half.y) == pytest.approx((whole.x / 2, whole.y / 2))
        assert math.log(half.zoom) == pytest.approx(math.log(whole.zoom) / 2)


def test_moves_go_where_their_names_say() -> None:
    def gone(name: str) -> tuple[float, float, float]:
        first, last = (CameraMove(name).view_at(elapsed, DURATION_S) for elapsed in (0.0, 1.0))
        return last.x - first.x, last.y - first.y, last.zoom / first.zoom

    assert gone("pan-right") == pytest.approx((0.288, 0, 1))
    assert gone("tilt-up") == pytest.approx((0, -TILT_HEIGHT, 1))
    assert gone("zoom-in") == pytest.approx((0, 0, ZOOM))
    assert gone("zoom-out") == pytest.approx((0, 0, 1 / ZOOM))
    assert gone("static") == (0, 0, 1)


def test_a_long_pan_does_not_leave_what_was_drawn() -> None:
    assert CameraMove("pan-left").view_at(1.0, 60.0).x == pytest.approx(-0.15)


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (CameraMove("spin"), "camera: got 'spin', expected one of static, pan-left"),
        (CameraMove("tracking"), "follows a subject not there yet"),
        (CameraMove("dolly-in"), "needs depth, which is unknown"),
        (CameraMove("pan-left", 1.2), "camera strength: got 1.2, expected 0 to 1"),
    ],
)
def test_what_cannot_be_steered_is_answered_with_what_can(move: CameraMove, said: str) -> None:
    with pytest.raises(InputError, match=said):
        move.validate()


def test_words_stand_where_captions_have_them() -> None:
    assert prompt_with("a cat by day.", TAGS["zoom-in"]) == "a cat by day, camera zooming in"
    assert prompt_with("a cat, slow zoom in", TAGS["zoom-in"]) == "a cat, slow zoom in"


def test_a_prompt_that_says_another_move_is_refused() -> None:
    with pytest.raises(InputError, match="got pan-left for a prompt that says 'pan to the right'"):
        prompt_with("Pan to the right over a beach", TAGS["pan-left"])


def test_a_prompt_can_be_told_to_stand_still() -> None:
    assert standing_still("a cat") == "a cat, static camera"
    assert standing_still("Slow zoom in on a cat") == "static camera on a cat"
    assert standing_still("a cat, locked-off shot") == "a cat, static camera"


@pytest.mark.parametrize("tag", TAGS.values(), ids=TAGS)
def test_no_phrase_is_taken_for_another_move(tag: object) -> None:
    phrases = {phrase: found for found in TAGS.values() for phrase in found.phrases}
    for phrase, owner in phrases.items():
        if owner == tag:
            said = said_in(f"a cat, {phrase}")
            assert said is not None
            assert said[0] == tag
