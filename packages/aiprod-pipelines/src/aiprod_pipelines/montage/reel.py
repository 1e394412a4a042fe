"""One source's frames as a film needs them: decoded in order, scaled, in the film's depth and encoding.

Knows files through `Footage`; nothing of edits, layers or transitions.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import pairwise

import numpy as np

from aiprod_core.errors import InputError
from aiprod_pipelines.color.transfer import from_light, to_light
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.montage.light import sdr_light
from aiprod_pipelines.montage.transitions import DEPTHS
from aiprod_pipelines.picture import Encoding, Format, Frame

BACKWARDS_BYTES = 256 * 2**20  # of frames kept to play a stretch backwards


class Fit(StrEnum):
    """What to do where a source has another shape than the film: cut its edges, leave black ones, or squeeze it."""

    FILL = "fill"
    FIT = "fit"
    STRETCH = "stretch"


def check_encoding(footage: Footage, encoding: Encoding) -> None:
    """Raise `InputError` for HDR in an SDR film: bringing its light down is a grade, not a montage."""
    if footage.encoding.is_hdr and not encoding.is_hdr:
        raise InputError(
            f"{footage.path}: got HDR ({footage.encoding}) for an SDR film, expected SDR; "
            "grade it to SDR first with aiprod grade, or make the film in HDR"
        )


def pictures(footage: Footage, numbers: Sequence[int], format: Format, fit: Fit, *, depth: int) -> Iterator[Frame]:
    """The frames `numbers` of `footage`, in that order and as often, as frames of `format` and `depth` bits.

    What lies outside the file is its first or last frame. Raises `MediaError` for damaged data.
    """
    last = footage.num_frames - 1
    asked = [min(max(number, 0), last) for number in numbers]
    size_px = _scaled_size(footage, format, fit)
    previous: Frame | None = None
    finished: Frame | None = None
    for frame in _in_order(footage, asked, size_px):
        if finished is None or frame is not previous:  # a frame that stands is made once
            previous, finished = frame, _as_film(_placed(frame, format), footage.encoding, format.encoding, depth)
        yield finished


def _in_order(footage: Footage, numbers: list[int], size_px: tuple[int, int] | None) -> Iterator[Frame]:
    """Frames in any order: runs that go forward are decoded as they are, those that go back in pieces from the end."""
    if all(a <= b for a, b in pairwise(numbers)):
        yield from footage.pick(numbers, size_px=size_px)
        return
    frame_bytes = footage.width_px * footage.height_px * 3 * footage.depth // 8
    piece = max(2, BACKWARDS_BYTES // frame_bytes)
    for begin in range(0, len(numbers), piece):
        part = numbers[begin : begin + piece]
        wanted = sorted(set(part))
        decoded = dict(zip(wanted, footage.pick(wanted, size_px=size_px), strict=True))
        yield from (decoded[number] for number in part)


def _scaled_size(footage: Footage, format: Format, fit: Fit) -> tuple[int, int] | None:
    """Width and height to scale to before the frame is cut or filled up; None where it has the size already."""
    width, height = format.width_px, format.height_px
    ratios = width / footage.width_px, height / footage.height_px
    if fit is not Fit.STRETCH:
        scale = max(ratios) if fit is Fit.FILL else min(ratios)
        width, height = max(1, round(footage.width_px * scale)), max(1, round(footage.height_px * scale))
    return None if (width, height) == (footage.width_px, footage.height_px) else (width, height)


def _placed(frame: Frame, format: Format) -> Frame:
    """A scaled frame in the middle of the film's: what is too large is cut, what is too small stands on black."""
    height, width = frame.shape[:2]
    if (width, height) == (format.width_px, format.height_px):
        return frame
    top, left = (height - format.height_px) // 2, (width - format.width_px) // 2
    if top >= 0 and left >= 0:
        return frame[top : top + format.height_px, left : left + format.width_px].copy()
    edges = (-top, format.height_px - height + top), (-left, format.width_px - width + left), (0, 0)
    return np.pad(frame, edges)  # type: ignore[return-value]  # of the frame's own type


def _as_film(frame: Frame, encoding: Encoding, wanted: Encoding, depth: int) -> Frame:
    """A frame in the film's encoding and depth: light to light, so that SDR white is at the reference white of HDR."""
    if encoding is wanted:
        return frame if frame.dtype.itemsize * 8 == depth else np.multiply(frame, 257, dtype=np.uint16)
    light = sdr_light(frame, wanted) if encoding is Encoding.REC709 else to_light(frame, encoding)
    return from_light(light, wanted, DEPTHS[f"uint{depth}"])
