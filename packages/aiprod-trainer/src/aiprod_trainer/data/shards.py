"""Shards of a set of tensors: files of safetensors, each of which is there whole or not at all."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from aiprod_core.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def begin_set(description: Path, about: "DataclassInstance", holds: str, *, may_gain: str | None = None) -> None:
    """Make the folder of a set and write into `description` what it is about.

    `may_gain`: a field that is None in a set which lacks something, and may get it. Raises `InputError` where a set
    about something else is there; `holds` says what it then holds.
    """
    now = asdict(about)
    if description.exists():
        held = asdict(type(about)(**json.loads(description.read_text())))
        if may_gain and held[may_gain] is None:
            held[may_gain] = now[may_gain]
        if held != now:
            raise InputError(f"{description.parent} holds {holds}; choose another folder, or delete it")
    description.parent.mkdir(parents=True, exist_ok=True)
    description.write_text(json.dumps(now, indent=2) + "\n")


def write_shard(path: Path, rows: Iterator[dict[str, Tensor]]) -> None:
    """Write rows, stacked under each name, unless the shard is there already: then none is made."""
    if path.exists():
        return
    made = list(rows)
    partial = path.with_suffix(".tmp")
    with torch.autocast("cpu", enabled=False):  # which refuses halves
        stacked = {name: torch.stack([row[name] for row in made]) for name in made[0]}
    save_file(stacked, partial)
    partial.replace(path)


def read_shards(paths: Sequence[Path], count: int | None = None) -> dict[str, Tensor]:
    """The first `count` rows of shards, or all, under each name."""
    shards = [load_file(path) for path in paths]
    return {name: torch.cat([shard[name] for shard in shards])[:count] for name in shards[0]}
