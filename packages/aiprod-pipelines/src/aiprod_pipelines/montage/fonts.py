"""The typefaces of titles: Source Sans 3, inside the package, or any font file that a title names."""

from functools import cache
from pathlib import Path

from PIL import ImageFont

from aiprod_core.errors import InputError

FOLDER = Path(__file__).parent / "fonts"
FACES = {
    "regular": FOLDER / "SourceSans3-Regular.otf",
    "bold": FOLDER / "SourceSans3-Bold.otf",
    "italic": FOLDER / "SourceSans3-It.otf",
}
NOT_A_CHARACTER = "\U0010ffff"  # no font has it: it shows what a missing glyph looks like


@cache
def load(name: str, size_px: int) -> ImageFont.FreeTypeFont:
    """The face `name` (regular, bold, italic, or the path of a font file) at `size_px` from baseline to baseline.

    Raises `InputError` for a file that is missing or no font.
    """
    path = FACES.get(name, Path(name))
    if not path.is_file():
        raise InputError(f"font: got {name!r}, no such file; expected {', '.join(FACES)} or the path of a font file")
    try:
        return ImageFont.truetype(str(path), size_px)
    except OSError as error:
        raise InputError(f"{path}: got no font ({error}), expected a TrueType or OpenType file") from error


def check(text: str, name: str) -> None:
    """Raise `InputError` naming the characters of `text` that the face `name` has no picture for."""
    font = load(name, 32)
    missing = font.getmask(NOT_A_CHARACTER)
    unknown = bytes(missing), missing.size
    lost = sorted({c for c in text if not c.isspace() and (bytes(m := font.getmask(c)), m.size) == unknown})
    if lost:
        raise InputError(
            f"title {text[:30]!r}: got {' '.join(lost)}, which the font {name!r} cannot show; "
            "name one that can with `font:`, the path of a .ttf or .otf file"
        )
