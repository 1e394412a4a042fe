"""One picture that shows a whole clip: evenly spaced frames over the waveform of its sound."""

import io
import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aiprod_pipelines.media import Clip

GAP_PX = 4
PAPER = (245, 243, 238)
INK = (52, 60, 72)
WAVE_HEIGHT_PX = 64


def encode_contact_sheet(clip: Clip, *, columns: int = 4, rows: int = 3) -> bytes:
    """PNG of up to `columns · rows` frames of `clip` in reading order, and its waveform below where it has sound."""
    shown = min(columns * rows, len(clip.frames))
    picks = np.linspace(0, len(clip.frames) - 1, shown).round().astype(int)
    _, height, width, _ = clip.frames.shape
    across, down = min(columns, shown), math.ceil(shown / columns)
    sheet_width = across * (width + GAP_PX) + GAP_PX
    sheet_height = down * (height + GAP_PX) + GAP_PX + (WAVE_HEIGHT_PX + GAP_PX if clip.audio is not None else 0)
    sheet = Image.new("RGB", (sheet_width, sheet_height), PAPER)
    for place, pick in enumerate(picks):
        row, column = divmod(place, columns)
        corner = (GAP_PX + column * (width + GAP_PX), GAP_PX + row * (height + GAP_PX))
        sheet.paste(Image.fromarray(clip.frames[pick]), corner)
    if clip.audio is not None:
        wave = _waveform(clip.audio, sheet_width - 2 * GAP_PX)
        sheet.paste(Image.fromarray(wave), (GAP_PX, sheet_height - WAVE_HEIGHT_PX - GAP_PX))
    file = io.BytesIO()
    sheet.save(file, format="PNG")
    return file.getvalue()


def _waveform(audio: NDArray[np.float32], width: int) -> NDArray[np.uint8]:
    """Peaks of `audio` `[c s]` as a picture `[h w c]`: one column of pixels per slice of time, full scale at ±1."""
    loudest = np.abs(audio).max(axis=0)
    edges = np.linspace(0, len(loudest), width + 1).round().astype(int)
    peaks = [loudest[start:end].max(initial=0.0) for start, end in pairwise(edges)]
    from_middle = np.abs(np.arange(WAVE_HEIGHT_PX) - (WAVE_HEIGHT_PX - 1) / 2) / (WAVE_HEIGHT_PX / 2)
    inked = from_middle[:, None] <= np.maximum(peaks, 1 / WAVE_HEIGHT_PX)[None, :]
    return np.where(inked[..., None], INK, (255, 255, 255)).astype(np.uint8)
