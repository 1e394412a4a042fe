"""What a shot is matched to: the colours of a picture, or of a few frames of a film, from its file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aiprod_pipelines import media
from aiprod_pipelines.color.match import Statistics, measure
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Encoding, Frame

LOOKED_AT = 9  # frames of a shot, evenly spaced
PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def measure_file(path: Path) -> Statistics:
    """The colours of the picture or film at `path`. Raises `MediaError` for a file that cannot be read."""
    if path.suffix.lower() in PICTURES:
        return measure([media.read_picture(path)], Encoding.REC709)
    footage = Footage.open(path)
    return measure_shot(footage)


def measure_shot(footage: Footage, first: int = 0, last: int | None = None) -> Statistics:
    """The colours of frames `first` to `last` (left out itself) of `footage`, from a few of them."""
    end = footage.num_frames if last is None else last
    return measure(_some(footage, first, end), footage.encoding)


def _some(footage: Footage, first: int, last: int) -> Iterator[Frame]:
    for number in np.linspace(first, last - 1, min(LOOKED_AT, last - first)).round().astype(int):
        yield from footage.frames(int(number), int(number) + 1)
