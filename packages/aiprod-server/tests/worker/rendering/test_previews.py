import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiprod_pipelines.media import Clip, write_clip
from aiprod_server.worker.previews import HEAD, MOST_BYTES, data_url, pictures_of, thumbnail

NOISE = np.random.default_rng(0)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (128, 128), (256, 144), (1080, 1920)])
def test_every_picture_fits_into_an_event(height: int, width: int) -> None:
    picture = NOISE.integers(0, 256, (height, width, 3), dtype=np.uint8)  # nothing is harder to compress
    url = data_url(picture)
    assert len(url) <= MOST_BYTES
    shown = Image.open(io.BytesIO(base64.b64decode(url.removeprefix(HEAD), validate=True)))
    assert shown.format == "JPEG"
    assert shown.width / shown.height == pytest.approx(width / height, rel=0.05)


def test_a_plain_picture_keeps_its_size() -> None:
    url = data_url(np.full((256, 256, 3), 90, np.uint8))
    assert Image.open(io.BytesIO(base64.b64decode(url.removeprefix(HEAD)))).size == (256, 256)


def test_thumbnails_are_small_and_keep_their_shape() -> None:
    small = Image.open(io.BytesIO(thumbnail(np.zeros((1080, 1920, 3), np.uint8))))
    assert (small.format, small.size) == ("JPEG", (512, 288))
    assert Image.open(io.BytesIO(thumbnail(np.zeros((32, 48, 3), np.uint8)))).size == (48, 32)


def test_all_pictures_of_a_film(tmp_path: Path) -> None:
    frames = np.zeros((9, 32, 32, 3), np.uint8)
    frames[4] = 200
    write_clip(Clip(frames, 10.0, None, 24_000), tmp_path / "clip.mp4")
    pictures = pictures_of(tmp_path / "clip.mp4")
    assert (pictures.shape, pictures.dtype) == ((9, 32, 32, 3), np.uint8)
    assert pictures.mean(axis=(1, 2, 3)) == pytest.approx(frames.mean(axis=(1, 2, 3)), abs=8)
