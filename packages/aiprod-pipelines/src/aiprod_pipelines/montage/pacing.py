"""When to cut: shot lengths from how tense a film is, cuts on the onsets of its music.

Onsets are peaks of spectral flux (S. Dixon, "Onset detection revisited", DAFx 2006), the tempo is the strongest period
between them, 120 a minute preferred (D. Ellis, "Beat tracking by dynamic programming", 2007): it may be half or double
of what a drummer would say. Knows sound in memory and no timeline.
"""

from collections.abc import Iterator, Sequence
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.picture import Sound

HOP_S, WINDOW_S = 0.01, 0.04
THRESHOLD = 1.5  # of an onset, in medians of the flux around it, above the median
AROUND_S, APART_S = 0.5, 0.08
FLOOR = 0.05  # of the strongest onset: what is weaker is noise
SLOWEST_BPM, FASTEST_BPM, LIKELY_BPM = 50.0, 200.0, 120.0
CALM_SHOT_S, TENSE_SHOT_S = 6.0, 1.2  # mean lengths of shots, from one end of the scale to the other
SHORTEST_SHOT_S = 0.5
RHYTHM = (1.0, 0.8, 1.2, 0.9, 1.1)  # no two neighbours alike, their mean 1
TOLERANCE_S = 0.3


def onsets(sound: Sound) -> NDArray[np.floating]:
    """Seconds at which something begins to sound in `sound`, rising; empty for silence."""
    flux = _flux(sound)
    if not flux.size or flux.max() <= 0:
        return np.zeros(0)
    around, apart = round(AROUND_S / HOP_S), round(APART_S / HOP_S)
    padded = np.pad(flux, around, mode="reflect" if len(flux) > around else "edge")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * around + 1), axis=1)
    loudest = _highest_around(flux, apart)
    found = (flux >= loudest) & (flux > THRESHOLD * medians + FLOOR * flux.max())
    return np.flatnonzero(found) * HOP_S


def tempo_bpm(sound: Sound) -> float | None:
    """Beats a minute of `sound`, from 50 to 200; None where nothing repeats."""
    flux = _flux(sound)
    slowest = round(60 / SLOWEST_BPM / HOP_S)
    if len(flux) < 4 * slowest or flux.max() <= 0:
        return None
    level = flux - flux.mean()
    size = 2 ** int(np.ceil(np.log2(2 * len(level))))
    alike = np.fft.irfft(np.abs(np.fft.rfft(level, size)) ** 2)[: 2 * slowest]  # autocorrelation
    lags = np.arange(round(60 / FASTEST_BPM / HOP_S), slowest + 1)
    likely = np.exp(-0.5 * (np.log2(60 / (lags * HOP_S) / LIKELY_BPM) / 0.9) ** 2)
    scores = alike[lags] * likely
    best = int(np.argmax(scores))
    if scores[best] <= 0.1 * alike[0]:
        return None
    return 60 / (_summit(alike, int(lags[best])) * HOP_S)


def shot_length_s(tension: float) -> float:
    """The mean length of shots for a tension of 0 (calm) to 1 (tense); each step shortens it by the same factor.

    Raises `InputError` for a tension outside of that.
    """
    if not 0 <= tension <= 1:
        raise InputError(f"tension: got {tension}, expected 0 (calm) to 1 (tense)")
    return CALM_SHOT_S * (TENSE_SHOT_S / CALM_SHOT_S) ** tension


def cut_points_s(
    duration_s: float, tension: float, *, music: Sequence[float] = (), tolerance_s: float = TOLERANCE_S
) -> list[float]:
    """Seconds, between 0 and `duration_s`, at which to cut. `music`: onsets that draw cuts within `tolerance_s`."""
    mean_s = shot_length_s(tension)
    cuts = list(_steps(duration_s - mean_s / 2, mean_s))
    return snapped_s(cuts, music, tolerance_s=tolerance_s)


def snapped_s(cuts: Sequence[float], music: Sequence[float], *, tolerance_s: float = TOLERANCE_S) -> list[float]:
    """`cuts` moved to the nearest of `music` within `tolerance_s`; one that would leave too short a shot stays."""
    moved: list[float] = []
    for cut in cuts:
        nearest = min(music, key=lambda onset: abs(onset - cut), default=cut)
        last = moved[-1] if moved else 0.0
        drawn = abs(nearest - cut) <= tolerance_s and nearest - last >= SHORTEST_SHOT_S
        moved.append(float(nearest) if drawn else cut)
    return moved


def _steps(end_s: float, mean_s: float) -> Iterator[float]:
    now = 0.0
    for factor in cycle(RHYTHM):
        now += factor * mean_s
        if now >= end_s:
            return
        yield now


def _flux(sound: Sound) -> NDArray[np.float64]:
    """How much louder the spectrum becomes from one hop to the next, `[t]`, at the middle of each window."""
    hop, window = round(HOP_S * sound.rate_hz), round(WINDOW_S * sound.rate_hz)
    mono = np.pad(sound.samples.mean(axis=0), window // 2)
    if len(mono) < window + hop:
        return np.zeros(0)
    pieces = np.lib.stride_tricks.sliding_window_view(mono, window)[::hop]
    spectra = np.empty((len(pieces), window // 2 + 1), np.float32)
    for begin in range(0, len(pieces), 512):  # a song in pieces, so that memory stays small
        spectra[begin : begin + 512] = np.abs(np.fft.rfft(pieces[begin : begin + 512] * np.hanning(window)))
    loud = np.log1p(100 * spectra / max(float(spectra.max()), 1e-9))
    rise: NDArray[np.float64] = np.maximum(np.diff(loud, axis=0, prepend=loud[:1]), 0).sum(axis=1, dtype=np.float64)
    return rise


def _highest_around(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, reach), 2 * reach + 1)
    highest: NDArray[np.float64] = windows.max(axis=1)
    return highest


def _summit(values: NDArray[np.float64], place: int) -> float:
    """Where a parabola through a peak and its neighbours is highest."""
    left, middle, right = values[place - 1 : place + 2]
    bend = left - 2 * middle + right
    return place + (0.5 * (left - right) / bend if bend else 0.0)
