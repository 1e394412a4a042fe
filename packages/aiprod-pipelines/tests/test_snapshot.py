"""A snapshot is used for its own request alone, and a damaged one is as good as none."""

from pathlib import Path

import pytest
import torch

from aiprod_core.sampler import Progress
from aiprod_core.types import LatentState
from aiprod_pipelines.snapshot import SnapshotFile, snapshot_key, snapshot_path

LATENTS = LatentState(torch.randn(1, 8, 3, 4, 4), torch.randn(1, 8, 9))


def test_every_so_many_steps_are_kept_and_come_back_whole(tmp_path: Path) -> None:
    file = SnapshotFile(tmp_path / "s", "key", every=3)
    file.save(Progress(2, LATENTS))
    assert file.load() is None
    for steps in (3, 4):
        file.save(Progress(steps, LATENTS))
    found = file.load()
    assert found is not None
    assert found.steps == file.resumed_at == 3
    assert found.latents.video is not None
    assert torch.equal(found.latents.video, LATENTS.video)  # type: ignore[arg-type]
    assert torch.equal(found.latents.audio, LATENTS.audio)  # type: ignore[arg-type]
    file.remove()
    file.remove()
    assert file.load() is None


def test_a_silent_run_has_no_sound_to_keep(tmp_path: Path) -> None:
    file = SnapshotFile(tmp_path / "s", "key", every=1)
    file.save(Progress(1, LatentState(LATENTS.video, None)))
    found = file.load()
    assert found is not None
    assert found.latents.audio is None


def test_another_request_does_not_use_it(tmp_path: Path) -> None:
    SnapshotFile(tmp_path / "s", snapshot_key(seed=1), every=1).save(Progress(1, LATENTS))
    assert SnapshotFile(tmp_path / "s", snapshot_key(seed=2), every=1).load() is None
    assert snapshot_key(a=1, b=[2]) == snapshot_key(b=[2], a=1)


@pytest.mark.parametrize("keep", [0, 5, 400])
def test_one_cut_off_is_as_good_as_none(tmp_path: Path, keep: int) -> None:
    file = SnapshotFile(tmp_path / "s", "key", every=1)
    file.save(Progress(1, LATENTS))
    file.path.write_bytes(file.path.read_bytes()[:keep])
    assert file.load() is None


def test_it_stands_beside_the_film() -> None:
    assert snapshot_path(Path("a/out.mp4")) == Path("a/out.mp4.snapshot")
