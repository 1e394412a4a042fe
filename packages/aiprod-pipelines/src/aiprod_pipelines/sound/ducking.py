"""Background that makes way for speech: where speech is really heard, and how loud the rest is around it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import InputError

WINDOW_S = 0.01  # level of speech: root mean square over this
BELOW_DB = 26.0  # quieter than a line's loud parts by this much is breath and room, not speech
FLOOR_DB = -60.0  # below this nothing is heard


@dataclass(frozen=True, kw_only=True)
class Ducking:
    """How far the background goes down under speech, and how long it takes down and up again, linear in decibels.

    The way down ends where speech begins, so that the first word is clear.
    """

    depth_db: float = 12.0
    attack_s: float = 0.05
    release_s: float = 0.3

    def __post_init__(self) -> None:
        if self.depth_db < 0 or self.attack_s <= 0 or self.release_s <= 0:
            raise InputError(
                f"ducking: got {self.depth_db:g} dB in {self.attack_s:g} s and {self.release_s:g} s, "
                "expected 0 dB or more and times above 0"
            )


def heard(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.bool_]:
    """Where speech is heard in `samples` `[c s]`: booleans `[s]`, by the level around each sample."""
    power = np.square(samples, dtype=np.float64).mean(axis=0) if samples.shape[1] else np.zeros(0)
    half = round(WINDOW_S * rate_hz / 2)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    places = np.arange(len(power))
    first, last = np.maximum(places - half, 0), np.minimum(places + half + 1, len(power))
    level_db = 10 * np.log10(np.maximum((sums[last] - sums[first]) / np.maximum(last - first, 1), 1e-12))
    audible = level_db > FLOOR_DB
    if not audible.any():
        return audible
    loud_db = np.percentile(level_db[audible], 95)
    return audible & (level_db > loud_db - BELOW_DB)


def makes_way(speech: NDArray[np.bool_], ducking: Ducking, rate_hz: int) -> NDArray[np.float32]:
    """Gains `[s]` of the background where `speech` `[s]` tells what is heard.

    A pause too short to come up and go down again is held: words are not to be heard pumping the music.
    """
    starts = np.flatnonzero(np.diff(speech, prepend=False) & speech)
    ends = np.flatnonzero(np.diff(speech, append=False) & speech)  # last samples that are heard
    if not len(starts):
        return np.ones(len(speech), np.float32)
    attack, release = ducking.attack_s * rate_hz, ducking.release_s * rate_hz
    parted = starts[1:] - ends[:-1] > attack + release
    starts, ends = starts[np.append(True, parted)], ends[np.append(parted, True)]
    corners = np.stack([starts - attack, starts, ends, ends + release], axis=1).ravel()
    depths = np.tile([0.0, ducking.depth_db, ducking.depth_db, 0.0], len(starts))
    depth_db = np.interp(np.arange(len(speech)), corners, depths)
    return np.power(10.0, -depth_db / 20).astype(np.float32)
