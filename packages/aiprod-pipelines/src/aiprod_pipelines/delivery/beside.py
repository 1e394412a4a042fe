"""What lies beside a delivered film: its poster frame, a contact sheet, and its subtitles as SRT and WebVTT.

Reads the film as it was delivered, a frame at a time. HDR pictures are shown as SDR.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aiprod_pipelines import output
from aiprod_pipelines.color.grade import Grade
from aiprod_pipelines.color.grader import Grader
from aiprod_pipelines.color.spaces import ToneMap
from aiprod_pipelines.contact_sheet import encode_contact_sheet
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.media import Clip
from aiprod_pipelines.subtitle_files import encode_subtitles
from aiprod_pipelines.subtitles import Cue

CANDIDATES = 9  # for the poster: evenly spaced, the ends left out, where titles and fades are
SHEET_FRAMES = 12
SHEET_WIDTH_PX = 320


def write_beside(film: Path, cues: Sequence[Cue] = ()) -> tuple[Path, ...]:
    """Write `film.poster.png`, `film.contact.png` and, where there are cues, `film.srt` and `film.vtt`; all or none.

    Raises `MediaError` where the film cannot be read or the files cannot be written.
    """
    footage = Footage.open(film)
    files = {
        film.with_suffix(".poster.png"): poster(footage),
        film.with_suffix(".contact.png"): contact_sheet(footage),
    }
    if cues:
        files |= {film.with_suffix(suffix): encode_subtitles(cues, suffix) for suffix in (".srt", ".vtt")}
    output.save(files)
    return tuple(files)


def poster(footage: Footage) -> bytes:
    """PNG of the frame that shows most: of some evenly spaced, that whose tones spread furthest."""
    picks = np.linspace(0, footage.num_frames - 1, CANDIDATES + 2).round().astype(int)[1:-1]
    frames = [_shown(footage, int(pick)) for pick in np.unique(picks)]
    spreads = [float(frame.mean(axis=2).std()) for frame in frames]
    file = io.BytesIO()
    Image.fromarray(frames[int(np.argmax(spreads))]).save(file, format="PNG")
    return file.getvalue()


def contact_sheet(footage: Footage) -> bytes:
    """PNG of evenly spaced frames over the waveform."""
    width = min(SHEET_WIDTH_PX, footage.width_px)
    size_px = (width, max(1, round(width * footage.height_px / footage.width_px)))
    picks = np.unique(np.linspace(0, footage.num_frames - 1, SHEET_FRAMES).round().astype(int))
    frames = np.stack([_shown(footage, int(pick), size_px) for pick in picks])
    sound = footage.sound()
    loudest = np.abs(sound.samples).max(axis=0, keepdims=True) if sound is not None else None
    return encode_contact_sheet(Clip(frames, float(footage.frame_rate), loudest), columns=4, rows=3)


def _shown(footage: Footage, number: int, size_px: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """A frame as 8-bit SDR."""
    show = Grader(Grade(), footage.encoding, tone_map=ToneMap.BT2390, cube=None)
    frame = show(next(footage.frames(number, number + 1, size_px=size_px)))
    codes = frame.astype(np.uint32)
    return (codes if frame.dtype == np.uint8 else (codes * 255 + 32_767) // 65_535).astype(np.uint8)
