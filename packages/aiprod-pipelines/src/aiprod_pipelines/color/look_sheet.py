"""One picture that shows another in every look, with the looks' names: what to choose from."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from aiprod_pipelines.color.grade import Grade
from aiprod_pipelines.color.grader import Grader
from aiprod_pipelines.color.looks import LOOKS

COLUMNS = 7
PICTURE_WIDTH_PX = 160
GAP_PX = 8
NAME_HEIGHT_PX = 22
PAPER = (245, 243, 238)
INK = (52, 60, 72)


def encode_look_sheet(picture: NDArray[np.uint8]) -> bytes:
    """PNG of an SDR picture, uint8 `[h w 3]`, as it is and then in all looks, in reading order."""
    height_px = round(PICTURE_WIDTH_PX * picture.shape[0] / picture.shape[1])
    small = Image.fromarray(picture).resize((PICTURE_WIDTH_PX, height_px), Image.Resampling.LANCZOS)
    plain = np.asarray(small, dtype=np.uint8)
    shown = {"as it is": plain} | {name: Grader(Grade(look=name), cube=None)(plain) for name in LOOKS}
    rows = -(-len(shown) // COLUMNS)
    across_px, down_px = PICTURE_WIDTH_PX + GAP_PX, height_px + NAME_HEIGHT_PX + GAP_PX
    sheet = Image.new("RGB", (COLUMNS * across_px + GAP_PX, rows * down_px + GAP_PX), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for place, (name, graded) in enumerate(shown.items()):
        row, column = divmod(place, COLUMNS)
        left, top = GAP_PX + column * across_px, GAP_PX + row * down_px
        sheet.paste(Image.fromarray(graded), (left, top))
        draw.text((left, top + height_px + 2), name, fill=INK, font=font)
    file = io.BytesIO()
    sheet.save(file, format="PNG", optimize=True)
    return file.getvalue()
