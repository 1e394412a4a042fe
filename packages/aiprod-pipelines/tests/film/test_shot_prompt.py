import pytest

from aiprod_core.camera import said_in
from aiprod_pipelines.film.shot_prompt import described, shot_prompt
from aiprod_pipelines.film.storyboard import Storyboard


def prompts(*shots: object, **film: object) -> list[str]:
    board = Storyboard.model_validate({**film, "shots": list(shots)})
    return [shot_prompt(board, shot) for shot in board.shots]


def test_fields_read_as_a_caption() -> None:
    fields = {
        "subject": "a red cat", "action": "walking", "direction": "to the right", "setting": "on a beach",
        "time": "by day", "weather": "under a clear sky",
    }  # fmt: skip
    assert prompts(fields) == ["a red cat walking to the right on a beach by day under a clear sky, static camera"]


def test_style_light_and_mood_are_in_every_prompt_behind_its_head() -> None:
    made = prompts(
        "a red cat", {"prompt": "a dog.", "camera": "pan-left", "mood": "sad"}, {"setting": "a forest"},
        style="flat illustration", light="golden",
    )  # fmt: skip
    assert made == [
        "a red cat, static camera, flat illustration, golden light",
        "a dog, camera panning left, flat illustration, golden light, sad mood",
        "a forest, static camera, flat illustration, golden light",
    ]


def test_a_marker_or_a_camera_that_is_there_is_not_said_twice() -> None:
    (made,) = prompts("a cat, tracking shot, in soft light", light="soft light")
    assert made == "a cat, tracking shot, in soft light"
    assert said_in(made) is not None


def test_names_become_what_stands_for_them() -> None:
    characters = {"Mia": "a red cat", "Mia Rose": "a white dog"}
    assert described("Mia sees Mia Rose. Mia's tail; Miami", characters) == (
        "a red cat sees a white dog. the red cat's tail; Miami"
    )


@pytest.mark.parametrize("name", ["A.B", "C+", "(x"])
def test_a_name_is_no_pattern(name: str) -> None:
    assert described(f"see {name} run", {name: "a dog"}) == "see a dog run"


def test_a_clip_needs_no_prompt() -> None:
    assert prompts({"clip": "a.mp4"}, style="noir") == [""]
