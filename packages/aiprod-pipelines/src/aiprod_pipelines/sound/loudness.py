"""How loud a sound is, and bringing it to a loudness: ITU-R BS.1770-4 and EBU R 128.

Knows no file. Filters are the standard's own at 48 kHz; sound at another rate is resampled first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound.filters import highpass, sections
from aiprod_pipelines.sound.limiter import gains
from aiprod_pipelines.sound.mix import at_rate
from aiprod_pipelines.sound.true_peak import true_peak, true_peaks

# ITU-R BS.1770-4, annex 1, tables 1 and 2: b0 b1 b2 a0 a1 a2 of the two stages of K-weighting at 48 kHz
K_WEIGHTING = np.array(
    [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
)
WEIGHTS = {1: [1.0], 2: [1.0, 1.0], 6: [1.0, 1.0, 1.0, 0.0, 1.41, 1.41]}  # annex 1, table 3; no LFE
HOP_S = 0.1
MOMENTARY_S, SHORT_TERM_S = 0.4, 3.0
SILENCE_LUFS = -70.0  # the absolute gate
BROADCAST_LUFS, WEB_LUFS, LOUD_LUFS = -23.0, -16.0, -14.0
CEILING_DBTP = -1.0
SUBSONIC_HZ = 10.0  # what lies below, DC included, is not heard and takes the room of what is
METERS_DIFFER_DB = 0.05  # in what they say of one true peak
TOLERANCE_LU = 0.1
PASSES = 3
FLATTEST = 0.2  # of loudness over gain: a limiter at work gives back less than it is given


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """What a sound measures.

    `integrated_lufs`: None for less than 0.4 s and for silence, which have none. `momentary_lufs`, `short_term_lufs`:
    the highest over 0.4 s and 3 s. `range_lu`: EBU Tech 3342. Those over 3 s are None for less. `true_peak_dbtp`: -inf
    for digital silence.
    """

    integrated_lufs: float | None
    momentary_lufs: float | None
    short_term_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float


def measure(sound: Sound) -> Loudness:
    """All figures of `sound`, of 1, 2 or 6 channels."""
    samples = at_rate(sound).samples
    hops = _hop_powers(samples)
    return Loudness(
        integrated_lufs=_integrated(hops),
        momentary_lufs=_highest(_levels(hops, MOMENTARY_S)),
        short_term_lufs=_highest(_levels(hops, SHORT_TERM_S)),
        range_lu=_range(hops),
        true_peak_dbtp=true_peak(samples),
    )


def integrated(sound: Sound) -> float | None:
    """Loudness of all of `sound` in LUFS, gated; None for less than 0.4 s and for silence."""
    return _integrated(_hop_powers(at_rate(sound).samples))


def levels(sound: Sound, window_s: float) -> NDArray[np.float64]:
    """Loudness in LUFS of every window of `window_s`, ten a second: `MOMENTARY_S`, `SHORT_TERM_S`."""
    return _levels(_hop_powers(at_rate(sound).samples), window_s)


def master(sound: Sound, target_lufs: float, true_peak_dbtp: float = CEILING_DBTP) -> Sound:
    """`sound` at 48 kHz, at `target_lufs` within 0.3 LU and with no true peak above `true_peak_dbtp`.

    Measured, amplified, limited and measured again, three times at most. What has no loudness (`Loudness`) keeps its
    level, but for its peaks. A sound of few, short peaks may not become as loud as asked: the ceiling is kept first.
    Raises `InputError` for a target outside [-70, 0] LUFS or a ceiling above 0 dBTP.
    """
    if not SILENCE_LUFS <= target_lufs <= 0 or true_peak_dbtp > 0:
        raise InputError(
            f"loudness: got {target_lufs:g} LUFS under {true_peak_dbtp:g} dBTP, "
            f"expected {SILENCE_LUFS:g} to 0 LUFS and a ceiling of 0 dBTP at most"
        )
    ceiling_dbtp = true_peak_dbtp - METERS_DIFFER_DB
    samples = highpass(at_rate(sound).samples, SUBSONIC_HZ, SOUND_RATE_HZ, order=2)
    peaks = true_peaks(samples)
    loudness = _integrated(_hop_powers(samples))
    if loudness is None:
        return Sound(_trimmed(_limited(samples, peaks, 0.0, ceiling_dbtp), 0.0, ceiling_dbtp))
    gain_db, missing_lu = target_lufs - loudness, 0.0
    known_db = ceiling_dbtp - 20 * float(np.log10(peaks.max()))  # the gain from which on the limiter is at work,
    known_lufs = loudness + known_db  # and the loudness there
    limited = samples
    for _ in range(PASSES):
        limited = _limited(samples, peaks, gain_db, ceiling_dbtp)
        reached = _integrated(_hop_powers(limited))
        missing_lu = 0.0 if reached is None else target_lufs - reached
        if reached is None or abs(missing_lu) <= TOLERANCE_LU:
            break
        slope = max((reached - known_lufs) / (gain_db - known_db), FLATTEST)
        known_db, known_lufs = gain_db, reached
        gain_db += missing_lu / slope
    return Sound(_trimmed(limited, missing_lu, ceiling_dbtp))


def _limited(
    samples: NDArray[np.float32], peaks: NDArray[np.float32], gain_db: float, ceiling_dbtp: float
) -> NDArray[np.float32]:
    """`samples` `[c s]`, whose true peaks are `peaks` `[s]`, amplified and limited."""
    gain = np.float32(10 ** (gain_db / 20))
    return samples * (gain * gains(peaks * gain, ceiling_dbtp, SOUND_RATE_HZ))


def _trimmed(samples: NDArray[np.float32], missing_lu: float, ceiling_dbtp: float) -> NDArray[np.float32]:
    """`samples` turned down where they are too loud, or by the hundredths that a limiter leaves over the ceiling."""
    trim_db = min(missing_lu, ceiling_dbtp - true_peak(samples), 0.0)
    return samples * np.float32(10 ** (trim_db / 20))


def _hop_powers(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weighted power of every 0.1 s of `samples` `[c s]`, an unfinished last one left out."""
    hop = round(HOP_S * SOUND_RATE_HZ)
    hops = samples.shape[1] // hop
    powers = np.zeros(hops)
    for weight, channel in zip(WEIGHTS[len(samples)], samples, strict=True):
        if weight:
            weighted = sections(channel, K_WEIGHTING)[: hops * hop]
            powers += weight * np.square(weighted).reshape(hops, hop).mean(axis=1)
    return powers


