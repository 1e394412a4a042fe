import io

import numpy as np
from PIL import Image

from aiprod_pipelines.contact_sheet import GAP_PX, WAVE_HEIGHT_PX, encode_contact_sheet
from aiprod_pipelines.media import Clip


def test_the_sheet_shows_first_and_last_frame_in_place(clip: Clip) -> None:
    sheet = np.asarray(Image.open(io.BytesIO(encode_contact_sheet(clip, columns=4, rows=2))))
    _, height, width, _ = clip.frames.shape
    assert sheet.shape[:2] == (2 * height + 3 * GAP_PX + WAVE_HEIGHT_PX + GAP_PX, 4 * width + 5 * GAP_PX)
    assert (sheet[GAP_PX : GAP_PX + height, GAP_PX : GAP_PX + width] == clip.frames[0]).all()
    top, left = 2 * GAP_PX + height, 4 * GAP_PX + 3 * width
    assert (sheet[top : top + height, left : left + width] == clip.frames[-1]).all()


def test_the_waveform_stands_where_the_sound_is() -> None:
    sound = np.zeros((1, 24_000), np.float32)
    sound[0, 12_000:] = 1.0
    clip = Clip(np.zeros((4, 32, 32, 3), np.uint8), 4.0, sound)
    sheet = np.asarray(Image.open(io.BytesIO(encode_contact_sheet(clip)))).astype(int)
    wave = sheet[-WAVE_HEIGHT_PX - GAP_PX : -GAP_PX, GAP_PX:-GAP_PX]
    dark = (wave.sum(-1) < 300).mean(axis=0)
    assert dark[: len(dark) // 2 - 1].max() < 0.1
    assert dark[len(dark) // 2 + 1 :].min() > 0.95


def test_a_single_silent_frame_is_a_sheet_too() -> None:
    sheet = Image.open(io.BytesIO(encode_contact_sheet(Clip(np.zeros((1, 16, 16, 3), np.uint8), 1.0))))
    assert sheet.size == (16 + 2 * GAP_PX, 16 + 2 * GAP_PX)
