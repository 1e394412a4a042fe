"""The frames of an edit, one after the other: sources decoded once and in order, layers laid over each other.

A frame that nothing touches goes through as it was decoded. Knows no container; `delivery` takes what comes out.
"""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aiprod_core.errors import InputError
from aiprod_pipelines.montage.edit import Edit, Layer, Shot
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.reel import Fit, check_encoding
from aiprod_pipelines.montage.reels import Key, Reels
from aiprod_pipelines.montage.titles import Title
from aiprod_pipelines.montage.transitions import BLACK, Kind, dissolve, solid
from aiprod_pipelines.picture import Format, Frame


def frames(edit: Edit, format: Format, media: MediaBin, *, fit: Fit = Fit.FILL) -> Iterator[Frame]:
    """Every frame of `edit` in `format`, exactly `edit.num_frames` of them; empty time is black.

    8-bit where every source and the film are SDR of 8 bits, else 16-bit. Raises `InputError` for a format of another
    frame rate and for HDR sources in an SDR film, `MediaError` for damaged media; before the first frame where it can.
    """
    if format.frame_rate != edit.frame_rate:
        raise InputError(
            f"format: got {format.frame_rate} frames/s for an edit at {edit.frame_rate}, expected the same; "
            "conform the timeline at the film's rate"
        )
    depth = 16 if format.encoding.is_hdr else 8
    for path in edit.files():
        footage = media.open(path).footage
        if footage is not None:
            check_encoding(footage, format.encoding)
            depth = max(depth, footage.depth)
    return _frames(edit, _Screen(format=format, depth=depth, reels=Reels.of(edit, format, media, fit, depth)))


def ahead(frames: Iterator[Frame], count: int = 4) -> Iterator[Frame]:
    """`frames` made in a thread of their own, up to `count` before they are asked for: decoding beside encoding."""
    ready: queue.Queue[Frame | BaseException | None] = queue.Queue(count)
    stopped = threading.Event()

    def put(thing: Frame | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                ready.put(thing, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        try:
            for frame in frames:
                if not put(frame):
                    return
            put(None)
        except BaseException as error:  # raised again where the frames are taken
            put(error)

    thread = threading.Thread(target=make, name="montage", daemon=True)
    thread.start()
    try:
        while (thing := ready.get()) is not None:
            if isinstance(thing, BaseException):
                raise thing
            yield thing
    finally:
        stopped.set()
        thread.join()


def _frames(edit: Edit, screen: "_Screen") -> Iterator[Frame]:
    with screen.reels:
        for number in range(edit.num_frames):
            picture = screen.painted(edit, number, None, ())
            yield screen.black() if picture is None else picture


@dataclass(frozen=True, kw_only=True)
class _Screen:
    """What pictures are laid on: the film's format and the sources that run."""

    format: Format
    depth: int
    reels: "Reels"

    def black(self) -> Frame:
        like = np.empty((self.format.height_px, self.format.width_px, 3), f"uint{self.depth}")
        return solid(BLACK, like, self.format.encoding)

    def painted(self, edit: Edit, number: int, below: Frame | None, key: Key) -> Frame | None:
        """The picture of `edit` over `below`, begun at the topmost layer that hides all others."""
        for layer in edit.visible(number):
            below = self._laid(layer, number, below, key)
        return below

    def _laid(self, layer: Layer, number: int, below: Frame | None, key: Key) -> Frame | None:
        blend = layer.blend(number)
        if blend is None:
            shot = layer.shot(number)
            return below if shot is None else self._shown(shot, number, below, key)
        # A fade comes from its colour; in all else what lies below shows where a side is empty.
        empty = None if blend.transition.kind is Kind.FADE else below
        sides = [empty if s is None else self._shown(s, number, below, key) for s in (blend.before, blend.after)]
        if sides[0] is None and sides[1] is None:
            return below
        return blend.transition.mix(sides[0], sides[1], blend.progress(number), self.format.encoding)

    def _shown(self, shot: Shot, number: int, below: Frame | None, key: Key) -> Frame | None:
        """The picture of `shot` over `below`."""
        source, encoding = shot.source, self.format.encoding
        if isinstance(source, Title):
            ground = self.black() if below is None else below
            length = shot.end - shot.start
            return source.over(ground, number - shot.start, length, self.format.frame_rate, encoding, shot.opacity)
        if isinstance(source, Edit):
            picture = self.painted(source, shot.picture(number, source.frame_rate), below, (*key, id(shot)))
        elif isinstance(source, Path):
            picture = self.reels.next((*key, id(shot)))
        else:
            picture = solid(source, self.black(), encoding)
        if picture is None or shot.opacity >= 1:
            return picture
        return dissolve(self.black() if below is None else below, picture, shot.opacity, encoding)
