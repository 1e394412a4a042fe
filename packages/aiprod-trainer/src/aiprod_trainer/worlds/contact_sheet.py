"""Contact sheets: clips as rows of evenly spaced frames, each under its title, for eyes that compare."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from aiprod_core.errors import InputError

GAP_PX = 2
TITLE_PX = 18
BACKGROUND = (20, 20, 24)
INK = (235, 235, 240)


def contact_sheet(clips: Sequence[NDArray[np.uint8]], titles: Sequence[str], columns: int = 8) -> Image.Image:
    """One row a clip: `columns` frames from the first to the last of uint8 `[t h w c]`.

    Raises `InputError` for no clip, no column, or not one title a clip.
    """
    if not clips or columns < 1 or len(titles) != len(clips):
        raise InputError(
            f"contact sheet: got {len(clips)} clips, {len(titles)} titles, {columns} columns; "
            "expected at least one clip and column, and one title a clip; pass them so"
        )
    cell_width = max(clip.shape[2] for clip in clips) + GAP_PX
    row_heights = [TITLE_PX + clip.shape[1] + GAP_PX for clip in clips]
    sheet = Image.new("RGB", (columns * cell_width - GAP_PX, sum(row_heights)), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    top = 0
    for clip, title, row_height in zip(clips, titles, row_heights, strict=True):
        draw.text((4, top + 2), title, fill=INK, font=font)
        for column, frame in enumerate(np.linspace(0, len(clip) - 1, columns).round().astype(int)):
            sheet.paste(Image.fromarray(clip[frame]), (column * cell_width, top + TITLE_PX))
        top += row_height
    return sheet
