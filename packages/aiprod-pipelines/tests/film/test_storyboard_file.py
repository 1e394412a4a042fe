import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.film.scenarist import storyboard_of
from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_pipelines.film.storyboard_file import (
    SCHEMA_FILE,
    check_storyboard,
    json_schema,
    read_storyboard,
    to_yaml,
    write_storyboard,
)

FILM = """\
# A film of mine.
title: The red cat  # its name
style: flat illustration
characters:
  Mia: a red cat
look: golden_hour

shots:
  # where she lives
  - id: walk
    prompt: Mia walking on a beach  # to be changed
    duration: 2.5
    camera: pan-left:0.6

  - prompt: Mia looking at the sea
    transition: {kind: wipe, duration: 0.8}
    dialogue:
      - who: Mia
        line: Where is the sea?
        start: 0.4
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.yaml"
    path.write_text(FILM)
    return path


def wrong(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "film.yaml"
    path.write_text(text)
    read = check_storyboard(path)
    assert not isinstance(read, Storyboard)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in read]


def test_what_is_written_is_what_is_read(film: Path) -> None:
    read = read_storyboard(film)
    assert read.title is not None
    assert read.title.text == "The red cat"
    first, second = read.shots
    assert (first.id, first.duration_s, second.id) == ("walk", 2.5, "shot2")
    assert second.transition is not None
    assert (second.transition.kind, second.dialogue[0].start_s) == ("wipe", 0.4)


def test_writing_and_reading_again_changes_nothing(film: Path, tmp_path: Path) -> None:
    read = read_storyboard(film)
    again = tmp_path / "again.yaml"
    write_storyboard(read, again)
    assert read_storyboard(again) == read
    text = again.read_text()
    write_storyboard(read, again)
    assert again.read_text() == text
    assert to_yaml(read_storyboard(again), again.name) == text
    assert text.startswith("# yaml-language-server: $schema=storyboard.schema.json\n# Build it: aiprod film again.yaml")


def test_comments_stay_when_a_file_is_rewritten(film: Path) -> None:
    read = read_storyboard(film)
    shots = (read.shots[0].model_copy(update={"duration_s": 4.0}), read.shots[1])
    write_storyboard(read.model_copy(update={"shots": shots}), film)
    text = film.read_text()
    for comment in ("# A film of mine.", "# its name", "# where she lives", "# to be changed"):
        assert comment in text
    assert read_storyboard(film).shots[0].duration_s == 4.0


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("shots:\n  - prompt: a\n    duration: -1\n", "film.yaml:3: shots[1].duration: got -1, expected more than 0"),
        (
            "shots:\n  - a\n  - prompt: b\n    duration: '2'\n",
            "film.yaml:4: shots[2].duration: got '2', expected a num",
        ),
        (
            "shots:\n  - a\n  - prompt: b\n    duration: .inf\n",
            "film.yaml:4: shots[2].duration: got inf, expected a fin",
        ),
        ("shots:\n  - prompt: a\n    seed: 1.5\n", "film.yaml:3: shots[1].seed: got 1.5, expected a whole number"),
        ("shots:\n  - promt: a\n    id: x\n", "film.yaml:2: shots[1].promt: no such field; did you mean 'prompt'?"),
        ("titel: a\nshots: [a]\n", "film.yaml:1: titel: no such field; did you mean 'title'?"),
        ("hdr: 10\nshots: [a]\n", "film.yaml:1: hdr: got 10, expected 'none', 'pq' or 'hlg'"),
        ("title: a\n", "film.yaml:1: shots: got no shots, expected one"),
        ("shots: []\n", "film.yaml:1: shots: got a list of 0, expected at least 1"),
        ("shots:\n  - a\n  -\n", "film.yaml:3: shots[2]: got nothing, expected its prompt, or fields with values"),
        ("shots: a\n", "film.yaml:1: shots: got 'a', expected a list"),
        ("", "film.yaml:1: got nothing, expected fields with values, at least shots"),
        ("- a\n- b\n", "film.yaml:1: got a list of 2, expected fields with values, at least shots"),
        (
            "shots:\n  - a\nlook: golden_our\n",
            "film.yaml:3: look: got 'golden_our', no such look; did you mean 'golden_",
        ),
        ("ambience: [rain, wnd]\nshots: [a]\n", "film.yaml:1: ambience[2]: got 'wnd', no such ambience; did you mean"),
        ("shots:\n  - prompt: a\n    effects: thundr\n", "film.yaml:3: shots[1].effects: got 'thundr', no such effect"),
        (
            "shots:\n  - prompt: a\n    camera: pan-lft\n",
            "film.yaml:3: shots[1].camera: got 'pan-lft'; did you mean 'pan",
        ),
        ("shots:\n  - prompt: a\n    images: no.png\n", "film.yaml:3: shots[1].images: got 'no.png', no such file in "),
        ("shots:\n  - clip: no.mp4\n", "film.yaml:2: shots[1].clip: got 'no.mp4', no such file in "),
        ("look:\n  lut: no.cube\nshots: [a]\n", "film.yaml:2: look.lut: got 'no.cube', no such file in "),
        ("look:\n  cdl:\n    slope: [1, 2]\nshots: [a]\n", "film.yaml:3: look.cdl.slope: got 2 values, expected more"),
        ("music: {file: no.ogg}\nshots: [a]\n", "film.yaml:1: music.file: got 'no.ogg', no such file in "),
        ("music: {tempo: 90}\nshots: [a]\n", "film.yaml:1: music: got neither mood nor file"),
        ("loudness: 3\nshots: [a]\n", "film.yaml:1: loudness: got 3, expected at most -8"),
        (
            "shots:\n  - {id: a, prompt: x}\n  - {id: a, prompt: y}\n",
            "film.yaml:3: shots[2].id: got 'a' again, expected",
        ),
        ("shots:\n  - prompt: x\n    continue_from: b\n", "film.yaml:3: shots[1].continue_from: got 'b', no such shot"),
        (
            "shots:\n  - {id: b, prompt: x, continue_from: b}\n",
            "film.yaml:2: shots[1].continue_from: got 'b', the shot its",
        ),
        ("shots: [a, {b\n", "film.yaml:2: this is not YAML ("),
        ("shots:\n  - a\n bad\n", "film.yaml:3: this is not YAML ("),
        ("title: a\ntitle: b\nshots: [a]\n", "film.yaml:2: this is not YAML (found duplicate key"),
        ("title: &a [*a]\nshots: [x]\n", "film.yaml:1: title: got a list of 1"),
    ],
)
def test_an_error_names_file_line_and_field(tmp_path: Path, text: str, error: str) -> None:
    found = wrong(tmp_path, text)
    assert len(found) == 1, found
    assert found[0].startswith(error), found[0]


def test_a_circle_names_both_lines(tmp_path: Path) -> None:
    (found,) = wrong(
        tmp_path, "shots:\n- id: a\n  prompt: x\n  continue_from: b\n- id: b\n  prompt: y\n  continue_from: a\n"
    )
    assert found.startswith("film.yaml:4: shots[1].continue_from: got a circle, a → b → a")
    assert found.endswith("(see also line 7)")


def test_every_problem_is_told_in_order_and_reading_tells_the_first(tmp_path: Path) -> None:
    found = wrong(tmp_path, "hdr: x\nloudness: 9\nshots:\n  - a\n  - prompt: b\n    duration: 0\n")
    assert [one.split(":")[1] for one in found] == ["1", "2", "6"]
    with pytest.raises(InputError, match=r"film\.yaml:1: hdr: .* \(and 2 more, in line 2, 6\)"):
        read_storyboard(tmp_path / "film.yaml")


@pytest.mark.parametrize("raw", [b"shots:\n  - \xff\xfe\n", b"\x89PNG\r\n\x1a\n\0\0"])
def test_what_is_not_text_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "film.yaml").write_bytes(raw)
    with pytest.raises(InputError, match=r"film\.yaml:\d+: this is not text"):
        read_storyboard(tmp_path / "film.yaml")


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: cannot read it"):
        read_storyboard(tmp_path / "none.yaml")


def test_files_are_found_beside_the_storyboard(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "film.yaml").write_text("shots:\n  - prompt: x\n    images: [{path: a.png, frame: 3, strength: 0.5}]\n")
    (image,) = read_storyboard(tmp_path / "film.yaml").shots[0].images
    assert image.path == tmp_path / "a.png"


def test_the_schema_that_is_shipped_is_that_of_the_models() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == json_schema(), "write it again: see docs/guides/storyboard.md"


def test_every_field_of_the_schema_is_described_and_knows_its_short_form() -> None:
    schema = json.loads(json_schema())
    for name, model in {**schema["$defs"], "Storyboard": schema}.items():
        whole = model if "properties" in model else next(one for one in model["anyOf"] if "properties" in one)
        for field, facts in whole["properties"].items():
            assert "description" in facts, f"{name}.{field}"
    assert schema["required"] == ["shots"]
    assert any(one.get("type") == "string" for one in schema["$defs"]["FilmTitle"]["anyOf"])


def test_reading_starts_at_once() -> None:
    script = "import sys, aiprod_pipelines.film.storyboard_file as s; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    for heavy in ("'torch'", "'numpy'", "'av'", "'PIL'", "'scipy'", "'opentimelineio'", "'PyOpenColorIO'"):
        assert heavy not in loaded


def test_the_storyboards_of_the_guide_are_right(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[4] / "docs" / "guides" / "storyboard.md").read_text(encoding="utf-8")
    for name in ("sleeping.png", "mine.mp4"):
        (tmp_path / name).write_bytes(b"")
    written = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert len(written) == 2
    for text in written:
        (tmp_path / "film.yaml").write_text(text)
        read_storyboard(tmp_path / "film.yaml")
    assert to_yaml(storyboard_of("A red cat walks on the beach at sunset")) == written[0]
