"""Sounds on a timeline of integer samples, summed into one: placed, faded, resampled, routed to channels, ducked.

Knows nothing of films or files; `loudness.master` brings what comes out to its level.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import soxr
from numpy.typing import NDArray

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.picture import CHANNELS, SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound.ducking import Ducking, heard, makes_way
from aiprod_pipelines.sound.fades import faded
from aiprod_pipelines.sound.routing import Spread, route


class Role(StrEnum):
    """What a sound is for: decides where it is heard from, and whether it makes way for dialogue."""

    DIALOGUE = "dialogue"
    EFFECT = "effect"
    AMBIENCE = "ambience"
    MUSIC = "music"
    CLIP = "clip"  # a clip's own sound


SPREADS = {
    Role.DIALOGUE: Spread.CENTRE,
    Role.EFFECT: Spread.FRONT,
    Role.AMBIENCE: Spread.AROUND,
    Role.MUSIC: Spread.STAGE,
    Role.CLIP: Spread.FRONT,
}
HAS_LFE = frozenset({Role.EFFECT, Role.MUSIC})
DUCKED = frozenset({Role.MUSIC, Role.AMBIENCE})
DUCKING = Ducking()


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A sound at its place. `start`: sample at 48 kHz of its first one, may be negative: what lies before 0 is cut.

    `fade_in`, `fade_out`: samples at 48 kHz, equal power, from the sound's own ends. Raises `InputError`.
    """

    sound: Sound
    start: int
    role: Role
    gain_db: float = 0.0
    fade_in: int = 0
    fade_out: int = 0

    def __post_init__(self) -> None:
        if self.fade_in < 0 or self.fade_out < 0:
            raise InputError(
                f"fade: got {self.fade_in} and {self.fade_out} samples, expected 0 or more; use 0 for none"
            )
        if not np.isfinite(self.gain_db):
            raise InputError(f"gain: got {self.gain_db} dB, expected a finite number; leave a sound out to silence it")


def mix(placed: Sequence[Placed], length: int, channels: int = 2, ducking: Ducking | None = DUCKING) -> Sound:
    """All of `placed` as one sound of `length` samples at 48 kHz; what reaches past either end is cut.

    `channels`: 1, 2 or 6 (L R C LFE Ls Rs). Music and ambience make way for dialogue as `ducking` says, None for
    never. May exceed full scale. Raises `InputError` for a length or a number of channels that cannot be, `MediaError`
    for a sound that holds what is not a number.
    """
    if length < 1 or channels not in CHANNELS:
        raise InputError(
            f"mix: got {length} samples of {channels} channels, expected 1 or more of {', '.join(map(str, CHANNELS))}"
        )
    background = np.zeros((channels, length), np.float32)
    total = np.zeros((channels, length), np.float32)
    speech = np.zeros(length, np.bool_)
    for number, one in enumerate(placed):
        samples = _prepared(one, number)
        if one.role is Role.DIALOGUE and ducking is not None:
            _add(speech, heard(samples, SOUND_RATE_HZ), one.start)
        routed = route(samples, channels, SPREADS[one.role], lfe=one.role in HAS_LFE)
        _add(background if one.role in DUCKED else total, routed, one.start)
    if ducking is not None and speech.any():
        background *= makes_way(speech, ducking, SOUND_RATE_HZ)
    return Sound(total + background)


def at_rate(sound: Sound, rate_hz: int = SOUND_RATE_HZ) -> Sound:
    """`sound` at `rate_hz`, resampled where it differs; no delay is added."""
    if sound.rate_hz == rate_hz or not sound.samples.shape[1]:
        return Sound(sound.samples, rate_hz)
    resampled = soxr.resample(np.ascontiguousarray(sound.samples.T), sound.rate_hz, rate_hz).T
    return Sound(np.ascontiguousarray(resampled, dtype=np.float32), rate_hz)


def _prepared(one: Placed, number: int) -> NDArray[np.float32]:
    """The samples of `one` at 48 kHz with its gain and fades: `[c s]`."""
    samples = at_rate(one.sound).samples
    if not np.isfinite(samples).all():
        raise MediaError(
            f"sound {number} ({one.role}): got samples that are not numbers, expected finite ones; make it again"
        )
    gain = np.float32(10 ** (one.gain_db / 20))
    return faded(samples * gain, one.fade_in, one.fade_out)


def _add(onto: NDArray[np.generic], what: NDArray[np.generic], start: int) -> None:
    """Add `what` `[… s]` onto `onto` `[… s]` from sample `start`, in place; booleans become true where either is."""
    first, last = max(start, 0), min(start + what.shape[-1], onto.shape[-1])
    if first < last:
        np.add(onto[..., first:last], what[..., first - start : last - start], out=onto[..., first:last])
