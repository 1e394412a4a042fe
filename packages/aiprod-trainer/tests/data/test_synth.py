"""Synthesised folders: whole clips with ground truth, the same bytes everywhere, filled in as many runs as it takes."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_trainer.data.synth import MANIFEST, VIDEOS, Order, read_manifest, synthesise
from aiprod_trainer.data.video_file import write_mp4
from aiprod_trainer.evaluation.metrics import psnr_db
from aiprod_trainer.worlds.pixels import video_tensor
from aiprod_trainer.worlds.render import render_clip
from aiprod_trainer.worlds.scene import is_held_out, sample_scene
from aiprod_trainer.worlds.sound import SAMPLE_RATE_HZ, render_sound

ORDER = Order(count=3, width_px=64, height_px=64)


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("world")
    assert synthesise(ORDER, folder) == 3
    return folder


def test_the_film_shows_and_sounds_the_scene(folder: Path) -> None:
    row = read_manifest(folder)[1]
    with av.open(str(folder / row["video"])) as container:
        video = container.streams.video[0]
        assert video.codec_context.name == "h264"
        assert (video.codec_context.colorspace, video.codec_context.color_primaries) == (1, 1)  # bt709
        pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video)])
    with av.open(str(folder / row["video"])) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert psnr_db(video_tensor(pictures), video_tensor(render_clip(sample_scene(1), width=64, height=64))) > 27
    assert samples >= 60_000


def test_rows_hold_captions_tags_and_event_times(folder: Path) -> None:
    rows = read_manifest(folder)
    assert [row["id"] for row in rows] == [f"world1-level1-train-{n:08d}" for n in range(3)]
    for index, row in enumerate(rows):
        scene = sample_scene(index)
        assert row["caption"] == row["captions"][0]
        assert scene.attributes.items() <= row["tags"].items()
        assert all(0 < event["time_s"] < scene.duration_s for event in row["events"])
        assert row["license"]["spdx"].startswith("LicenseRef-")
        assert (folder / row["video"]).is_file()


def test_a_second_run_makes_only_what_is_missing(folder: Path) -> None:
    before = read_manifest(folder)
    lost = folder / before[2]["video"]
    content = lost.read_bytes()
    lost.unlink()
    done: list[int] = []
    assert synthesise(ORDER, folder, done.append) == 1
    assert done == [1, 2, 3]
    assert lost.read_bytes() == content
    assert read_manifest(folder) == before
    assert sorted(path.suffix for path in (folder / VIDEOS).iterdir()) == [".mp4"] * 3


def test_a_torn_manifest_is_mended(folder: Path) -> None:
    path = folder / MANIFEST
    whole = path.read_text()
    path.write_text(whole[:-40])
    assert synthesise(ORDER, folder) == 0
    assert path.read_text() == whole


def test_a_foreign_line_is_named(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("not json\n")
    with pytest.raises(InputError, match="not JSON"):
        synthesise(ORDER, tmp_path)


def test_the_test_split_holds_held_out_combinations(tmp_path: Path) -> None:
    synthesise(Order(count=1, split="test", start=7, width_px=32, height_px=32), tmp_path)
    (row,) = read_manifest(tmp_path)
    assert row["split"] == "test"
    assert is_held_out(sample_scene(7, split="test"))
    assert json.loads((tmp_path / MANIFEST).read_text())["id"].endswith("test-00000007")


@pytest.mark.parametrize(
    ("order", "named"),
    [
        (Order(count=0), "count"),
        (Order(count=1, start=-1), "start"),
        (Order(count=1, width_px=63), "64×128"),
        (Order(count=1, level=4), "level"),
    ],
)
def test_an_impossible_order_is_refused(tmp_path: Path, order: Order, named: str) -> None:
    with pytest.raises(InputError, match=named):
        synthesise(order, tmp_path / "out")


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(InputError, match="writable"):
        synthesise(ORDER, tmp_path / "out")


def test_same_bytes_from_the_same_scene(folder: Path, tmp_path: Path) -> None:
    synthesise(Order(count=1, width_px=64, height_px=64), tmp_path)
    name = read_manifest(tmp_path)[0]["video"]
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_bytes_do_not_depend_on_what_memory_held_before(tmp_path: Path) -> None:
    """x264's macroblock tree does: with it, a dozen encodings of one clip were not the same."""
    scene, rng = sample_scene(2), np.random.default_rng(0)
    frames, sound = render_clip(scene, width=64, height=64), render_sound(scene)
    digests = set()
    for _ in range(12):
        dirt = [rng.random(rng.integers(1, 200_000)) for _ in range(20)]
        write_mp4(tmp_path / "clip.mp4", frames, scene.frame_rate_hz, sound, SAMPLE_RATE_HZ)
        digests.add((tmp_path / "clip.mp4").read_bytes())
        del dirt
    assert len(digests) == 1
