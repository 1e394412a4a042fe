"""Pictures for those who watch: small JPEGs, as the data URLs that events hold, and the thumbnails of jobs."""

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aiprod_pipelines.footage import Footage

MOST_BYTES = 12_000  # of a data URL: an event is a row of the database, and is sent to every watcher
THUMBNAIL_SIDE_PX, THUMBNAIL_QUALITY = 512, 85
QUALITIES = (80, 65, 50, 35, 20)
HEAD = "data:image/jpeg;base64,"


def data_url(picture: NDArray[np.uint8]) -> str:
    """The picture `[h w 3]` as a data URL of at most 12 kB: in the best quality that fits, smaller where none does."""
    image = Image.fromarray(picture)
    while True:
        for quality in QUALITIES:
            url = HEAD + base64.b64encode(_jpeg(image, quality)).decode()
            if len(url) <= MOST_BYTES:
                return url
        image = image.reduce(2)


def pictures_of(film: Path) -> NDArray[np.uint8]:
    """All pictures of a film, `[t h w 3]`. Raises `MediaError` for a file that cannot be read."""
    footage = Footage.open(film)
    frames = [frame if footage.depth == 8 else frame >> 8 for frame in footage.frames()]
    return np.stack(frames).astype(np.uint8, copy=False)


def thumbnail(picture: NDArray[np.uint8]) -> bytes:
    """The picture `[h w 3]` as a JPEG whose sides are at most 512 px."""
    image = Image.fromarray(picture)
    image.thumbnail((THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX))
    return _jpeg(image, THUMBNAIL_QUALITY)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    written = io.BytesIO()
    image.save(written, "JPEG", quality=quality)
    return written.getvalue()
