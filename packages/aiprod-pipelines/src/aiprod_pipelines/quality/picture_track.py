"""What a film's pictures measure, a few numbers a frame: brightness, change, sharpness, and a small copy of each.

Frames go by one at a time; nothing is judged here (`picture_faults`). Luma is full range, 0 black and 1 white.
"""

import io
from dataclasses import dataclass, field

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation
from numpy.typing import NDArray
from PIL import Image

from aiprod_pipelines.quality.finding import Thumbnail

SMALL_PX = (32, 18)  # width and height of the copies by which frames are recognised
CELLS_PX = (16, 9)  # of the grid on which flashes are counted
THUMBNAIL_WIDTH_PX = 240
FAITHFUL = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
PLANAR = ("yuv420p", "yuv422p", "yuv444p")  # whose first plane is luma of 8 bits, in the range of television
FULL_RANGE = ((np.arange(256) - 16) * (255 / 219)).round().clip(0, 255).astype(np.uint8)
TOP_SHARE = 0.999  # a share of 0.001 of the pixels may be brighter or steeper: specks of noise


def luma_of(frame: av.VideoFrame, size_px: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Luma `[h w]` of a decoded frame, full range, 0 to 255; scaled to `size_px` (width, height) by averaging."""
    if size_px in (None, (frame.width, frame.height)) and frame.format.name in PLANAR:
        plane = frame.planes[0]
        whole = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]  # it is a buffer
        codes = whole.reshape(plane.height, plane.line_size)[:, : plane.width]
        return FULL_RANGE[codes] if frame.color_range != ColorRange.JPEG else codes.copy()
    width, height = size_px or (None, None)
    grey = frame.reformat(
        width=width, height=height, format="gray", dst_color_range=ColorRange.JPEG, interpolation=FAITHFUL, threads=1
    )
    return np.asarray(grey.to_ndarray(), np.uint8)


@dataclass
class PictureTrack:
    """Measures of every frame seen, in lists of one length.

    `brightest`: luma that 99.9 % of the pixels do not exceed. `mean`: of luma. `change`: mean difference of luma to
    the frame before, 0 for the first. `edge_share`: width of the steepest edge as a share of the picture's width, nan
    where there is too little contrast to tell. `small`: copies `[18 32 3]`. `row_mean`, `row_top` (and columns): the
    highest that the mean and the top of each row reached in any frame. `thumbnail_every_s`: None makes none.
    """

    thumbnail_every_s: float | None
    times_s: list[float] = field(default_factory=list)
    brightest: list[float] = field(default_factory=list)
    mean: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)
    edge_share: list[float] = field(default_factory=list)
    small: list[NDArray[np.uint8]] = field(default_factory=list)
    row_mean: NDArray[np.float64] | None = None
    row_top: NDArray[np.float64] | None = None
    column_mean: NDArray[np.float64] | None = None
    column_top: NDArray[np.float64] | None = None
    thumbnails: list[Thumbnail] = field(default_factory=list)
    _before: NDArray[np.uint8] | None = None

    def see(self, frame: av.VideoFrame, time_s: float) -> None:
        """Take in the next frame."""
        luma = luma_of(frame)
        levels = np.bincount(luma.ravel(), minlength=256)
        dark, bright = _level(levels, 1 - TOP_SHARE), _level(levels, TOP_SHARE)
        self.times_s.append(time_s)
        self.brightest.append(bright / 255)
        self.mean.append(float(levels @ np.arange(256)) / luma.size / 255)
        comparable = self._before is not None and self._before.shape == luma.shape
        self.change.append(_difference(luma, self._before) if comparable and self._before is not None else 0.0)
        self.edge_share.append(_edge_share(luma, bright - dark))
        self.small.append(_rgb(frame, *SMALL_PX))
        self._see_edges(luma)
        self._before = luma
        every_s = self.thumbnail_every_s
        if every_s is not None and (not self.thumbnails or time_s >= self.thumbnails[-1].time_s + every_s):
            self.thumbnails.append(Thumbnail(time_s=time_s, png=_png(frame)))

    def _see_edges(self, luma: NDArray[np.uint8]) -> None:
        rows, columns = luma.mean(axis=1) / 255, luma.mean(axis=0) / 255
        row_top, column_top = luma.max(axis=1) / 255, luma.max(axis=0) / 255
        if self.row_mean is None or len(self.row_mean) != len(rows) or self.row_top is None:
            self.row_mean, self.row_top, self.column_mean, self.column_top = rows, row_top, columns, column_top
            return
        assert self.column_mean is not None
        assert self.column_top is not None
        for highest, now in (
            (self.row_mean, rows),
            (self.row_top, row_top),
            (self.column_mean, columns),
            (self.column_top, column_top),
        ):
            np.maximum(highest, now, out=highest)


def _level(levels: NDArray[np.intp], share: float) -> int:
    """The value that `share` of all counted ones do not exceed."""
    return int(np.searchsorted(np.cumsum(levels), share * levels.sum()))


def _difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two pictures, in [0, 1]."""
    return float((np.maximum(a, b) - np.minimum(a, b)).mean() / 255)


def _edge_share(luma: NDArray[np.uint8], contrast: int) -> float:
    """Contrast over the steepest slope: pixels that the narrowest edge takes, over the picture's width."""
    if contrast < 0.2 * 255:
        return float("nan")
    slopes = np.bincount(np.abs(np.diff(luma.astype(np.int16), axis=1)).ravel(), minlength=256)
    return contrast / max(_level(slopes, TOP_SHARE), 0.5) / luma.shape[1]


def _rgb(frame: av.VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation=FAITHFUL, threads=1)
    return np.asarray(small.to_ndarray(), np.uint8)


def _png(frame: av.VideoFrame) -> bytes:
    """A thumbnail as it is shown, upright."""
    height = max(2, round(THUMBNAIL_WIDTH_PX * frame.height / frame.width))
    picture = np.rot90(_rgb(frame, THUMBNAIL_WIDTH_PX, height), frame.rotation // 90 % 4)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, format="PNG")
    return file.getvalue()
