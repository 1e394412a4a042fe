"""A screenplay, whatever it was written in: scenes, and in each what happens, what is said, and how one cuts away.

Knows no file format; `fountain` and `markdown` make it of text. Lines are those of the file, from 1.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Action:
    """A paragraph of what is seen."""

    text: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """What somebody says in one go. `who`: None is the narrator. `manner`: how, from a parenthetical."""

    who: str | None
    text: str
    line: int
    manner: str = ""
    off_screen: bool = False


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A transition that is asked for, in the writer's words, such as "DISSOLVE TO:"."""

    text: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Card:
    """Words on the screen, such as "THE END"."""

    text: str
    line: int


Block: TypeAlias = Action | Dialogue | Cut | Card


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A stretch in one place at one time. `place`, `time`: the heading's words, "" where it has none.

    `interior`: None where the heading does not say.
    """

    line: int
    place: str = ""
    time: str = ""
    interior: bool | None = None
    blocks: tuple[Block, ...] = ()

    def with_block(self, block: Block) -> "Scene":
        return replace(self, blocks=(*self.blocks, block))


@dataclass(frozen=True, kw_only=True)
class Screenplay:
    """Scenes in order. `credits`: lines for the end, such as who wrote it."""

    scenes: tuple[Scene, ...]
    title: str = ""
    credits: tuple[str, ...] = ()


def name_of(words: str) -> str:
    """A character's name as prose writes it: "MIA" → "Mia", "DR. O'NEIL" → "Dr. O'Neil"."""
    words = " ".join(words.split())
    if not words.isupper():
        return words
    return "".join(
        letter.upper() if not index or not words[index - 1].isalpha() else letter.lower()
        for index, letter in enumerate(words)
    )