def _windows(hops: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
    """Mean power of every window of `window_s`, one for each hop it can begin with."""
    width = round(window_s / HOP_S)
    if len(hops) < width:
        return np.zeros(0)
    return np.lib.stride_tricks.sliding_window_view(hops, width).mean(axis=1)


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power to LUFS (annex 1, equation 2)."""
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10 * np.log10(power))


def _levels(hops: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
    return _lufs(_windows(hops, window_s))


def _highest(levels_lufs: NDArray[np.float64]) -> float | None:
    return float(levels_lufs.max()) if len(levels_lufs) else None


def _gated(powers: NDArray[np.float64], relative_lu: float) -> NDArray[np.float64]:
    """The powers above -70 LUFS that are no quieter than the mean of these by `relative_lu`."""
    loud = powers[_lufs(powers) > SILENCE_LUFS]
    return loud[_lufs(loud) > _lufs(loud.mean()) - relative_lu] if len(loud) else loud


def _integrated(hops: NDArray[np.float64]) -> float | None:
    """Annex 1, equations 3 to 7."""
    gated = _gated(_windows(hops, MOMENTARY_S), 10.0)
    return float(_lufs(gated.mean())) if len(gated) else None


def _range(hops: NDArray[np.float64]) -> float | None:
    """EBU Tech 3342: from the 10th to the 95th hundredth of the short-term levels."""
    gated = _lufs(_gated(_windows(hops, SHORT_TERM_S), 20.0))
    if not len(gated):
        return None
    low, high = np.percentile(gated, [10, 95])
    return float(high - low)
