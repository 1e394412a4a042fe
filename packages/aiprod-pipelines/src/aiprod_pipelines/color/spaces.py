"""Ways into the working space and out of it: footage to ACEScct, ACEScct to a display, through OpenColorIO.

Knows the ACES configuration that OpenColorIO carries, the displays of the three encodings and the tone maps. Knows
nothing of grades, files or frames: colours are float32 `[… 3]`.

`ToneMap.ACES` is scene-referred: footage enters by the inverse of the ACES 2 output transform of its own display, so
that nothing graded is nothing changed. The other two are display-referred: light enters as it is (1.0 at reference
white, by BT.2408) and only what the target cannot show is compressed.
"""

from enum import StrEnum
from functools import cache

import numpy as np
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from aiprod_pipelines.color import tone, transfer
from aiprod_pipelines.color.transfer import HLG_PEAK_NITS, REFERENCE_WHITE_NITS, Float
from aiprod_pipelines.picture import Encoding

CONFIG = "ocio://studio-config-v5.0.0_aces-v2.1_ocio-v2.6"
WORKING_SPACE, SCENE_SPACE = "ACEScct", "ACEScg"  # the same primaries, AP1; logarithmic and linear
HDR_PEAK_NITS = HLG_PEAK_NITS  # of the ACES output transforms used here, for PQ as for HLG

# P3-limited Rec.2100, as HDR is delivered today: the only one that ACES offers for HLG, and so the one for PQ too.
ACES_VIEWS: dict[Encoding, tuple[str, str]] = {
    Encoding.REC709: ("Rec.1886 Rec.709 - Display", "ACES 2.0 - SDR 100 nits (Rec.709)"),
    Encoding.PQ: ("Rec.2100-PQ - Display", "ACES 2.0 - HDR 1000 nits (P3 D65)"),
    Encoding.HLG: ("Rec.2100-HLG - Display", "ACES 2.0 - HDR 1000 nits (P3 D65)"),
}


class ToneMap(StrEnum):
    """How scene light becomes display light."""

    ACES = "aces"
    BT2390 = "bt2390"
    REINHARD = "reinhard"


@cache
def config() -> ocio.Config:
    """The built-in ACES 2 studio configuration; nothing is read from disk or from the environment."""
    built_in = ocio.Config.CreateFromFile(CONFIG)
    # OpenColorIO keeps processors by the words that describe them, and of a table the words tell only its extremes:
    # two tables with the same would be taken for one another.
    built_in.setProcessorCacheFlags(ocio.PROCESSOR_CACHE_OFF)
    return built_in


def peak_light(encoding: Encoding) -> float:
    """The brightest light of an encoding's display, 1.0 being reference white."""
    return HDR_PEAK_NITS / REFERENCE_WHITE_NITS if encoding.is_hdr else 1.0


def top_code(encoding: Encoding) -> float:
    """The code value, in [0, 1], of the brightest light that is graded: PQ has codes far above it."""
    return float(transfer.nits_to_pq(np.array(HDR_PEAK_NITS))) if encoding is Encoding.PQ else 1.0


def linear_space(encoding: Encoding) -> str:
    """The name, in `config()`, of linear light in the primaries of an encoding."""
    return "Linear Rec.2020" if encoding.is_hdr else "Linear Rec.709 (sRGB)"


def enter(code: Float, encoding: Encoding, tone_map: ToneMap = ToneMap.ACES) -> Float:
    """Code values in [0, 1] as ACEScct."""
    if tone_map is ToneMap.ACES:
        return apply(_output_transform(encoding, inverse=True), code)
    return convert(transfer.decode(code, encoding), linear_space(encoding), WORKING_SPACE)


def leave(working: Float, encoding: Encoding, tone_map: ToneMap = ToneMap.ACES, *, source_peak: float = 1.0) -> Float:
    """ACEScct as code values in [0, 1].

    `source_peak`: the brightest light that display-referred tone maps make room for (`peak_light` of the footage).
    """
    if tone_map is ToneMap.ACES:
        return np.clip(apply(_output_transform(encoding, inverse=False), working), 0, 1)
    light = np.maximum(convert(working, WORKING_SPACE, linear_space(encoding)), 0)
    brightest = light.max(axis=-1, keepdims=True)  # one factor for all three channels keeps the hue
    if tone_map is ToneMap.BT2390:
        nits = brightest * np.float32(REFERENCE_WHITE_NITS)
        peaks_nits = (source_peak * REFERENCE_WHITE_NITS, peak_light(encoding) * REFERENCE_WHITE_NITS)
        shown = tone.bt2390(nits, *peaks_nits) / REFERENCE_WHITE_NITS
    else:
        shown = tone.reinhard(brightest, source_peak, peak_light(encoding))
    mapped = light * (shown / np.maximum(brightest, 1e-12))
    return transfer.encode(np.minimum(mapped, peak_light(encoding)).astype(np.float32), encoding)


def convert(rgb: Float, source: str, target: str) -> Float:
    """Colours from one colour space of `config()` to another."""
    return apply(_conversion(source, target), rgb)


def apply(processor: ocio.CPUProcessor, rgb: NDArray[np.floating]) -> Float:
    """What `processor` makes of float colours `[… 3]`, in a new array."""
    result = np.array(rgb, dtype=np.float32, order="C")
    processor.applyRGB(result)
    return result


def exact(processor: ocio.Processor) -> ocio.CPUProcessor:
    """Without the fast approximations of log, exp and pow, which cost 1e-4."""
    return processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)


@cache
def _conversion(source: str, target: str) -> ocio.CPUProcessor:
    return exact(config().getProcessor(source, target))


@cache
def _output_transform(encoding: Encoding, *, inverse: bool) -> ocio.CPUProcessor:
    display, view = ACES_VIEWS[encoding]
    transform = ocio.DisplayViewTransform(src=WORKING_SPACE, display=display, view=view)
    transform.setDirection(ocio.TRANSFORM_DIR_INVERSE if inverse else ocio.TRANSFORM_DIR_FORWARD)
    return exact(config().getProcessor(transform))
