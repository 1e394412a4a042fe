"""Mono, stereo and 5.1: from any of them to any other, by where the sound is to be heard from.

A sound spread over 5.1 and brought back to stereo by ITU-R BS.775 is itself again where it keeps to the front.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.picture import SOUND_RATE_HZ
from aiprod_pipelines.sound.filters import lowpass

HALF_POWER = np.float32(np.sqrt(0.5))
LFE_HZ = 120.0  # ITU-R BS.775, annex 7: the channel's upper end
LFE_DB = -10.0  # players reproduce it 10 dB louder than the others


class Spread(StrEnum):
    """Where in a room of 5.1 a stereo sound goes."""

    CENTRE = "centre"  # what both sides share is said by the screen
    FRONT = "front"
    STAGE = "stage"  # in front, and the hall behind
    AROUND = "around"  # as much behind as in front


SURROUND = {
    Spread.CENTRE: np.float32(0),
    Spread.FRONT: np.float32(0),
    Spread.STAGE: np.float32(10 ** (-9 / 20)),
    Spread.AROUND: HALF_POWER,
}


def route(samples: NDArray[np.float32], channels: int, spread: Spread, *, lfe: bool = False) -> NDArray[np.float32]:
    """`samples` `[c s]` at 48 kHz as `[channels s]`; 1, 2 and 6 (L R C LFE Ls Rs) are known on either side.

    Mono is heard alike on both sides of stereo. Stereo keeps its power in 5.1; with `lfe`, its bass goes to the LFE
    channel as well. 5.1 stays as it is, or becomes stereo by ITU-R BS.775, without its LFE channel.
    """
    if len(samples) == channels:
        return samples
    stereo = _to_stereo(samples)
    match channels:
        case 1:
            return stereo.mean(axis=0, keepdims=True)
        case 2:
            return stereo
        case _:
            return _around(stereo, spread, lfe)


def _to_stereo(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    match len(samples):
        case 1:
            return np.repeat(samples, 2, axis=0)
        case 2:
            return samples
        case _:
            left, right, centre, _, left_behind, right_behind = samples
            return np.stack([left + HALF_POWER * (centre + left_behind), right + HALF_POWER * (centre + right_behind)])


def _around(stereo: NDArray[np.float32], spread: Spread, lfe: bool) -> NDArray[np.float32]:
    left, right = stereo
    middle = (left + right) / 2
    bass = lowpass(middle, LFE_HZ, SOUND_RATE_HZ) * np.float32(10 ** (LFE_DB / 20)) if lfe else np.zeros_like(middle)
    if spread is Spread.CENTRE:
        side, nothing = (left - right) / 2, np.zeros_like(middle)
        return np.stack([side, -side, middle / HALF_POWER, bass, nothing, nothing])
    behind = SURROUND[spread]
    front = np.sqrt(1 - behind**2)
    return np.stack([front * left, front * right, np.zeros_like(middle), bass, behind * left, behind * right])
