"""What is wrong with a sound: silent, silence within, clipped, off its loudness, off centre, out of phase.

Knows the sound of one track, in memory; knows no file. Loudness is `sound.loudness`, ITU-R BS.1770.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.picture import Sound
from aiprod_pipelines.quality.finding import Code, Expected, Finding, Severity
from aiprod_pipelines.sound.loudness import Loudness, measure

SILENT_DBFS = -80.0  # of the highest peak: 16-bit dither and a coder's rounding lie below
QUIET_DBFS = -60.0  # RMS of a window
WINDOW_S = 0.05
QUIET_S = 2.0
CLIP_LEVEL = 10 ** (-1 / 20)  # the ceiling of EBU R 128: no sound should rest there
CLIP_RUN = 4  # samples, of one value to 16 bits
CLIP_SHARE = 1e-4  # of all samples; a single flat top is not heard
# Coding rounds flat tops; what is left is a crowd where they were. The levels of natural sound thin out towards their
# peak; those of a pure tone at full scale do not, so this is a warning and no fault.
CROWDED = 1.0
CROWD_SHARE = 1e-3  # of all samples in that tenth
CROWD_LEVELS = np.arange(0.9, 1.07, 0.02)
# Coding a loud master may overshoot by up to 3 dB (AES TD1004); what lies above was driven over full scale.
OVERDRIVEN_DBFS = 3.0
LOUDNESS_TOLERANCE_LU = 0.5  # EBU R 128
OVER_DBTP = 0.2  # what a meter may be off (EBU Tech 3341)
DC_LIMIT = 0.01  # −40 dBFS
PHASE_LIMIT = -0.5  # correlation of left and right; −1 is silence in mono
NOISE_LOW, NOISE_HIGH = 5, 95  # percentiles of the power of windows: a pause, and speech


@dataclass(frozen=True, kw_only=True)
class SoundFigures:
    """What a sound measures. `snr_db`: of its loud moments over its pauses, an estimate; inf where pauses are empty.
    `crowding`: of samples at their upper end, over those just below it; 0 where few reach full scale."""

    loudness: Loudness
    peak_dbfs: float
    clipped_share: float
    crowding: float
    dc_offset: float
    correlation: float | None
    snr_db: float


def figures(sound: Sound) -> SoundFigures:
    """Measure `sound`."""
    samples = sound.samples
    peak = float(np.abs(samples).max())
    return SoundFigures(
        loudness=measure(sound),
        peak_dbfs=_dbfs(peak),
        clipped_share=max(float(_flat_tops(channel).mean()) for channel in samples),
        crowding=max(_crowding(channel) for channel in samples),
        dc_offset=float(np.abs(samples.mean(axis=1, dtype=np.float64)).max()),
        correlation=_correlation(samples),
        snr_db=_snr_db(sound),
    )


def judge(sound: Sound, measured: SoundFigures, expected: Expected, start_s: float = 0.0) -> list[Finding]:
    """All that is found in `sound`, which begins at `start_s` of its file."""
    if measured.peak_dbfs <= SILENT_DBFS:
        zeros = math.isinf(measured.peak_dbfs)
        said = "every sample is zero" if zeros else f"its highest peak is {measured.peak_dbfs:.0f} dBFS"
        return [
            Finding(
                code=Code.SILENT,
                severity=Severity.FAULT,
                sentence=f"The sound track is silent: {said}.",
                value=None if zeros else measured.peak_dbfs,
                limit=SILENT_DBFS,
            )
        ]
    return (
        _silences(sound, start_s)
        + _clipping(sound, measured, start_s)
        + _levels(measured, expected)
        + _electric(measured)
    )


def _silences(sound: Sound, start_s: float) -> list[Finding]:
    quiet = _window_levels(sound) < QUIET_DBFS
    steps = np.flatnonzero(np.diff(np.r_[False, quiet, False].astype(np.int8)))
    findings = []
    for first, last in zip(steps[::2], steps[1::2], strict=True):
        if (last - first) * WINDOW_S < QUIET_S:
            continue
        inside = first > 0 and last < len(quiet)
        findings.append(
            Finding(
                code=Code.SILENCE,
                severity=Severity.WARNING if inside else Severity.NOTE,
                sentence=f"Nothing is heard for {(last - first) * WINDOW_S:.1f} s.",
                start_s=start_s + float(first * WINDOW_S),
                end_s=start_s + float(last * WINDOW_S),
                value=QUIET_S,
                limit=QUIET_DBFS,
            )
        )
    return findings


def _clipping(sound: Sound, measured: SoundFigures, start_s: float) -> list[Finding]:
    """Cut off before (flat tops, or a crowd where they were), or on the way to the ear (above full scale)."""
    if measured.peak_dbfs > OVERDRIVEN_DBFS:
        above = np.abs(sound.samples) > 1
        share = float(above.mean(axis=1).max())
        said = f"lies above full scale, by up to {measured.peak_dbfs:.1f} dB: players cut it off"
        value, limit, severity = measured.peak_dbfs, OVERDRIVEN_DBFS, Severity.FAULT
    elif measured.clipped_share > 0:
        above = np.array([_flat_tops(channel) for channel in sound.samples])
        value = share = measured.clipped_share
        said, limit = "rests at its upper end: it was cut off there", CLIP_SHARE
        severity = Severity.FAULT if share >= CLIP_SHARE else Severity.WARNING
    elif measured.crowding > CROWDED:
        above = np.abs(sound.samples) >= CLIP_LEVEL
        share = float(above.mean(axis=1).max())
        said = "crowds at its upper end: it may have been cut off before it was coded"
        value, limit, severity = measured.crowding, CROWDED, Severity.WARNING
    else:
        return []
    at = np.flatnonzero(above.any(axis=0))
    return [
        Finding(
            code=Code.CLIPPING,
            severity=severity,
            sentence=f"{100 * share:.2g} % of the sound {said}.",
            start_s=start_s + float(at[0] / sound.rate_hz),
            end_s=start_s + float((at[-1] + 1) / sound.rate_hz),
            value=value,
            limit=limit,
        )
    ]


def _levels(measured: SoundFigures, expected: Expected) -> list[Finding]:
    loudness, findings = measured.loudness, []
    if loudness.true_peak_dbtp > OVER_DBTP:
        findings.append(
            Finding(
                code=Code.OVER,
                severity=Severity.WARNING,
                sentence=f"The true peak is {loudness.true_peak_dbtp:+.1f} dBTP: players will cut it off.",
                value=loudness.true_peak_dbtp,
                limit=OVER_DBTP,
            )
        )
    wanted, got = expected.loudness_lufs, loudness.integrated_lufs
    if wanted is not None and (got is None or abs(got - wanted) > LOUDNESS_TOLERANCE_LU):
        said = "has no loudness (less than 0.4 s, or silence)" if got is None else f"is {got:.1f} LUFS loud"
        findings.append(
            Finding(
                code=Code.LOUDNESS,
                severity=Severity.FAULT,
                sentence=f"The sound {said}, expected {wanted:g} LUFS within {LOUDNESS_TOLERANCE_LU:g} LU.",
                value=got,
                limit=wanted,
            )
        )
    return findings


def _electric(measured: SoundFigures) -> list[Finding]:
    findings = []
    if measured.dc_offset > DC_LIMIT:
        findings.append(
            Finding(
                code=Code.DC_OFFSET,
                severity=Severity.WARNING,
                sentence=f"The sound lies off its middle by {100 * measured.dc_offset:.1f} % of full scale.",
                value=measured.dc_offset,
                limit=DC_LIMIT,
            )
        )
    if measured.correlation is not None and measured.correlation < PHASE_LIMIT:
        findings.append(
            Finding(
                code=Code.PHASE,
                severity=Severity.WARNING,
                sentence=f"Left and right are opposed (correlation {measured.correlation:.2f}): mono loses both.",
                value=measured.correlation,
                limit=PHASE_LIMIT,
            )
        )
    return findings


def _flat_tops(channel: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which samples of `[s]` belong to a run of one value near full scale."""
    same = np.abs(np.diff(channel)) <= 2**-15
    flat = np.r_[False, same & (np.abs(channel[1:]) >= CLIP_LEVEL), False]  # flat[n]: sample n is as sample n - 1
    steps = np.flatnonzero(np.diff(flat.astype(np.int8)))
    mask = np.zeros(len(channel), bool)
    for first, last in zip(steps[::2], steps[1::2], strict=True):
        mask[first : last + 1] |= last + 1 - first >= CLIP_RUN
    return mask


