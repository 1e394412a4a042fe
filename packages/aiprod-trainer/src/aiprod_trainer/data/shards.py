"""Shards of a set of tensors: files of safetensors, each of which is there whole or not at all."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


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
