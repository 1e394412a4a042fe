"""Pictures as OpenEXR: half floats of linear light with the primaries they are in, alone or as a numbered sequence.

1.0 is reference white; how bright that is on the display stands in `whiteLuminance`. Knows nothing of grading.
"""

import io
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenEXR

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines import output
from aiprod_pipelines.color import transfer
from aiprod_pipelines.color.transfer import REFERENCE_WHITE_NITS, Float
from aiprod_pipelines.picture import Encoding, Frame

# CIE 1931 xy of red, green, blue, white: ITU-R BT.709 and BT.2020
CHROMATICITIES: dict[bool, tuple[float, ...]] = {
    False: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    True: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
}
SDR_WHITE_NITS = 100.0  # ITU-R BT.1886, as graded
HALF_MAX = 65504.0


@dataclass(frozen=True)
class Picture:
    """Linear light, float32 `[h w 3]`; `chromaticities` (xy of red, green, blue, white) where the file tells them."""

    light: Float
    chromaticities: tuple[float, ...] | None


def write(path: Path, light: Float, encoding: Encoding) -> None:
    """Write light `[h w 3]`, 1.0 at reference white, in the primaries of `encoding`, lossless (ZIP) but for its halves.

    Raises `InputError` for another shape or values that are not finite, `MediaError` where the file cannot be written.
    """
    if light.ndim != 3 or light.shape[2] != 3 or not np.isfinite(light).all():
        raise InputError(f"{path}: got light {light.shape}, expected finite [h w 3]")
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "chromaticities": CHROMATICITIES[encoding.is_hdr],
        "whiteLuminance": REFERENCE_WHITE_NITS if encoding.is_hdr else SDR_WHITE_NITS,
    }
    halves = np.clip(light, -HALF_MAX, HALF_MAX).astype(np.float16)
    with output.staged(path) as temporary:
        try:
            with OpenEXR.File(header, {"RGB": halves}) as file:
                file.write(str(temporary))
        except RuntimeError as error:
            raise MediaError(f"{path}: cannot write it ({error}); make room, or choose another folder") from error


def read(path: Path) -> Picture:
    """The first part of the file at `path`.

    Raises `MediaError` for a file that is missing, foreign, cut off or not RGB.
    """
    if not path.is_file():
        raise MediaError(f"{path}: got no such file, expected an OpenEXR picture; check the path")
    try:
        if not OpenEXR.isOpenExrFile(str(path)):
            raise ValueError("not OpenEXR")
        with redirect_stdout(io.StringIO()), OpenEXR.File(str(path)) as file:  # it prints what it finds wrong
            told = file.header().get("chromaticities")
            channels = {name: channel.pixels for name, channel in file.channels().items()}
    except (RuntimeError, ValueError) as error:
        raise MediaError(
            f"{path}: got a damaged or foreign file ({error}), expected a whole OpenEXR picture; "
            "copy it again from its source"
        ) from error
    pixels = next((channels[name] for name in ("RGB", "RGBA") if name in channels), None)
    if pixels is None:
        raise MediaError(f"{path}: got channels {', '.join(channels)}, expected R, G and B; convert it")
    chromaticities = tuple(float(value) for value in told) if told is not None else None
    return Picture(pixels[..., :3].astype(np.float32), chromaticities)


def write_sequence(path: Path, frames: Iterable[Frame], encoding: Encoding) -> int:
    """Frames as `name.000001.exr`, `name.000002.exr` … for a `path` of `name.exr`; how many there were.

    Every file is whole or absent; a sequence that was stopped is the beginning of one. Raises `MediaError` where there
    is no frame or a file cannot be written.
    """
    count = 0
    for count, frame in enumerate(frames, 1):
        write(numbered(path, count), transfer.to_light(frame, encoding), encoding)
    if not count:
        raise MediaError(f"{path}: got no frame, expected at least one; a film has pictures")
    return count


def numbered(path: Path, number: int) -> Path:
    """The file of a sequence's frame, counted from 1."""
    return path.with_name(f"{path.stem}.{number:06d}{path.suffix}")