def _crowding(channel: NDArray[np.float32]) -> float:
    """How many more samples lie within 5 % of an upper end than in the tenth below it; the highest of several ends."""
    levels = np.sort(np.abs(channel))
    crowding = 0.0
    for end in CROWD_LEVELS:
        low, middle, high = np.searchsorted(levels, [0.85 * end, 0.95 * end, 1.05 * end])
        if high - middle >= CROWD_SHARE * len(levels):
            crowding = max(crowding, float((high - middle) / max(middle - low, 1)))
    return crowding


def _window_powers(sound: Sound) -> NDArray[np.float64]:
    """Mean power of every window, of the loudest channel: `[w]`; an unfinished window is left out."""
    length = max(1, round(WINDOW_S * sound.rate_hz))
    count = sound.samples.shape[1] // length
    windows = sound.samples[:, : count * length].reshape(len(sound.samples), count, length)
    return np.asarray(np.square(windows, dtype=np.float64).mean(axis=2).max(axis=0))


def _window_levels(sound: Sound) -> NDArray[np.float64]:
    return 10 * np.log10(np.maximum(_window_powers(sound), 1e-12))


def _snr_db(sound: Sound) -> float:
    powers = _window_powers(sound)
    if not len(powers):
        return math.inf
    noise, loud = np.percentile(powers, [NOISE_LOW, NOISE_HIGH])
    return 10 * math.log10(max(loud - noise, 1e-12) / noise) if noise > 1e-12 else math.inf


def _correlation(samples: NDArray[np.float32]) -> float | None:
    """Of left and right; None where there is one channel, or one is silent."""
    if len(samples) < 2:
        return None
    left, right = samples[:2].astype(np.float64)
    scale = math.sqrt(float(left @ left) * float(right @ right))
    return float(left @ right) / scale if scale > 0 else None


def _dbfs(peak: float) -> float:
    return 20 * math.log10(peak) if peak > 0 else -math.inf
