"""Compiling: dependence is exact. What a change touches gets another key, and nothing else does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aiprod_core.errors import AiprodError
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.film.compile import Film, compile_film
from aiprod_pipelines.film.storyboard_file import read_storyboard
from aiprod_pipelines.media import Clip, write_clip

BOARD = """
title: The red cat
seed: 7
quality: draft
look: {name: golden_hour, lut: warm.cube}
music: calm
subtitles: soft
shots:
  - {id: walk, prompt: a red cat walking on a beach, duration: 2.0, dialogue: [Where is it?]}
  - {id: jump, prompt: a red cat jumping on a beach, continue_from: walk, transition: dissolve}
  - {id: own, clip: own.mp4, end: 1.5}
  - {id: fly, prompt: a blue bird flying in a forest, look: {match_shot: walk}, effects: [thunder]}
"""
CUBE = "LUT_3D_SIZE 2\n" + "".join(f"{r} {g} {b}\n" for b in (0, 1) for g in (0, 1) for r in (0, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clip(Clip(np.full((20, 32, 32, 3), 90, np.uint8), 10.0), tmp_path / "own.mp4")
    (tmp_path / "warm.cube").write_text(CUBE)
    Image.new("RGB", (32, 32), "teal").save(tmp_path / "sea.png")
    return tmp_path


def compiled(folder: Path, text: str = BOARD) -> Film:
    path = folder / "film.yaml"
    path.write_text(text)
    return compile_film(read_storyboard(path))


def changed(folder: Path, old: str, new: str) -> set[str]:
    """Names of the tasks that another storyboard makes anew."""
    assert old in BOARD
    before, after = compiled(folder), compiled(folder, BOARD.replace(old, new))
    return {task.name for task in after.plan if task.step.key not in before.plan.keys}


FILM = {"film / web", "film / qa", "film / poster", "film / contact"}


GRADES = {f"{shot} / {step}" for shot in ("walk", "jump", "own", "fly") for step in ("grade", "picture web")}


def test_nothing_changes_by_itself(folder: Path) -> None:
    assert not changed(folder, BOARD, BOARD)
    assert not changed(folder, "seed: 7", "seed: 7  # a comment")


def test_a_shot_changes_itself_and_what_is_made_of_it(folder: Path) -> None:
    assert changed(folder, "a blue bird flying", "a green bird flying") == {
        "fly / shot", "fly / grade", "fly / qa", "fly / picture web", "film / sound", *FILM,
    }  # fmt: skip


def test_what_goes_on_from_a_shot_and_what_matches_it_change_with_it(folder: Path) -> None:
    assert changed(folder, "a red cat walking", "a blue cat walking") == {
        "walk / shot", "walk / grade", "walk / qa", "jump / shot", "jump / grade", "jump / qa",
        "fly / grade", "walk / picture web", "jump / picture web", "fly / picture web", "film / sound", *FILM,
    }  # fmt: skip


def test_a_look_changes_grades_only(folder: Path) -> None:
    assert changed(folder, "golden_hour", "noir") == {*GRADES, *FILM}


def test_another_table_under_the_same_name_changes_grades_only(folder: Path) -> None:
    before = compiled(folder)
    (folder / "warm.cube").write_text(CUBE.replace("1 1 1", "0.9 0.9 0.9"))
    after = compiled(folder)
    touched = {task.name for task in after.plan if task.step.key not in before.plan.keys}
    assert touched == {*GRADES, *FILM}


def test_a_table_that_only_moved_changes_nothing(folder: Path) -> None:
    before = compiled(folder)
    (folder / "warm.cube").rename(folder / "other.cube")
    assert compiled(folder, BOARD.replace("warm.cube", "other.cube")).plan.keys == before.plan.keys


def test_a_title_changes_the_picture_that_it_stands_over(folder: Path) -> None:
    assert changed(folder, "The red cat", "The cat") == {"walk / picture web", "jump / picture web", *FILM}


def test_music_leaves_the_picture_alone(folder: Path) -> None:
    assert changed(folder, "music: calm", "music: tense") == {"film / music", "film / sound", *FILM}


def test_words_that_are_not_burned_in_leave_the_picture_alone(folder: Path) -> None:
    assert changed(folder, "Where is it?", "Where's it?") == FILM
    assert "walk / picture web" in changed(folder, "subtitles: soft", "subtitles: burned")


def test_an_inserted_shot_leaves_the_others_alone(folder: Path) -> None:
    more = "shots:\n  - {id: first, prompt: a white dog running in a meadow}"
    touched = changed(folder, "shots:", more)
    assert {"first / shot", "first / grade"} <= touched
    assert not {"walk / shot", "jump / shot", "fly / shot", "walk / grade"} & touched


def test_weights_are_part_of_a_shot(folder: Path) -> None:
    inputs = compiled(folder).plan["walk / shot"].step.inputs
    assert {role for role in inputs if "shdt" in role} == {"weights/shdt_distilled.safetensors"}


def test_the_device_is_part_of_a_shot_where_it_is_not_the_processor(folder: Path) -> None:
    compiled(folder)
    board = read_storyboard(folder / "film.yaml")
    here, there = compile_film(board), compile_film(board, device="cuda")
    assert (here.device, there.device) == ("cpu", "cuda")
    anew = {task.name for task in there.plan if task.step.key not in here.plan.keys}
    assert anew >= {"walk / shot", "walk / grade", "walk / picture web", *FILM}
    assert not anew & {"own / grade", "own / picture web"}
    assert "device" not in here.plan["walk / shot"].step.params


def test_an_hdr_film_is_graded_to_its_encoding(folder: Path) -> None:
    film = compiled(folder, BOARD.replace("quality: draft", "quality: draft\nhdr: pq"))
    assert list(film.delivered) == [Profile.HDR10]
    assert film.plan["walk / grade pq"].step.params["encoding"] == "pq"


def test_every_profile_is_delivered_from_one_set_of_shots(folder: Path) -> None:
    film = compiled(folder, BOARD.replace("quality: draft", "quality: draft\ndelivery: [web, hdr10, exr]"))
    assert set(film.delivered) == {Profile.WEB, Profile.HDR10, Profile.EXR}
    assert sum(task.step.kind == "shot" for task in film.plan) == 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("look: {match_shot: walk}", "negative_prompt: rain", r"shots\[4\].negative_prompt"),
        ("quality: draft", "quality: draft\nsize: 130x98\ndelivery: [dnxhr]", "profile dnxhr"),
        ("quality: draft", "quality: draft\nmodel: nobody", "nobody"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_is(folder: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(AiprodError, match=said):
        compiled(folder, BOARD.replace(old, new))


def test_a_plan_is_made_without_the_models(folder: Path) -> None:
    import subprocess
    import sys

    compiled(folder)
    script = (
        "import sys\nfrom pathlib import Path\nfrom aiprod_pipelines.film.compile import compile_film\n"
        "from aiprod_pipelines.film.storyboard_file import read_storyboard\n"
        "import aiprod_pipelines.commands.film\n"
        "compile_film(read_storyboard(Path(sys.argv[1])))\nprint('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder / "film.yaml")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def steps_of(film: Film) -> dict[str, Any]:
    return {task.name: task.step.params for task in film.plan}


def test_the_frame_that_is_gone_on_from_is_the_last_that_is_seen(folder: Path) -> None:
    params = steps_of(compiled(folder))["jump / shot"]
    # 2 s are seen of the walk, less or more by the dissolve that shows its tail: frame 20 is the next at 10 a second.
    assert params["continued_frame"] == 19
