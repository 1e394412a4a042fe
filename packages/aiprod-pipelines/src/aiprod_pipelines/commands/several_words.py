"""Options of several words, any number of times: `--image PATH FRAME STRENGTH`, `--lora PATH STRENGTH`.

typer has no repeatable option of several values: the words are joined into one before typer sees them.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from aiprod_core.lora import LoraFile
from aiprod_core.types import ImageCondition

WORDS = {"--image": 3, "--lora": 2}
SEPARATOR = "\x1f"


class SeveralWordsCommand(TyperCommand):
    """A command whose `--image` and `--lora` take several words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        joined: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            joined.append(word)
            if word == "--":
                joined += rest
                break
            if count := WORDS.get(word):
                joined.append(SEPARATOR.join(rest[:count]))
                del rest[:count]
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


def parse_lora(words: str) -> LoraFile:
    """The LoRA and the strength that two joined words name. Raises `typer.BadParameter`, a usage error."""
    try:
        path, strength = words.split(SEPARATOR)
        return LoraFile(Path(path), float(strength))
    except ValueError as error:
        got = words.replace(SEPARATOR, " ")
        raise typer.BadParameter(f"got {got!r}, expected PATH STRENGTH; write --lora night.safetensors 0.8") from error


WithLoras = Annotated[
    list[LoraFile] | None,
    typer.Option(
        "--lora",
        parser=parse_lora,
        metavar="PATH STRENGTH",
        help="Put a LoRA on the model, with a strength. Repeatable.",
    ),
]
Pinned = Annotated[
    list[ImageCondition] | None,
    typer.Option(
        "--image",
        parser=parse_pinned,
        metavar="PATH FRAME STRENGTH",
        help="Pin a picture at a frame, with a strength from 0 to 1. Repeatable.",
    ),
]
