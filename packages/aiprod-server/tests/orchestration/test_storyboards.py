import copy
from typing import Any

import pytest

from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_server.orchestration.config import default_path, load
from aiprod_server.orchestration.sanitizer import FieldError
from aiprod_server.orchestration.storyboards import check_extent, strangers_storyboard

CONFIG = load(default_path())
BOARD: dict[str, Any] = {
    "title": "The cat",
    "shots": [
        {"prompt": "a red cat walking on a beach", "duration": 2},
        {"prompt": "a red cat jumping", "duration": 2},
    ],
}


def board(**fields: Any) -> dict[str, Any]:
    return copy.deepcopy(BOARD) | fields


def test_as_the_film_command_reads_it() -> None:
    read = strangers_storyboard(BOARD, "standard", CONFIG)
    assert read == Storyboard.model_validate(BOARD, by_alias=True, by_name=False)
    assert (len(read.shots), read.quality, read.model) == (2, "standard", "aiprod-sovereign")


def test_the_tier_says_the_quality_where_the_storyboard_does_not() -> None:
    assert strangers_storyboard(BOARD, "eco", CONFIG).quality == "draft"
    assert strangers_storyboard(board(quality="fine"), "premium", CONFIG).quality == "fine"
    with pytest.raises(FieldError, match=r"storyboard\.quality: got fine, expected draft in the tier eco"):
        strangers_storyboard(board(quality="fine"), "eco", CONFIG)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"shots": [{"clip": "/etc/hostname"}]}, "storyboard.shots.0.clip"),
        ({"shots": [{"clip": "/no/such/file"}]}, "storyboard.shots.0.clip"),
        ({"shots": [{"prompt": "a cat", "images": ["cat.png"]}]}, "storyboard.shots.0.images.0.path"),
        ({"music": {"file": "../../etc/passwd"}}, "storyboard.music.file"),
        ({"look": {"lut": "look.cube"}}, "storyboard.look.lut"),
        (
            {"shots": [{"prompt": "a cat", "dialogue": [{"who": "Mia", "line": "Hm.", "file": "hm.wav"}]}]},
            "storyboard.shots.0.dialogue.0.file",
        ),
        ({"model": "/models/secret"}, "storyboard.model"),
        ({"model": "ltx2:/models/x"}, "storyboard.model"),
        ({"size": "4096x2160"}, "storyboard.size"),
        ({"shots": [{"prompt": "a cat", "duration": 3600}]}, "storyboard.shots"),
        ({"shots": ["a cat"] * 61}, "storyboard.shots"),
    ],
)
def test_strangers_name_no_files_and_are_held_to_limits(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        strangers_storyboard(board(**fields), "standard", CONFIG)
    assert caught.value.field == field
    assert "hostname" not in str(caught.value)


def test_whether_a_file_is_there_is_not_told() -> None:
    told = []
    for name in ("/etc/hostname", "/no/such/file"):
        with pytest.raises(FieldError) as caught:
            strangers_storyboard(board(shots=[{"clip": name}]), "standard", CONFIG)
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_what_is_wrong_is_named_as_people_write_it() -> None:
    with pytest.raises(FieldError, match=r"^storyboard\.shots\[2\]\.duration: got -1, expected more than 0"):
        strangers_storyboard(board(shots=["a cat", {"prompt": "a dog", "duration": -1}]), "standard", CONFIG)
    with pytest.raises(FieldError, match="no such field; did you mean 'title'"):
        strangers_storyboard(board(titel="x"), "standard", CONFIG)


def test_extent_counts_what_no_shot_says() -> None:
    short = CONFIG.model_copy(
        update={"visual_translator": CONFIG.visual_translator.model_copy(update={"max_film_s": 4})}
    )
    film = Storyboard.model_validate({"shots": ["a cat", "a dog"], "pacing": "slow"})
    check_extent(film, CONFIG)
    with pytest.raises(FieldError, match=r"got 6\.8 s of film, expected at most 4"):
        check_extent(film, short)
