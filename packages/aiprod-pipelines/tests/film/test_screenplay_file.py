from pathlib import Path

import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.film.screenplay_file import read_screenplay, source_of


def test_the_suffix_says_the_format(tmp_path: Path) -> None:
    (tmp_path / "a.fountain").write_text("INT. ROOM - DAY\r\n\r\nA cat sleeps.\r\n")
    (tmp_path / "a.md").write_text("\ufeff# Title\n\nA cat sleeps.\n")
    assert read_screenplay(tmp_path / "a.fountain").scenes[0].place == "ROOM"
    assert read_screenplay(tmp_path / "a.md").title == "Title"


@pytest.mark.parametrize(
    ("name", "raw", "error"),
    [
        ("a.fountain", b"", r"a\.fountain:1: got nothing that happens"),
        ("a.fountain", b"\n\nINT. ROOM - DAY\n\n", r"a\.fountain:3: got nothing that happens"),
        ("a.fountain", b"MIA\nHello\n\xff\xfe\n", r"a\.fountain:3: this is not text"),
        ("a.md", b"one\ntwo \0 two\n", r"a\.md:2: this is not text"),
        ("a.docx", b"x", r"a\.docx: got \.docx, expected one of \.fountain"),
    ],
)
def test_what_is_no_screenplay_is_refused_by_name_and_line(tmp_path: Path, name: str, raw: bytes, error: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(InputError, match=error):
        read_screenplay(tmp_path / name)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read it"):
        read_screenplay(tmp_path / "a.md")


def test_real_films_are_no_screenplays(media: Path, tmp_path: Path) -> None:
    (tmp_path / "film.fountain").write_bytes((media / "corrupt" / "random_bytes.mp4").read_bytes())
    with pytest.raises(InputError, match=r"film\.fountain:\d+: this is not text"):
        read_screenplay(tmp_path / "film.fountain")


def test_words_are_a_prompt_unless_they_name_a_screenplay() -> None:
    assert source_of("film.fountain") == Path("film.fountain")
    assert source_of("a cat reads script.md and sleeps") == "a cat reads script.md and sleeps"
