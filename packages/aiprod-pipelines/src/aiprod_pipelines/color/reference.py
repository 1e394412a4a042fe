"""What a shot is matched to: the colours of a picture, or of a few frames of a film, from its file."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aiprod_core.errors import InputError
from aiprod_pipelines import media
from aiprod_pipelines.color.match import Statistics, measure, thinned
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Encoding, Frame

LOOKED_AT = 9  # frames of a shot, evenly spaced
LOOKED_AT_A_WINDOW = 3
PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def measure_file(path: Path) -> Statistics:
    """The colours of the picture or film at `path`. Raises `MediaError` for a file that cannot be read."""
    if path.suffix.lower() in PICTURES:
        return measure([media.read_picture(path)], Encoding.REC709)
    return measure_shot(Footage.open(path))


def measure_shot(footage: Footage, first: int = 0, last: int | None = None) -> Statistics:
    """The colours of frames `first` to `last` (left out itself) of `footage`, from a few of them."""
    end = footage.num_frames if last is None else last
    return measure(_some(footage, first, end), footage.encoding)


def measure_windows(footage: Footage, window_s: float) -> list[Statistics]:
    """The colours of `footage` in each of equal windows of about `window_s`, from a few frames of each.

    Raises `InputError` for a window that is no length of time.
    """
    if not 0 < window_s < math.inf:
        raise InputError(f"match window: got {window_s:g} s, expected more than 0")
    count = max(1, min(round(footage.duration_s / window_s), footage.num_frames))
    edges = np.linspace(0, footage.num_frames, count + 1).round().astype(int)
    stride = max(1, footage.num_frames // (count * LOOKED_AT_A_WINDOW))
    looked_at: list[list[Frame]] = [[] for _ in range(count)]
    for number, frame in enumerate(footage.frames()):
        window = int(np.searchsorted(edges, number, side="right")) - 1
        if (number - edges[window]) % stride == 0:
            looked_at[window].append(thinned(frame))
    return [measure(frames, footage.encoding) for frames in looked_at]


def _some(footage: Footage, first: int, last: int) -> Iterator[Frame]:
    for number in np.linspace(first, last - 1, min(LOOKED_AT, last - first)).round().astype(int):
        yield from footage.frames(int(number), int(number) + 1)
