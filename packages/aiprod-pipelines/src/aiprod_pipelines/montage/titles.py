"""Words on pictures: title card, lower third, caption and rolling credits, from 128 px to 8K.

A title is drawn once, as coverage of ink and of a dark halo, and laid over pictures in light, its white at reference
white. Sizes are parts of the picture; words stay inside the safe area of EBU R 95. Knows no timeline and no file.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from aiprod_core.errors import InputError
from aiprod_pipelines.color.transfer import from_light, to_light
from aiprod_pipelines.montage import fonts
from aiprod_pipelines.montage.light import sdr_light
from aiprod_pipelines.montage.transitions import DEPTHS
from aiprod_pipelines.picture import Encoding, Frame

SAFE = 0.05  # of width and height, at each edge: EBU R 95, graphics safe area
SMALLEST_PX = 9
LEADING = 1.25  # baseline to baseline, in sizes
HALO = 0.85  # the darkest that the halo makes what lies below
WHITE = (255, 255, 255)


class Style(StrEnum):
    """Where the words stand, and how."""

    CARD = "card"
    LOWER_THIRD = "lower_third"
    CAPTION = "caption"
    CREDITS = "credits"


SIZES = {Style.CARD: 0.12, Style.LOWER_THIRD: 0.06, Style.CAPTION: 0.055, Style.CREDITS: 0.055}  # of the shorter side
DETAIL = 0.6  # size of the second line, in those of the first


@dataclass(frozen=True, kw_only=True)
class Title:
    """Words and how they look. `detail`: smaller, below `text`. `size`: in that of the style.

    `font`: regular, bold, italic, or a font file. `colour`: RGB, 0 to 255. `fade_in_s`, `fade_out_s`: at the ends of
    its time on the screen. Credits roll through the picture once in that time. Raises `InputError`.
    """

    text: str
    detail: str = ""
    style: Style = Style.CARD
    font: str = "regular"
    colour: tuple[int, int, int] = WHITE
    size: float = 1.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InputError("title: got no words, expected some text; leave the title out instead")
        if len(self.colour) != 3 or not all(0 <= value <= 255 for value in self.colour):
            raise InputError(f"title {self.text[:30]!r}: got the colour {self.colour}, expected three of 0 to 255")
        if not 0.2 <= self.size <= 5:
            raise InputError(f"title {self.text[:30]!r}: got a size of {self.size}, expected 0.2 to 5")
        if self.fade_in_s < 0 or self.fade_out_s < 0:
            raise InputError(f"title {self.text[:30]!r}: got a negative fade, expected seconds from 0")
        fonts.check(self.text + self.detail, self.font)

    def over(
        self, below: Frame, frame: int, num_frames: int, frame_rate: Fraction, encoding: Encoding, opacity: float = 1.0
    ) -> Frame:
        """The picture `below`, `[h w 3]`, under the `frame`-th of the title's `num_frames`; itself where it is clear.

        `opacity`: of the whole title, 0 to 1, besides its own fades.
        """
        height, width = below.shape[:2]
        top = None
        if self.style is Style.CREDITS:
            strip_px = _drawn(self, width, height).ink.shape[0]
            top = round((frame + 0.5) / num_frames * (height + strip_px)) - height
        shown = _placed(self, width, height, top, encoding)
        strength = np.float32(opacity * self._fade(frame, num_frames, frame_rate))
        if not shown.where.size or strength <= 0:
            return below
        result: Frame = below.copy(order="C")
        pixels: Frame = result.reshape(-1, 3)
        light = to_light(pixels[shown.where], encoding) * (1 - strength * shown.cover) + strength * shown.light
        pixels[shown.where] = from_light(light, encoding, DEPTHS[below.dtype.name])
        return result

    def _fade(self, frame: int, num_frames: int, frame_rate: Fraction) -> float:
        in_frames, out_frames = self.fade_in_s * float(frame_rate), self.fade_out_s * float(frame_rate)
        rising = (frame + 0.5) / in_frames if in_frames else 1.0
        falling = (num_frames - frame - 0.5) / out_frames if out_frames else 1.0
        return max(0.0, min(1.0, rising, falling))


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    """Coverage of ink and of what darkens below it, 0 to 255, `[h w]`; `corner`: where it stands, from the top left."""

    ink: NDArray[np.uint8]
    halo: NDArray[np.uint8]
    corner: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """The pixels that a title touches. `where`: `[k]` in the flattened picture; `light`: `[k 3]`; `cover`: `[k 1]`."""

    where: NDArray[np.intp]
    light: NDArray[np.float32]
    cover: NDArray[np.float32]


@lru_cache(maxsize=4)  # of rolling credits, every frame is another
def _placed(title: Title, width_px: int, height_px: int, top_px: int | None, encoding: Encoding) -> _Shown:
    """The drawing in the picture; `top_px`: the first row of a rolling strip that is seen."""
    drawing = _drawn(title, width_px, height_px)
    x, y = drawing.corner
    ink, halo = np.zeros((2, height_px, width_px), np.float32)
    if top_px is None:
        rows, columns = slice(y, y + drawing.ink.shape[0]), slice(x, x + drawing.ink.shape[1])
        ink[rows, columns], halo[rows, columns] = drawing.ink, drawing.halo
    else:
        first, last = max(top_px, 0), min(top_px + height_px, drawing.ink.shape[0])
        if first < last:
            rows, columns = slice(first - top_px, last - top_px), slice(x, x + drawing.ink.shape[1])
            ink[rows, columns], halo[rows, columns] = drawing.ink[first:last], drawing.halo[first:last]
    where = np.flatnonzero((ink > 0) | (halo > 0))
    inked = ink.reshape(-1)[where] / np.float32(255)
    shaded = halo.reshape(-1)[where] * np.float32(HALO / 255)
    colour = sdr_light(np.asarray(title.colour, np.uint8), encoding)  # [3], white at reference white
    return _Shown(where=where, light=inked[:, None] * colour, cover=(inked + shaded * (1 - inked))[:, None])


@lru_cache(maxsize=16)
def _drawn(title: Title, width_px: int, height_px: int) -> _Drawing:
    safe_px = round(width_px * (1 - 2 * SAFE)), round(height_px * (1 - 2 * SAFE))
    lines = _fitted(title, width_px, height_px, safe_px)
    edge_px = max(1, round(lines[0][1].size * 0.06))
    pad_px = 4 * edge_px
    left = title.style is Style.LOWER_THIRD
    heights = [round(font.size * LEADING) for _, font in lines]
    block = round(max(font.getlength(line) for line, font in lines)) + 2 * pad_px, sum(heights) + 2 * pad_px
    ink = Image.new("L", block)
    thick = Image.new("L", block)
    y = pad_px
    for (line, font), tall in zip(lines, heights, strict=True):
        x = pad_px if left else (block[0] - font.getlength(line)) / 2
        spot = (x, y + round(0.95 * font.size))
        ImageDraw.Draw(ink).text(spot, line, fill=255, font=font, anchor="ls")
        ImageDraw.Draw(thick).text(spot, line, fill=255, font=font, anchor="ls", stroke_width=edge_px)
        y += tall
    # An outline for fine detail below, and a soft shadow for bright surroundings.
    halo = ImageChops.lighter(thick, thick.filter(ImageFilter.GaussianBlur(1.5 * edge_px)))
    corner = _corner(title.style, block, width_px, height_px, pad_px)
    return _cropped(np.asarray(ink), np.asarray(halo), corner, width_px, height_px, title.style)


def _corner(style: Style, block: tuple[int, int], width_px: int, height_px: int, pad_px: int) -> tuple[int, int]:
    """Top left of a block of words, so that its words and not its halo keep to the safe area."""
    middle = (width_px - block[0]) // 2
    bottom = round(height_px * (1 - SAFE)) - block[1] + pad_px
    match style:
        case Style.CARD:
            return middle, (height_px - block[1]) // 2
        case Style.LOWER_THIRD:
            return round(width_px * SAFE) - pad_px, bottom
        case Style.CAPTION:
            return middle, bottom
        case Style.CREDITS:
            return middle, 0


def _cropped(
    ink: NDArray[np.uint8],
    halo: NDArray[np.uint8],
    corner: tuple[int, int],
    width_px: int,
    height_px: int,
    style: Style,
) -> _Drawing:
    """What of a block lies inside the picture; a rolling strip may be as tall as it likes."""
    x, y = corner
    columns = slice(max(-x, 0), min(width_px - x, ink.shape[1]))
    rows = slice(None) if style is Style.CREDITS else slice(max(-y, 0), min(height_px - y, ink.shape[0]))
    return _Drawing(ink=ink[rows, columns], halo=halo[rows, columns], corner=(max(x, 0), max(y, 0)))


def _fitted(
    title: Title, width_px: int, height_px: int, safe_px: tuple[int, int]
) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """Lines and their fonts: wrapped at the safe width, and smaller where a word or all of them would not fit.

    Raises `InputError` for words that do not fit at the smallest size.
    """
    size_px = max(SMALLEST_PX, round(min(width_px, height_px) * SIZES[title.style] * title.size))
    while True:
        large = fonts.load(title.font, size_px)
        small = fonts.load(title.font, max(SMALLEST_PX, round(size_px * DETAIL)))
        lines = [(line, large) for line in _wrapped(title.text, large, safe_px[0])]
        if title.detail:
            lines += [(line, small) for line in _wrapped(title.detail, small, safe_px[0])]
        wide = max(font.getlength(line) for line, font in lines) > safe_px[0]
        tall = title.style is not Style.CREDITS and sum(font.size * LEADING for _, font in lines) > safe_px[1]
        if not wide and not tall:
            return lines
        if size_px == SMALLEST_PX:
            raise InputError(
                f"title {title.text[:30]!r}: got more than {width_px}×{height_px} px can show at {SMALLEST_PX} px, "
                "expected fewer or shorter words; shorten it, or make the film larger"
            )
        size_px = max(SMALLEST_PX, round(size_px * 0.9))


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width_px: int) -> list[str]:
    """Lines no wider than `width_px` where words allow; line breaks of the text stay."""
    lines = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width_px:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return lines
