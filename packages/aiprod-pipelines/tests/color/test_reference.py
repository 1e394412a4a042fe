from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.color import match, reference
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.media import Clip, write_clip
from aiprod_pipelines.picture import Encoding, Frame


def test_a_picture_tells_its_colours(frame: Frame, tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    Image.fromarray(frame).save(path)
    assert reference.measure_file(path) == match.measure([frame], Encoding.REC709)


def test_a_film_tells_those_of_some_of_its_frames(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_clip(clip, path)
    told, whole = reference.measure_file(path), match.measure(Footage.open(path).frames(), Encoding.REC709)
    np.testing.assert_allclose(told.mean, whole.mean, atol=2e-3)
    np.testing.assert_allclose(told.spread, whole.spread, atol=2e-3)


def test_a_span_of_a_film_tells_its_own(clip: Clip, tmp_path: Path) -> None:
    frames = clip.frames.copy()
    frames[12:] = 255 - frames[12:]
    path = tmp_path / "film.mp4"
    write_clip(Clip(frames, clip.frame_rate_hz, clip.audio), path)
    footage = Footage.open(path)
    first, second = reference.measure_shot(footage, 0, 12), reference.measure_shot(footage, 12)
    assert abs(first.mean[0] - second.mean[0]) > 0.05


def test_windows_of_a_film_follow_its_light(clip: Clip, tmp_path: Path) -> None:
    dimmed = clip.frames * np.linspace(1, 0.3, len(clip.frames))[:, None, None, None]
    path = tmp_path / "film.mp4"
    write_clip(Clip(dimmed.astype(np.uint8), clip.frame_rate_hz, clip.audio), path)
    footage = Footage.open(path)
    lightness = [window.mean[0] for window in reference.measure_windows(footage, 0.2)]
    assert len(lightness) == 5
    assert (np.diff(lightness) < -0.02).all()
    assert len(reference.measure_windows(footage, 99)) == 1
    assert len(reference.measure_windows(footage, 1e-6)) == footage.num_frames
    with pytest.raises(InputError, match="match window: got 0 s"):
        reference.measure_windows(footage, 0)


@pytest.mark.parametrize("name", ["png_truncated.png", "random_bytes.mp4"])
def test_a_damaged_reference_is_named(media: Path, name: str) -> None:
    with pytest.raises(MediaError, match=name):
        reference.measure_file(media / "corrupt" / name)
