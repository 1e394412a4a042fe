import io

import numpy as np
from PIL import Image

from aiprod_pipelines.color import look_sheet
from aiprod_pipelines.color.looks import LOOKS
from aiprod_pipelines.picture import Frame


def test_a_sheet_shows_the_picture_and_every_look(frame: Frame) -> None:
    content = look_sheet.encode_look_sheet(frame.astype(np.uint8))
    with Image.open(io.BytesIO(content)) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    rows = -(-(len(LOOKS) + 1) // look_sheet.COLUMNS)
    height_px = look_sheet.PICTURE_WIDTH_PX // 2 + look_sheet.NAME_HEIGHT_PX + look_sheet.GAP_PX
    width_px = look_sheet.PICTURE_WIDTH_PX + look_sheet.GAP_PX
    assert pixels.shape[0] == rows * height_px + look_sheet.GAP_PX
    middles = [
        pixels[look_sheet.GAP_PX + r * height_px + 30, look_sheet.GAP_PX + c * width_px + 30]
        for r in range(rows)
        for c in range(look_sheet.COLUMNS)
    ]
    assert len({tuple(middle) for middle in middles}) > len(LOOKS) // 2
    assert content == look_sheet.encode_look_sheet(frame.astype(np.uint8))
