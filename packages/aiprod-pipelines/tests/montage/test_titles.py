from fractions import Fraction

import numpy as np
import pytest
from PIL import ImageFont

from aiprod_core.errors import InputError
from aiprod_pipelines.montage.fonts import FACES
from aiprod_pipelines.montage.titles import SAFE, Style, Title
from aiprod_pipelines.picture import Encoding, Frame

RATE = Fraction(25)
SDR = Encoding.REC709
TEXTS = {
    Style.CARD: "The Lighthouse",
    Style.LOWER_THIRD: "Ada Lovelace",
    Style.CAPTION: "When the storm came, nobody on the island had thought of the lamp.",
    Style.CREDITS: "Written by\nJane\n\nFilmed by\nJohn",
}


def over(title: Title, below: Frame, frame: int = 12, count: int = 25, encoding: Encoding = SDR) -> Frame:
    return title.over(below, frame, count, RATE, encoding)


@pytest.mark.parametrize("style", list(Style))
@pytest.mark.parametrize(("width", "height"), [(128, 72), (128, 128), (540, 960), (1280, 720), (3840, 2160)])
def test_words_stand_inside_the_safe_area_at_any_size(style: Style, width: int, height: int) -> None:
    grey = np.full((height, width, 3), 128, np.uint8)
    made = over(Title(text=TEXTS[style], style=style), grey)
    ink = (made > 190).all(axis=2)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert ink.sum() > 20
    assert columns[0] >= round(width * SAFE) - 1
    assert columns[-1] <= width - round(width * SAFE)
    if style is not Style.CREDITS:
        assert rows[0] >= round(height * SAFE) - 1
        assert rows[-1] <= height - round(height * SAFE)


@pytest.mark.parametrize("encoding", list(Encoding))
def test_white_words_are_at_reference_white(encoding: Encoding) -> None:
    black = np.zeros((360, 640, 3), np.uint16 if encoding.is_hdr else np.uint8)
    made = over(Title(text="IIII", font="bold", size=2), black, encoding=encoding)
    # SDR white in BT.1886 is code 1; ITU-R BT.2408 puts it at 58 % in PQ and 75 % in HLG.
    wanted = {Encoding.REC709: 1.0, Encoding.PQ: 0.581, Encoding.HLG: 0.75}[encoding]
    assert made.max() / np.iinfo(made.dtype).max == pytest.approx(wanted, abs=0.002)


def test_words_are_legible_on_white() -> None:
    made = over(Title(text="Hello", style=Style.CAPTION), np.full((180, 320, 3), 255, np.uint8))
    assert made.min() < 140


def test_nothing_else_is_touched_and_what_is_given_stays() -> None:
    below = np.random.default_rng(1).integers(0, 256, (180, 320, 3), np.uint8)
    kept = below.copy()
    made = over(Title(text="Hello", style=Style.CAPTION), below)
    np.testing.assert_array_equal(below, kept)
    np.testing.assert_array_equal(made[:120], below[:120])


def test_fades_rise_and_fall() -> None:
    black = np.zeros((90, 160, 3), np.uint8)
    title = Title(text="Hello", fade_in_s=0.4, fade_out_s=0.4)
    peaks = [int(over(title, black, n, 50).max()) for n in range(50)]
    assert peaks[:10] == sorted(peaks[:10])
    assert peaks[-10:] == sorted(peaks[-10:], reverse=True)
    assert peaks[0] < 110 < 245 < peaks[25]


def test_credits_roll_up_through_the_picture_once() -> None:
    black = np.zeros((180, 320, 3), np.uint8)
    title = Title(text=TEXTS[Style.CREDITS], style=Style.CREDITS)
    found = [np.flatnonzero(over(title, black, n, 100).any(axis=(1, 2))) for n in range(100)]
    entering = [int(rows[0]) for rows in found[:50] if rows.size]  # from then on, lines leave at the top
    assert entering == sorted(entering, reverse=True)
    assert found[50].size
    assert not found[0].size or found[0][0] > 170
    assert not found[99].size or found[99][-1] < 10


def test_long_words_shrink_and_too_many_are_refused() -> None:
    black = np.zeros((72, 128, 3), np.uint8)
    assert over(Title(text="Incomprehensibilities"), black).any()
    with pytest.raises(InputError, match="128×72"):
        over(Title(text="word " * 400, style=Style.CAPTION), black)


@pytest.mark.parametrize("face", list(FACES))
def test_the_faces_cover_the_languages_of_europe(face: str) -> None:
    for words in ("Àéîõü ßæøå", "Łódź ěščřžý őű", "Ελληνικά", "Русский Ђћ Їґ", "İğşı ñ ¿¡", "“—…” € ½"):
        Title(text=words, font=face)
    assert ImageFont.truetype(str(FACES[face]), 20).getname()[0] == "Source Sans 3"


@pytest.mark.parametrize(("words", "lost"), [("日本", "日 本"), ("السلام", "ا س ل م"), ("ok 한", "한")])
def test_characters_that_a_font_lacks_are_named(words: str, lost: str) -> None:
    with pytest.raises(InputError, match=rf"got {lost}.*`font:`"):
        Title(text=words)


def test_fonts_and_values_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="no such file"):
        Title(text="x", font="Comic Sans")
    with pytest.raises(InputError, match="no font"):
        Title(text="x", font=__file__)
    with pytest.raises(InputError, match="no words"):
        Title(text=" \n")
    with pytest.raises(InputError, match="size"):
        Title(text="x", size=0)
    with pytest.raises(InputError, match="colour"):
        Title(text="x", colour=(0, 0, 256))
    with pytest.raises(InputError, match="negative fade"):
        Title(text="x", fade_in_s=-1)


def test_a_font_file_of_ones_own_is_used() -> None:
    black = np.zeros((90, 160, 3), np.uint8)
    own = over(Title(text="Hello", font=str(FACES["bold"])), black)
    np.testing.assert_array_equal(own, over(Title(text="Hello", font="bold"), black))
