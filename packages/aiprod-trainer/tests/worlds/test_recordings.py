"""Recordings are made once, whole, and are what was rendered."""

from pathlib import Path

import numpy as np
import pytest

from aiprod_trainer.worlds.recordings import Recordings, Sound, shrink, world_fingerprint
from aiprod_trainer.worlds.render import Pixels, render_clip
from aiprod_trainer.worlds.sound import render_sound


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("recordings")
    return folder


def test_a_clip_is_its_render_made_smaller(folder: Path) -> None:
    recordings = Recordings(folder, "test", level=1, start=500, size_px=32)
    frames, sound = recordings.clip(3)
    scene = recordings.scene(3)
    assert scene.index == 503
    whole = render_clip(scene, width=128, height=128).astype(float)
    means = whole.reshape(25, 32, 4, 32, 4, 3).mean(axis=(2, 4))
    assert np.abs(frames - means).max() <= 0.5
    assert np.abs(sound - render_sound(scene)).max() <= 0.5 / 32767 + 1e-7


def test_a_take_is_written_once_and_whole(folder: Path) -> None:
    Recordings(folder, "test", level=1, start=500, size_px=32).clip(0)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    assert [path.name for path in paths] == ["00000-frames.npy", "00000-sound.npy"]
    assert world_fingerprint() in str(paths[0])
    before = paths[0].stat().st_mtime_ns
    Recordings(folder, "test", level=1, start=500, size_px=32).clip(31)
    assert paths[0].stat().st_mtime_ns == before


def test_processed_clips_are_kept_apart(folder: Path) -> None:
    def inverted(frames: Pixels, sound: Sound) -> tuple[Pixels, Sound]:
        return 255 - frames, -sound

    real = Recordings(folder, "test", level=1, start=500, size_px=32).clip(5)
    other = Recordings(folder, "test", level=1, start=500, size_px=32, kind="inverted", process=inverted).clip(5)
    assert np.abs(real[0].astype(int) + other[0] - 255).max() <= 1  # rounding
    assert np.array_equal(real[1], -other[1])


def test_shrinking_by_one_changes_nothing() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    assert np.array_equal(shrink(frames, 8), frames)
