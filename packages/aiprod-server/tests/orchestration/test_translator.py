from typing import Any

import pytest

from aiprod_server.orchestration.config import default_path, load
from aiprod_server.orchestration.sanitizer import FieldError
from aiprod_server.orchestration.translator import check_clip, clip_words

CONFIG = load(default_path())
RULES = CONFIG.visual_translator
CLIP: dict[str, Any] = {"tier": "eco", "width": 128, "height": 128, "num_frames": 25, "num_inference_steps": 4}


def test_a_clip_is_told_as_it_is_written() -> None:
    assert clip_words("a red cat", RULES) == "a red cat"


def test_the_operators_camera_goes_where_none_is_said() -> None:
    rules = RULES.model_copy(update={"clip_camera": "pan-left"})
    assert clip_words("a red cat.", rules) == "a red cat, camera panning left"
    assert clip_words("a red cat, slow zoom in", rules) == "a red cat, slow zoom in"


@pytest.mark.parametrize(
    ("field", "value", "most"),
    [("width", 640, 512), ("height", 520, 512), ("num_frames", 261, 257), ("num_inference_steps", 9, 8)],
)
def test_limits_are_the_operators(field: str, value: int, most: int) -> None:
    check_clip(CLIP | {field: most}, CONFIG)
    with pytest.raises(FieldError, match=f"{field}: got {value}, expected at most {most} in the tier eco"):
        check_clip(CLIP | {field: value}, CONFIG)
