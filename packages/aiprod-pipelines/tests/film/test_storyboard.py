from fractions import Fraction

import pytest
from pydantic import ValidationError

from aiprod_pipelines.film.storyboard import Storyboard


def board(*shots: object, **film: object) -> Storyboard:
    return Storyboard.model_validate({**film, "shots": list(shots)}, by_alias=True, by_name=False)


def test_only_shots_are_needed_and_a_bare_sentence_is_one() -> None:
    read = board("a red cat", {"prompt": "a dog"})
    assert [(shot.id, shot.prompt) for shot in read.shots] == [("shot1", "a red cat"), ("shot2", "a dog")]
    assert (read.size_px, read.rate, read.quality, read.channels) == ((512, 512), Fraction(30), "standard", "stereo")


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        (25, Fraction(25)),
        (23.976, Fraction(24000, 1001)),
        ("30000/1001", Fraction(30000, 1001)),
        (12.5, Fraction(25, 2)),
    ],
)
def test_frame_rates_are_exact(written: object, exact: Fraction) -> None:
    assert board("a cat", frame_rate=written).rate == exact


def test_a_shot_without_a_seed_has_one_of_its_own() -> None:
    read = board("a", {"prompt": "b", "seed": 99}, "c", seed=7)
    seeds = [read.seed_of(index) for index in range(3)]
    assert seeds[1] == 99
    assert len(set(seeds)) == 3


def test_short_forms_mean_the_same_as_objects() -> None:
    short = board(
        {
            "prompt": "a",
            "transition": "dissolve",
            "title": "Hi",
            "dialogue": "Hello",
            "effects": "thunder",
            "sound": "mute",
        },
        look="noir",
        music="calm",
        ambience="rain",
        subtitles="none",
    )
    long = board(
        {
            "prompt": "a",
            "transition": {"kind": "dissolve"},
            "title": {"text": "Hi"},
            "dialogue": [{"line": "Hello"}],
            "effects": [{"name": "thunder"}],
            "sound": {"use": "mute"},
        },
        look={"name": "noir"},
        music={"mood": "calm"},
        ambience=["rain"],
        subtitles=[],
    )
    assert short == long


def test_none_is_nothing() -> None:
    read = board("a", music="none", ambience="none", hdr="none")
    assert (read.music, read.ambience, read.hdr) == (None, (), "none")


def test_only_moves_that_a_clip_can_be_given_steer_it() -> None:
    read = board(
        *({"prompt": "a cat", "camera": camera} for camera in ("static", "pan-left:0.5", "tracking", "zoom-in:0")), "b"
    )
    moves = [shot.move for shot in read.shots]
    assert [move and (move.name, move.strength) for move in moves] == [None, ("pan-left", 0.5), None, None, None]


@pytest.mark.parametrize(
    ("shot", "named"),
    [
        ({}, "nothing to show"),
        ({"id": "x"}, "nothing to show"),
        ({"prompt": "a", "clip": "a.mp4"}, "a clip and words"),
        ({"prompt": "a", "subject": "a cat"}, "subject beside a prompt"),
        ({"prompt": "a", "start": 1.0}, "no clip"),
        ({"clip": "a.mp4", "start": 3.0, "end": 2.0}, "after start, 3 s"),
        ({"prompt": "a cat, camera panning left", "camera": "zoom-in"}, "'camera panning left'"),
        ({"prompt": "a", "camera": "pan-left", "continue_from": "shot1"}, "goes on from another"),
        ({"prompt": "a", "camera": "pan-left:2"}, "0 to 1"),
        ({"prompt": "a", "camera": "dolly-in:0.5"}, "strength"),
        ({"prompt": "a", "id": "two words"}, "match"),
        ({"prompt": "a", "effects": [{"at": 1.0}]}, "neither name nor file"),
    ],
)
def test_a_shot_that_contradicts_itself_says_so(shot: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        board("first", shot)


@pytest.mark.parametrize("size", ["512", "512x", "8x8", "512x99999", "-4x4", "5²x512"])
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(ValidationError, match="WIDTHxHEIGHT"):
        board("a", size=size)


@pytest.mark.parametrize("rate", [0, 1000, "1/0", "1e999999999", "abc", True])
def test_rates_that_are_none(rate: object) -> None:
    with pytest.raises(ValidationError):
        board("a", frame_rate=rate)


def test_circles_of_any_length_are_found() -> None:
    for length in (2, 3, 7):
        shots = [{"id": f"s{n}", "prompt": "a", "continue_from": f"s{(n + 1) % length}"} for n in range(length)]
        with pytest.raises(ValidationError, match="circle"):
            board(*shots)
    chain = [{"id": f"s{n}", "prompt": "a", **({"continue_from": f"s{n - 1}"} if n else {})} for n in range(50)]
    assert len(board(*chain).shots) == 50
