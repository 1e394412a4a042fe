"""Real video as a codec's test: the first frames of every readable file of a folder."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np
from torch import Tensor

from aiprod_trainer.worlds.pixels import video_tensor

ENDINGS = (".mp4", ".mov", ".mkv", ".webm")


def real_videos(folder: Path, *, frames: int, size_px: int) -> Iterator[tuple[str, Tensor | None]]:
    """Name and first `frames` frames of each video in `folder`, in order: `[3 t h w]`, the middle square, scaled.

    None instead of frames for a file that cannot be read or is too short.
    """
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS):
        yield path.name, _first_frames(path, frames, size_px)


def _first_frames(path: Path, frames: int, size_px: int) -> Tensor | None:
    try:
        with av.open(str(path)) as container:
            pictures = [_square(frame, size_px) for frame in islice(container.decode(video=0), frames)]
    except (av.FFmpegError, IndexError, OSError, ValueError):
        return None
    return video_tensor(np.stack(pictures)) if len(pictures) == frames else None


def _square(frame: av.VideoFrame, size_px: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    scale = size_px / min(frame.width, frame.height)
    width, height = max(size_px, round(frame.width * scale)), max(size_px, round(frame.height * scale))
    picture = frame.to_ndarray(format="rgb24", width=width, height=height)
    left, top = (width - size_px) // 2, (height - size_px) // 2
    return picture[top : top + size_px, left : left + size_px].astype(np.uint8)
