"""Lookup tables and colour decision lists as files: read by OpenColorIO, written so that it reads them back.

OpenColorIO keeps what it read by path, so a file that was rewritten would come back as it was: every content is given
to it under a name of its own. Knows formats; nothing of grades as a whole or of when a table is used.
"""

import hashlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import PyOpenColorIO as ocio

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.color import spaces
from aiprod_pipelines.color.grade import Cdl
from aiprod_pipelines.color.transfer import Float

TABLES = (".cube", ".clf", ".ctf", ".spi1d", ".spi3d", ".3dl", ".csp")
DECISIONS = (".cc", ".ccc", ".cdl")
LARGEST_CUBE = 129  # of OpenColorIO
KEPT = 16  # tables in memory

T = TypeVar("T")


@dataclass(frozen=True)
class Lut:
    """A table that was read: what it does to colours, and the SHA-256 of its file."""

    digest: str
    processor: ocio.CPUProcessor = field(compare=False)

    def __call__(self, rgb: Float) -> Float:
        """Colours `[… 3]` through the table; three-dimensional ones by tetrahedral interpolation."""
        return spaces.apply(self.processor, rgb)


def read(path: Path) -> Lut:
    """The table, or the colour decision list, at `path`.

    Raises `MediaError` naming the file, and the line where the format tells, for what is missing, foreign, cut off or
    not finite.
    """
    content = _content(path, TABLES + DECISIONS)
    processor = _load(path, lambda: _processor(content, path.suffix.lower()))
    return Lut(digest=hashlib.sha256(content).hexdigest(), processor=processor)


def read_cdl(path: Path, correction: str = "") -> Cdl:
    """The decision list in a .cc, .ccc or .cdl file: that called `correction`, or the first.

    Raises `MediaError` as `read` does, and where no correction has that name.
    """
    content = _content(path, DECISIONS)

    def parse(copy: Path) -> ocio.CDLTransform:
        return ocio.CDLTransform.CreateFromFile(str(copy), correction)

    decision = _load(path, lambda: _with_copy(content, path.suffix.lower(), parse))
    slope, offset, power = decision.getSlope(), decision.getOffset(), decision.getPower()
    return Cdl(slope=tuple(slope), offset=tuple(offset), power=tuple(power), saturation=decision.getSat())


def encode_cube(table: Float, *, title: str, top: float = 1.0) -> bytes:
    """A table as an Iridas .cube: `[n 3]` in one dimension, `[r g b 3]` in three, over [0, `top`]."""
    size = len(table)
    domain = "" if top == 1 else f"DOMAIN_MIN 0 0 0\nDOMAIN_MAX {top:.9f} {top:.9f} {top:.9f}\n"
    rows = table if table.ndim == 2 else table.transpose(2, 1, 0, 3).reshape(-1, 3)  # red runs fastest
    values = "".join("%.8f %.8f %.8f\n" % tuple(row) for row in rows.tolist())  # noqa: UP031  # half the time
    dimensions = "1D" if table.ndim == 2 else "3D"
    return f'TITLE "{title}"\nLUT_{dimensions}_SIZE {size}\n{domain}{values}'.encode()


def encode_clf(table: Float, *, title: str, top: float = 1.0) -> bytes:
    """A table `[r g b 3]` over [0, `top`] as an Academy/ASC Common LUT Format file."""
    group = ocio.GroupTransform([*cube_transforms(table, top)])
    group.getFormatMetadata().setName(title)
    return group.write(formatName="Academy/ASC Common LUT Format", config=spaces.config()).encode()


def encode_cdl(cdl: Cdl, suffix: str, *, name: str) -> bytes:
    """A decision list as .cc or .ccc, called `name`. Raises `InputError` for another suffix."""
    formats = {".cc": "ColorCorrection", ".ccc": "ColorCorrectionCollection"}
    if suffix not in formats:
        raise InputError(f"{suffix}: got a suffix of no decision list, expected {' or '.join(formats)}")
    transform = ocio.CDLTransform()
    transform.setSlope(cdl.slope)
    transform.setOffset(cdl.offset)
    transform.setPower(cdl.power)
    transform.setSat(cdl.saturation)
    transform.setID(name)
    return ocio.GroupTransform([transform]).write(formatName=formats[suffix], config=spaces.config()).encode()


def cube_transforms(table: Float, top: float) -> tuple[ocio.Transform, ...]:
    """OpenColorIO's operations for a table `[r g b 3]` over [0, `top`]."""
    cube = ocio.Lut3DTransform(len(table))
    cube.setInterpolation(ocio.INTERP_TETRAHEDRAL)
    cube.setData(np.ascontiguousarray(table, np.float32).ravel())
    if top == 1:
        return (cube,)
    scale = ocio.MatrixTransform.Scale([1 / top, 1 / top, 1 / top, 1])
    return (scale, cube)


def _content(path: Path, suffixes: tuple[str, ...]) -> bytes:
    if path.suffix.lower() not in suffixes:
        raise MediaError(f"{path}: got a file of another kind, expected one of {', '.join(suffixes)}; convert it")
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MediaError(f"{path}: cannot read it ({reason}), expected a LUT or CDL file; check the path") from error


def _load(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except (ocio.Exception, UnicodeDecodeError, ValueError) as error:
        raise MediaError(
            f"{path}: got a damaged or foreign file ({_reason(error)}), expected a whole {path.suffix} file; "
            "copy it again from its source"
        ) from error


@lru_cache(maxsize=KEPT)
def _processor(content: bytes, suffix: str) -> ocio.CPUProcessor:
    def parse(copy: Path) -> ocio.Processor:
        transform = ocio.FileTransform(str(copy))
        transform.setInterpolation(ocio.INTERP_BEST)  # tetrahedral in three dimensions, linear in one
        return spaces.config().getProcessor(transform)

    if suffix == ".cube":
        # Resolve writes TITLE before its tables of one and three dimensions; OpenColorIO then refuses them.
        content = re.sub(rb"(?m)^\s*TITLE\b", b"#", content)
    processor = _with_copy(content, suffix, parse)
    for part in processor.createGroupTransform():
        if isinstance(part, ocio.Lut1DTransform | ocio.Lut3DTransform) and not np.isfinite(part.getData()).all():
            raise ValueError("values that are not finite numbers")
    return spaces.exact(processor)


def _with_copy(content: bytes, suffix: str, parse: Callable[[Path], T]) -> T:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{hashlib.sha256(content).hexdigest()}{suffix}"
        copy.write_bytes(content)
        return parse(copy)


def _reason(error: Exception) -> str:
    """OpenColorIO's own words: of the format that got as far as naming a line, without the name of the copy."""
    if isinstance(error, UnicodeDecodeError):
        return "not text"
    told = re.findall(r"failed with: (.*?)(?=\s*'[^'\n]+' failed with|\Z)", str(error), re.DOTALL) or [str(error)]
    best = next((words for words in told if "At line" in words), told[0])
    best = re.sub(r"Error parsing [^(]*\([^)]*\)\.?\s*(Error is:\s*)?", "", best)
    return " ".join(best.split()).rstrip(". ")
