"""How alike two films are: PSNR, SSIM and sound SNR, and one word for a verdict.

Q3's promise is judged here: the same seed gives identical bytes on one machine, above 55 dB across machines.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from aiprod_pipelines.media import Clip, read_clip

EQUIVALENT_DB = 55.0  # picture: mean PSNR over the clip
EQUIVALENT_SOUND_DB = 30.0  # sound: SNR; AAC's own noise at 160 kbit/s lies near it


class Verdict(StrEnum):
    IDENTICAL = "identical"
    EQUIVALENT = "equivalent"
    DIFFERENT = "different"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What sets two films apart; the figures are None where shapes differ and nothing can be measured.

    `psnr_db`: over all pixels of the clip, inf where they are equal. `worst_frame`, `worst_psnr_db`: the least alike
    frame. `ssim`: mean over frames, of luma, 1 where equal. `audio_snr_db`: of the second sound against the first, None
    where neither has any. `shape_difference`: what differs in size, length, rate or sound, "" where nothing does.
    """

    verdict: Verdict
    identical_bytes: bool
    shape_difference: str
    psnr_db: float | None = None
    worst_frame: int | None = None
    worst_psnr_db: float | None = None
    ssim: float | None = None
    audio_snr_db: float | None = None


def compare(a: Path, b: Path) -> Comparison:
    """Compare two video files, `a` being the reference. Raises `MediaError` where one cannot be read."""
    return compare_clips(read_clip(a), read_clip(b), identical_bytes=a.read_bytes() == b.read_bytes())


def compare_clips(a: Clip, b: Clip, *, identical_bytes: bool = False) -> Comparison:
    """Compare two clips, `a` being the reference; different shapes are a verdict, not an error."""
    difference = _shape_difference(a, b)
    if difference:
        return Comparison(verdict=Verdict.DIFFERENT, identical_bytes=False, shape_difference=difference)
    errors = [mean_square_error(x, y) for x, y in zip(a.frames, b.frames, strict=True)]
    worst = int(np.argmax(errors))
    psnr = _decibels(255.0**2, float(np.mean(errors)))
    snr = None if a.audio is None or b.audio is None else audio_snr_db(a.audio, b.audio)
    alike = psnr > EQUIVALENT_DB and (snr is None or snr > EQUIVALENT_SOUND_DB)
    verdict = Verdict.IDENTICAL if identical_bytes else Verdict.EQUIVALENT if alike else Verdict.DIFFERENT
    return Comparison(
        verdict=verdict,
        identical_bytes=identical_bytes,
        shape_difference="",
        psnr_db=psnr,
        worst_frame=worst,
        worst_psnr_db=_decibels(255.0**2, errors[worst]),
        ssim=float(np.mean([ssim(_luma(x), _luma(y)) for x, y in zip(a.frames, b.frames, strict=True)])),
        audio_snr_db=snr,
    )


def mean_square_error(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean square difference of two pictures `[h w c]`, in squared 8-bit steps."""
    return float(np.mean(np.square(a.astype(np.float32) - b.astype(np.float32))))


def ssim(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Structural similarity of two grey pictures `[h w]` in [0, 255]: 1 where equal.

    Gaussian window, sigma 1.5 px, 11 px wide, population statistics.
    Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment, IEEE TIP 13(4), 2004, eq. 13.
    """
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = _window(a), _window(b)
    var_a = _window(a * a) - mean_a**2
    var_b = _window(b * b) - mean_b**2
    covariance = _window(a * b) - mean_a * mean_b
    likeness = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    )
    return float(likeness.mean())


def audio_snr_db(reference: NDArray[np.float32], sound: NDArray[np.float32]) -> float:
    """Power of `reference` `[c s]` over the power of the difference, in dB; inf where the two are equal."""
    noise = float(np.mean(np.square(reference.astype(np.float64) - sound)))
    return _decibels(float(np.mean(np.square(reference.astype(np.float64)))), noise)


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


def _window(picture: NDArray[np.float32]) -> NDArray[np.float64]:
    blurred: NDArray[np.float64] = gaussian_filter(picture.astype(np.float64), sigma=1.5, radius=5)
    return blurred


def _luma(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luma of a picture `[h w c]` by the weights of ITU-R BT.709: `[h w]` in [0, 255]."""
    weighed: NDArray[np.float32] = frame.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    return weighed


def _shape_difference(a: Clip, b: Clip) -> str:
    def sound(clip: Clip) -> str:
        if clip.audio is None:
            return "no sound"
        return f"{clip.audio.shape[0]} channel(s) × {clip.audio.shape[1]} samples at {clip.sample_rate_hz} Hz"

    def picture(clip: Clip) -> str:
        frames, height, width, _ = clip.frames.shape
        return f"{frames} frames of {width}×{height} px at {clip.frame_rate_hz:g} Hz"

    parts = [f"{x} against {y}" for x, y in ((picture(a), picture(b)), (sound(a), sound(b))) if x != y]
    return "; ".join(parts)
