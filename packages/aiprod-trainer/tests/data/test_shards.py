"""A shard is there whole or not at all, and is made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from aiprod_trainer.data.shards import read_shards, write_shard


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    for start in (0, 2):
        rows = ({"x": torch.full((3,), float(start + n), dtype=torch.half)} for n in range(2))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            write_shard(tmp_path / f"{start}.safetensors", rows)
    paths = sorted(tmp_path.iterdir())
    assert read_shards(paths)["x"][:, 0].tolist() == [0, 1, 2, 3]
    assert read_shards(paths, 3)["x"].shape == (3, 3)


def test_a_shard_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    def asked() -> Iterator[dict[str, Tensor]]:
        raise AssertionError("a row was made")
        yield {}

    path = tmp_path / "shard.safetensors"
    write_shard(path, iter([{"x": torch.zeros(1)}]))
    write_shard(path, asked())


def test_a_shard_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[dict[str, Tensor]]:
        yield {"x": torch.zeros(1)}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "shard.safetensors", failing())
    assert not [*tmp_path.iterdir()]
