"""Code values to light and back: BT.1886, SMPTE ST 2084 (PQ) and ARIB STD-B67 (HLG), on arrays of any shape.

Light is what a display emits, relative to its reference: 1.0 is SDR white (100 cd/m² in BT.1886; 203 cd/m² in HDR, by
ITU-R BT.2408). Knows nothing of primaries, files or frames.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.picture import Encoding, Frame

Float = NDArray[np.float32]

SDR_GAMMA = 2.4  # ITU-R BT.1886, black at zero
REFERENCE_WHITE_NITS = 203.0  # ITU-R BT.2408
PQ_PEAK_NITS = 10_000.0
HLG_PEAK_NITS = 1_000.0
HLG_GAMMA = 1.2  # ITU-R BT.2100: of the system, at a peak of 1000 cd/m²

# SMPTE ST 2084
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ARIB STD-B67
_A = 0.17883277
_B = 1 - 4 * _A
_C = 0.5 - _A * np.log(4 * _A)
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])


def pq_to_nits(code: NDArray[np.floating]) -> NDArray[np.float64]:
    """PQ code values in [0, 1] to cd/m² in [0, 10000] (SMPTE ST 2084, equation 4.1)."""
    power = np.power(np.clip(code, 0, 1).astype(np.float64), 1 / _M2)
    return PQ_PEAK_NITS * np.power(np.maximum(power - _C1, 0) / (_C2 - _C3 * power), 1 / _M1)


def nits_to_pq(nits: NDArray[np.floating]) -> NDArray[np.float64]:
    """cd/m² to PQ code values in [0, 1] (SMPTE ST 2084, equation 5.2)."""
    power = np.power(np.clip(nits / PQ_PEAK_NITS, 0, 1).astype(np.float64), _M1)
    return np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2)


def hlg_to_scene(code: NDArray[np.floating]) -> NDArray[np.float64]:
    """HLG code values in [0, 1] to scene light in [0, 1] (ITU-R BT.2100, table 5, inverse OETF)."""
    clipped = np.clip(code, 0, 1).astype(np.float64)
    return np.where(clipped <= 0.5, clipped**2 / 3, (np.exp((clipped - _C) / _A) + _B) / 12)


def scene_to_hlg(scene: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scene light in [0, 1] to HLG code values in [0, 1] (ITU-R BT.2100, table 5, OETF)."""
    clipped = np.clip(scene, 0, 1).astype(np.float64)
    return np.where(clipped <= 1 / 12, np.sqrt(3 * clipped), _A * np.log(np.maximum(12 * clipped - _B, 1e-12)) + _C)


def hlg_to_nits(code: NDArray[np.floating]) -> NDArray[np.float64]:
    """HLG code values `[… 3]` to cd/m² of a 1000 cd/m² display, by the OOTF of ITU-R BT.2100."""
    scene = hlg_to_scene(code)
    return HLG_PEAK_NITS * scene * (scene @ _LUMA_2020)[..., None] ** (HLG_GAMMA - 1)


def nits_to_hlg(nits: NDArray[np.floating]) -> NDArray[np.float64]:
    """cd/m² `[… 3]` of a 1000 cd/m² display to HLG code values, by the inverse OOTF of ITU-R BT.2100."""
    display = np.clip(nits.astype(np.float64) / HLG_PEAK_NITS, 0, None)
    luma = np.maximum(display @ _LUMA_2020, 1e-12)[..., None]
    return scene_to_hlg(display * luma ** ((1 - HLG_GAMMA) / HLG_GAMMA))


def decode(code: NDArray[np.floating], encoding: Encoding) -> Float:
    """Code values in [0, 1] `[… 3]` as light, float32, 1.0 at reference white."""
    match encoding:
        case Encoding.REC709:
            light = np.power(np.clip(code, 0, 1), SDR_GAMMA)
        case Encoding.PQ:
            light = pq_to_nits(code) / REFERENCE_WHITE_NITS
        case Encoding.HLG:
            light = hlg_to_nits(code) / REFERENCE_WHITE_NITS
    return light.astype(np.float32)


def encode(light: Float, encoding: Encoding) -> Float:
    """Light `[… 3]`, 1.0 at reference white, as code values in [0, 1]; what the encoding cannot hold is clipped."""
    match encoding:
        case Encoding.REC709:
            code = np.power(np.clip(light, 0, 1), np.float32(1 / SDR_GAMMA))
        case Encoding.PQ:
            code = nits_to_pq(light * REFERENCE_WHITE_NITS)
        case Encoding.HLG:
            code = nits_to_hlg(light * REFERENCE_WHITE_NITS)
    return code.astype(np.float32)


def quantise(code: NDArray[np.floating], dtype: type[np.uint8] | type[np.uint16]) -> Frame:
    """Code values in [0, 1] as the nearest integers of `dtype`."""
    return (np.clip(code, 0, 1) * np.iinfo(dtype).max + 0.5).astype(dtype)


def to_light(frame: Frame, encoding: Encoding) -> Float:
    """A frame of code values `[h w 3]` as light, float32, 1.0 at reference white."""
    if encoding is Encoding.HLG:
        return decode(frame / np.iinfo(frame.dtype).max, encoding)
    return _table(encoding, frame.dtype.name)[frame]


def from_light(light: Float, encoding: Encoding, dtype: type[np.uint8] | type[np.uint16]) -> Frame:
    """Light `[h w 3]`, 1.0 at reference white, as code values of `dtype`; what the encoding cannot hold is clipped."""
    return quantise(encode(light, encoding), dtype)


@cache
def _table(encoding: Encoding, dtype: str) -> Float:
    """Light of every code value; one lookup replaces a power a pixel."""
    top = np.iinfo(dtype).max
    code = np.arange(top + 1) / top
    light = code**SDR_GAMMA if encoding is Encoding.REC709 else pq_to_nits(code) / REFERENCE_WHITE_NITS
    return light.astype(np.float32)
