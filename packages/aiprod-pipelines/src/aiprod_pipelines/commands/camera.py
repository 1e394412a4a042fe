"""The option `--camera MOVE:STRENGTH`."""

from typing import Annotated

import typer

from aiprod_core.camera import STEERED, CameraMove


def parse_camera(words: str) -> CameraMove:
    """The move that `pan-left:0.6` or `pan-left` asks for. Raises `typer.BadParameter`, a usage error."""
    name, _, strength = words.partition(":")
    try:
        return CameraMove(name, float(strength or 1.0))
    except ValueError as error:
        raise typer.BadParameter(
            f"got {words!r}, expected MOVE or MOVE:STRENGTH; write e.g. --camera pan-left:0.6"
        ) from error


Camera = Annotated[
    CameraMove | None,
    typer.Option(
        "--camera",
        parser=parse_camera,
        metavar="MOVE[:STRENGTH]",
        help=f"How the camera moves, with a strength from 0 to 1: {', '.join(STEERED)}.",
    ),
]
