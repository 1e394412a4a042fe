import pytest

from aiprod_server.orchestration.wording import TABLES, named_in
from aiprod_trainer.worlds.captions import caption
from aiprod_trainer.worlds.scene import sample_scene

CLASSES = {
    attribute: tuple(name for name, word in words.items() if word.level == 1) for attribute, words in TABLES.items()
}


@pytest.mark.parametrize("index", range(30))
def test_captions_name_their_whole_scene(index: int) -> None:
    scene = sample_scene(index, level=1)
    assert named_in(caption(scene), CLASSES) == scene.attributes


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("A red cat walks on the beach", {"subject": "cat", "colour": "red", "action": "walk", "setting": "beach"}),
        ("a puppy at sunset", {"subject": "dog", "time": "dusk"}),
        ("a ball on a green field", {"subject": "ball", "setting": "meadow"}),
        ("a snow-white bird", {"subject": "bird", "colour": "white"}),
        ("a red cat and a blue cat", {"subject": "cat"}),
        ("a red cat and a red dog", {"colour": "red"}),
        ("a cat runs, then jumps", {"subject": "cat"}),
        ("a robot rolling along the road", {"subject": "robot", "action": "drive"}),
        ("a dragon flies over a castle", {"action": "fly"}),
        ("a fish on a lake", {}),
        ("concatenated category", {}),
    ],
)
def test_what_is_named_and_what_is_left_out(prompt: str, named: dict[str, str]) -> None:
    assert named_in(prompt, CLASSES) == named
