from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprod_server.orchestration.blocks import InputSanitizer
from aiprod_server.orchestration.sanitizer import FieldError, clean_text, sanitised

RULES = InputSanitizer(max_prompt_chars=40, max_screenplay_chars=80, normalization="NFC", reject_bidi_controls=True)


@pytest.mark.parametrize(
    ("given_text", "clean"),
    [
        ("  a red cat \n", "a red cat"),
        ("a red\r\ncat\twalks", "a red cat walks"),
        ("un chat tre\u0300s rouge", "un chat très rouge"),
        ("\ufeffa cat", "a cat"),
        ("\u0645\u0631\u062d\u0628\u0627\u200f!", "\u0645\u0631\u062d\u0628\u0627\u200f!"),
        ("a cat \U0001f431", "a cat \U0001f431"),
        ("a" * 40, "a" * 40),
        ("\u1112\u1161\u11ab" * 40, "\ud55c" * 40),
    ],
)
def test_text_comes_out_clean(given_text: str, clean: str) -> None:
    assert clean_text(given_text, "prompt", RULES, 40) == clean


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "got an empty one"),
        (" \n\t\u2028", "got an empty one"),
        ("a\0cat", "got the control character U+0000 at 1"),
        ("a\x1b[31mcat", "got the control character U+001B at 1"),
        ("a\x7fcat", "got the control character U+007F at 1"),
        ("a\ud800cat", "got half a character, U+D800, at 1"),
        ("a\u202ecat", "got U+202E at 1, which turns the direction"),
        ("a\u2066cat", "got U+2066 at 1, which turns the direction"),
        ("a" * 41, "got 41 characters, expected at most 40"),
        ("a" * 1_000_000, "got 1000000 characters, expected at most 40"),
        (7, "got int, expected words"),
    ],
)
def test_what_no_text_has_is_refused_with_its_field(text: Any, told: str) -> None:
    with pytest.raises(FieldError, match=r"^negative_prompt: ") as caught:
        sanitised({"kind": "clip", "prompt": "a cat", "negative_prompt": text or " "}, RULES)
    assert told in str(caught.value)
    assert caught.value.field == "negative_prompt"


def test_a_film_has_lines_and_may_be_longer() -> None:
    screenplay = "INT. KITCHEN - DAY\r\n\r\nA cat sleeps on a table in the sun."
    with pytest.raises(FieldError, match="prompt: got 55 characters"):
        sanitised({"kind": "clip", "prompt": screenplay}, RULES)
    film = sanitised({"kind": "film", "prompt": screenplay}, RULES)
    assert film == {"kind": "film", "prompt": screenplay.replace("\r\n", "\n")}


def test_storyboards_are_clean_throughout() -> None:
    board = {"shots": [{"prompt": "tre\u0300s", "duration": 2, "dialogue": []}], "title": None}
    clean = sanitised({"kind": "film", "storyboard": board}, RULES)
    assert clean["storyboard"] == {"shots": [{"prompt": "très", "duration": 2, "dialogue": []}], "title": None}
    with pytest.raises(FieldError) as caught:
        sanitised({"kind": "film", "storyboard": {"shots": [{"prompt": "a\0"}]}}, RULES)
    assert caught.value.field == "storyboard.shots.0.prompt"
    with pytest.raises(FieldError, match="got 81 characters"):
        sanitised({"kind": "film", "storyboard": {"title": "a" * 81}}, RULES)
    deep: Any = "end"
    for _ in range(50):
        deep = [deep]
    with pytest.raises(FieldError, match="nested too deep"):
        sanitised({"kind": "film", "storyboard": deep}, RULES)


def test_rules_are_the_operators() -> None:
    lax = RULES.model_copy(update={"reject_bidi_controls": False, "normalization": "NFKC", "max_prompt_chars": 3})
    assert sanitised({"kind": "clip", "prompt": "\u202eﬁ"}, lax)["prompt"] == "\u202efi"


@given(st.text(max_size=60))
def test_clean_text_stays_as_it_is(text: str) -> None:
    try:
        once = clean_text(text, "prompt", RULES, 60, lines=True)
    except FieldError:
        return
    assert clean_text(once, "prompt", RULES, 60, lines=True) == once
