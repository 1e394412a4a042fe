"""Storyboards that clients send: as `aiprod film` reads them, but from strangers. Loads no torch.

A stranger's storyboard names no file and no folder of this machine, says no other quality than its tier pays for, and
is no longer or larger than the operator allows. The gateway asks before it queues a film, the director once more.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_pipelines.film.storyboard_file import check_document
from aiprod_pipelines.film.timing import Timing
from aiprod_server.orchestration.blocks import Orchestration
from aiprod_server.orchestration.sanitizer import FieldError

FIELD = "storyboard"


def strangers_storyboard(document: Mapping[str, Any], tier: str, config: Orchestration) -> Storyboard:
    """The storyboard of a request; where it says no quality, of that of its tier.

    Raises:
        FieldError: naming the field that is not as it must be.
    """
    read = check_document(document)
    if not isinstance(read, Storyboard):
        raise FieldError(f"{FIELD}.{read[0].field}" if read[0].field else FIELD, read[0].message)
    for place in files_in(read, FIELD):
        raise FieldError(place, "got a file, expected none: the service opens no files of its machine; leave it out")
    if os.sep in read.model or ":" in read.model:
        raise FieldError(f"{FIELD}.model", f"got {read.model!r}, expected the name of a model; see the list of models")
    quality = config.tier(tier).film_quality
    if "quality" in read.model_fields_set and read.quality != quality:
        raise FieldError(
            f"{FIELD}.quality", f"got {read.quality}, expected {quality} in the tier {tier}; choose the tier of it"
        )
    board = read if read.quality == quality else read.model_copy(update={"quality": quality})
    check_extent(board, config)
    return board


def check_extent(board: Storyboard, config: Orchestration) -> None:
    """Raise `FieldError` for a film of more shots, or a longer or larger one, than the operator allows."""
    most_shots, rules = config.creative_director.max_shots, config.visual_translator
    if len(board.shots) > most_shots:
        raise FieldError(f"{FIELD}.shots", f"got {len(board.shots)}, expected at most {most_shots}; make two films")
    if max(board.size_px) > rules.max_film_side_px:
        raise FieldError(f"{FIELD}.size", f"got {board.size}, expected sides of at most {rules.max_film_side_px} px")
    asked_s = sum(shot.duration_s or 0.0 for shot in board.shots)
    if asked_s <= rules.max_film_s:  # else its frames need not be counted
        asked_s = float(Timing(board).num_frames / board.rate)
    if asked_s > rules.max_film_s:
        raise FieldError(
            f"{FIELD}.shots", f"got {asked_s:g} s of film, expected at most {rules.max_film_s:g}; make two films"
        )


def files_in(form: BaseModel, place: str) -> Iterator[str]:
    """Where a storyboard names files."""
    for name, field in type(form).model_fields.items():
        yield from _files(getattr(form, name), f"{place}.{field.alias or name}")


def _files(value: Any, place: str) -> Iterator[str]:
    match value:
        case Path():
            yield place
        case BaseModel():
            yield from files_in(value, place)
        case tuple() | list():
            for number, inner in enumerate(value):
                yield from _files(inner, f"{place}.{number}")
        case dict():
            for name, inner in value.items():
                yield from _files(inner, f"{place}.{name}")
