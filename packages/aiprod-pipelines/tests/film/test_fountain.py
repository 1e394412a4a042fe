import pytest

from aiprod_pipelines.film.fountain import parse_fountain, scene_of
from aiprod_pipelines.film.screenplay import Action, Card, Cut, Dialogue

SCREENPLAY = """\
Title: _The Last_ **Train**
Credit: Written by
Author: Ada Moreau
Notes:
    A draft.
    Not for sale.

# Act one

= Mia looks for the sea.

FADE IN:

EXT. BEACH - SUNSET

MIA, a red cat, walks along
the shore. [[a note
on two lines]] She stops.

MIA
(softly)
Where is the sea?
(beat)
I can hear it.

ROBOT ^
Behind you!

/* all of this
is cut */

CUT TO:

INT. LIGHTHOUSE KITCHEN - NIGHT #12#

The ROBOT boils *water*.

@McAvoy (V.O.)
She never came back.

> SMASH CUT TO:

.ROOFTOP - DAWN

Mia smiles.

> THE END <

FADE OUT.
"""


def test_a_screenplay_is_read_whole_with_its_lines() -> None:
    read = parse_fountain(SCREENPLAY)
    assert (read.title, read.credits) == ("The Last Train", ("Written by Ada Moreau",))
    opening, beach, kitchen, roof = read.scenes
    assert opening.blocks == (Cut(text="FADE IN:", line=12),)
    assert (beach.place, beach.time, beach.interior, beach.line) == ("BEACH", "SUNSET", False, 14)
    assert beach.blocks == (
        Action(text="MIA, a red cat, walks along the shore. She stops.", line=16),
        Dialogue(who="Mia", text="Where is the sea?", line=22, manner="softly"),
        Dialogue(who="Mia", text="I can hear it.", line=24, manner="beat"),
        Dialogue(who="Robot", text="Behind you!", line=27),
        Cut(text="CUT TO:", line=32),
    )
    assert (kitchen.place, kitchen.time, kitchen.interior) == ("LIGHTHOUSE KITCHEN", "NIGHT", True)
    assert kitchen.blocks[0] == Action(text="The ROBOT boils water.", line=36)
    assert kitchen.blocks[1] == Dialogue(who="McAvoy", text="She never came back.", line=39, off_screen=True)
    assert (roof.place, roof.time, roof.interior) == ("ROOFTOP", "DAWN", None)
    assert roof.blocks[1:] == (Card(text="THE END", line=47), Cut(text="FADE OUT.", line=49))


@pytest.mark.parametrize(
    ("heading", "found"),
    [
        ("INT. KITCHEN - NIGHT", ("KITCHEN", "NIGHT", True)),
        ("ext. the old mill – day", ("the old mill", "day", False)),
        ("INT./EXT. CAR - MOVING - DUSK", ("CAR - MOVING", "DUSK", None)),
        ("EST. PARIS", ("PARIS", "", False)),
        (".SNIPER SCOPE POV", ("SNIPER SCOPE POV", "", None)),
    ],
)
def test_headings(heading: str, found: tuple[str, str, bool | None]) -> None:
    scene = scene_of(heading, 1)
    assert scene is not None
    assert (scene.place, scene.time, scene.interior) == found


@pytest.mark.parametrize("words", ["INTERNAL AFFAIRS ARRIVE", "...and then", "EXTRA!", "He goes INT. the house"])
def test_what_only_looks_like_a_heading_is_none(words: str) -> None:
    assert scene_of(words, 1) is None


def test_capitals_are_a_character_only_above_a_line() -> None:
    read = parse_fountain("BANG!\n\nMIA\n\nBANG\nShe falls.\n\n!MIA\nis here\n")
    kinds = [type(block).__name__ for block in read.scenes[0].blocks]
    assert kinds == ["Action", "Action", "Dialogue", "Action"]


def test_a_title_page_may_be_in_french() -> None:
    read = parse_fountain("Titre : La mer\nAuteur: Ada\n\nINT. CUISINE - NUIT\n\nUn chat dort.\n")
    assert (read.title, read.credits, len(read.scenes)) == ("La mer", ("Ada",), 1)


def test_no_text_fails() -> None:
    for text in ("", "\n\n", "/* open", "[[", "MIA\n(", "Title:", ">", "<", "@\nx", ".", "(x)\n", "^\n^\n"):
        parse_fountain(text)
