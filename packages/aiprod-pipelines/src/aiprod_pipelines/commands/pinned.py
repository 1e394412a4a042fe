"""The option `--image PATH FRAME STRENGTH`, which may be given any number of times.

typer has no repeatable option of three values: the three words are joined into one before typer sees them.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from aiprod_core.types import ImageCondition

WORDS = 3
SEPARATOR = "\x1f"


class PinnedCommand(TyperCommand):
    """A command whose `--image` takes three words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        joined: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            joined.append(word)
            if word == "--":
                joined += rest
                break
            if word == "--image":
                joined.append(SEPARATOR.join(rest[:WORDS]))
                del rest[:WORDS]
        return super().parse_args(ctx, joined)


def parse_pinned(words: str) -> ImageCondition:
    """The picture that three joined words pin. Raises `typer.BadParameter`, a usage error."""
    try:
        path, frame, strength = words.split(SEPARATOR)
        return ImageCondition(path=Path(path), frame=int(frame), strength=float(strength))
    except ValueError as error:
        got = words.replace(SEPARATOR, " ")
        raise typer.BadParameter(
            f"got {got!r}, expected PATH FRAME STRENGTH; write e.g. --image cat.png 0 1.0"
        ) from error


Pinned = Annotated[
    list[ImageCondition] | None,
    typer.Option(
        "--image",
        parser=parse_pinned,
        metavar="PATH FRAME STRENGTH",
        help="Pin a picture at a frame, with a strength from 0 to 1. Repeatable.",
    ),
]
