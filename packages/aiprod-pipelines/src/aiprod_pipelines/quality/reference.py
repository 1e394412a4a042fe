"""A film beside its reference: where in it lies, how alike the two are, and what the film has that the other has not.

Both may have any size, rate and length. First they are brought together in time by small copies of their frames, then
some pairs of frames are looked at in full. Sound is brought together by correlation, so that a shift against the
picture shows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from aiprod_pipelines.picture import Sound
from aiprod_pipelines.quality.compare import ssim
from aiprod_pipelines.quality.decoding import Decoding, decode
from aiprod_pipelines.quality.finding import Code, Finding, Severity
from aiprod_pipelines.quality.picture_track import PictureTrack, luma_of
from aiprod_pipelines.sound.mix import at_rate

PROBES = 32  # frames by which two films are brought together, and looked at in full
UNLIKE_DISTANCE = 0.08  # of small copies, of full scale: beyond, these are different pictures
DUPLICATE_DISTANCE = 0.03
DETAIL_SHARE = 0.25  # of the reference's power of detail: half its contrast
OVERLAY_STEP = 6.0  # of 255, mean over time
OVERLAY_OVER_USUAL = 4.0
OVERLAY_AREA = 0.25  # of the picture: more is a grade
BLOCK_PX = 8
RIM_SHARE = 0.25  # of the strongest block: less is what coding spreads around it
JOINED_BLOCKS = 2  # as far apart as letters of a word
EARLY_S, LATE_S = 0.045, 0.125  # of sound against picture: ITU-R BT.1359, threshold of detectability
HEARD_S = 60.0
ALIKE_SOUND = 0.3  # correlation: below, these are different sounds
NOISE_DB, BAD_NOISE_DB = 30.0, 10.0  # 30 dB is what AAC itself leaves at 160 kbit/s


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two films: its file and what came of decoding it."""

    path: Path
    decoding: Decoding
    track: PictureTrack


def judge(film: Side, reference: Side) -> tuple[list[Finding], Mapping[str, float]]:
    """What is found in `film` against `reference`, and the figures of both."""
    findings: list[Finding] = []
    facts: dict[str, float] = {}
    offset_s: float | None = None
    if film.track.times_s and reference.track.times_s:
        offset_s, distance = place(film.track, reference.track)
        facts |= {"reference_distance": distance, "reference_offset_s": offset_s}
        if distance > UNLIKE_DISTANCE:
            return [_unlike(distance)], facts
        if distance <= DUPLICATE_DISTANCE and film.path.read_bytes() != reference.path.read_bytes():
            findings.append(_near_duplicate(distance, offset_s))
        more, measured = _pictures(film, reference, offset_s)
        findings += more
        facts |= measured
    mine, theirs = film.decoding.sound, reference.decoding.sound
    if mine is not None and theirs is not None and mine.samples.any() and theirs.samples.any():
        more, measured = _sounds(film.decoding, reference.decoding, mine, theirs, offset_s)
        findings += more
        facts |= measured
    return findings, facts


def place(film: PictureTrack, reference: PictureTrack) -> tuple[float, float]:
    """Seconds from a moment of `film` to the same in `reference`, and how far apart the pictures are there, in [0, 1].

    Copies are compared by their own mean and spread, so that brightness and blur do not hide a picture.
    """
    picks = np.unique(np.linspace(0, len(film.small) - 1, PROBES).round().astype(int))
    probes, times = _even(film.small)[picks], np.array(film.times_s)[picks]
    copies, clock = _even(reference.small), np.array(reference.times_s)
    offsets = np.concatenate([clock - times[0], np.zeros(1)])
    costs = np.empty(len(offsets))
    for number, offset in enumerate(offsets):
        wanted = times + offset
        inside = (wanted >= clock[0] - 0.1) & (wanted <= clock[-1] + 0.1)
        nearest = np.abs(clock[:, None] - wanted[None, inside]).argmin(axis=0)
        far = np.abs(probes[inside] - copies[nearest]).mean() if inside.mean() >= 0.5 else 1.0
        costs[number] = far
    best = int(np.lexsort((np.abs(offsets), costs))[0])
    return float(offsets[best]), float(costs[best])


def _even(small: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Copies `[t h w]` in grey, of mean 0.5 and spread 0.2, as most pictures are."""
    grey = np.stack(small).astype(np.float32).mean(axis=3) / 255
    mean, spread = grey.mean(axis=(1, 2), keepdims=True), grey.std(axis=(1, 2), keepdims=True)
    return np.asarray(0.5 + 0.2 * (grey - mean) / np.maximum(spread, 0.02), np.float32)


def _pictures(film: Side, reference: Side, offset_s: float) -> tuple[list[Finding], dict[str, float]]:
    a, b = _pairs(film, reference, offset_s)  # [t h w]
    error = np.square(a.astype(np.float32) - b).mean(axis=(1, 2))
    detail = float(np.median([_detail(x) / max(_detail(y), 1e-6) for x, y in zip(a, b, strict=True)]))
    facts = {
        "psnr_db": 10 * math.log10(255**2 / max(float(error.mean()), 1e-9)),
        "ssim": float(np.mean([ssim(x.astype(np.float32), y.astype(np.float32)) for x, y in zip(a, b, strict=True)])),
        "detail_share": detail,
    }
    findings = []
    if detail < DETAIL_SHARE:
        findings.append(
            Finding(
                code=Code.BLURRED,
                severity=Severity.FAULT,
                sentence=f"The picture holds {100 * detail:.0f} % of the reference's detail.",
                value=detail,
                limit=DETAIL_SHARE,
            )
        )
    elif (overlay := _overlay(a, b)) is not None:
        findings.append(overlay)
    return findings, facts


def _pairs(film: Side, reference: Side, offset_s: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Luma of the same moments of both films, at the size of the film: two of `[t h w]`."""
    times, clock = np.array(film.track.times_s), np.array(reference.track.times_s)
    inside = np.flatnonzero((times + offset_s >= clock[0]) & (times + offset_s <= clock[-1]))
    if not len(inside):
        inside = np.array([0])
    picks = inside[np.unique(np.linspace(0, len(inside) - 1, PROBES).round().astype(int))]
    nearest = np.abs(clock[:, None] - (times[picks] + offset_s)[None]).argmin(axis=0)
    mine = _frames(film.path, {int(pick) for pick in picks}, None)
    height, width = next(iter(mine.values())).shape
    theirs = _frames(reference.path, {int(number) for number in nearest}, (width, height))
    pairs = [(mine[int(p)], theirs[int(n)]) for p, n in zip(picks, nearest, strict=True)]
    return np.stack([a for a, _ in pairs]), np.stack([b for _, b in pairs])


def _frames(path: Path, wanted: set[int], size_px: tuple[int, int] | None) -> dict[int, NDArray[np.uint8]]:
    """Luma of frames by their number in the file."""
    found: dict[int, NDArray[np.uint8]] = {}
    seen = 0

    def keep(frame: av.VideoFrame, _: float) -> None:
        nonlocal seen
        if seen in wanted:
            found[seen] = luma_of(frame, size_px)
        seen += 1

    decode(path, keep, with_sound=False)
    return found


def _detail(luma: NDArray[np.uint8]) -> float:
    """Power of the slopes of a picture, relative to that of its tones."""
    tones = luma.astype(np.float32)
    slopes = np.square(np.diff(tones, axis=0)).mean() + np.square(np.diff(tones, axis=1)).mean()
    return float(slopes / max(float(tones.var()), 1.0))


def _toned(b: NDArray[np.uint8], a: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`b` with every tone as bright as it is in `a` on the average: a grade is not an overlay."""
    counts = np.bincount(b.ravel(), minlength=256)
    sums = np.bincount(b.ravel(), weights=a.ravel(), minlength=256)
    return np.asarray((sums / np.maximum(counts, 1)).astype(np.float32)[b])


def _overlay(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Finding | None:
    """What lies over one place of the film all the time: a difference that stays while the picture moves."""
    stays = (a - _toned(b, a)).mean(axis=0)  # [h w]
    height, width = (size // BLOCK_PX * BLOCK_PX for size in stays.shape)
    blocks = np.abs(stays[:height, :width]).reshape(height // BLOCK_PX, BLOCK_PX, -1, BLOCK_PX).mean(axis=(1, 3))
    marked = blocks > max(OVERLAY_STEP, OVERLAY_OVER_USUAL * float(np.median(blocks)))
    if marked.sum() < 2 or marked.mean() > OVERLAY_AREA:
        return None
    places, _ = label(binary_dilation(marked, iterations=JOINED_BLOCKS))
    largest = int(np.bincount(places.ravel(), weights=(blocks * marked).ravel())[1:].argmax()) + 1
    marked &= places == largest
    marked &= blocks >= RIM_SHARE * blocks[marked].max()
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    region = (
        int(columns[0]) * BLOCK_PX,
        int(rows[0]) * BLOCK_PX,
        int(columns[-1] - columns[0] + 1) * BLOCK_PX,
        int(rows[-1] - rows[0] + 1) * BLOCK_PX,
    )
    return Finding(
        code=Code.OVERLAY,
        severity=Severity.FAULT,
        sentence=f"Something lies over the picture at {region[0]}, {region[1]} px, {region[2]}×{region[3]} px large, "
        "that the reference has not.",
        value=float(blocks[marked].mean()),
        limit=OVERLAY_STEP,
        region_px=region,
    )


def _sounds(
    film: Decoding, reference: Decoding, mine: Sound, theirs: Sound, offset_s: float | None
) -> tuple[list[Finding], dict[str, float]]:
    a, b = (_mono(sound) for sound in (mine, theirs))
    lag, likeness = _lag(a, b)
    if likeness < ALIKE_SOUND:
        return [], {"sound_likeness": likeness}
    rate_hz = 48_000
    facts = {"sound_likeness": likeness, "sound_snr_db": _snr_db(a, b, lag)}
    findings = []
    sound_offset_s = reference.sound_start_s - film.sound_start_s - lag / rate_hz
    if offset_s is not None:
        late_s = offset_s - sound_offset_s
        facts["sound_late_s"] = late_s
        if not -EARLY_S <= late_s <= LATE_S:
            findings.append(
                Finding(
                    code=Code.OUT_OF_SYNC,
                    severity=Severity.FAULT,
                    sentence=f"The sound is {abs(late_s):.3f} s {'late' if late_s > 0 else 'early'} "
                    "where the picture is that of the reference.",
                    value=late_s,
                    limit=LATE_S if late_s > 0 else -EARLY_S,
                )
            )
    if facts["sound_snr_db"] < NOISE_DB:
        findings.append(
            Finding(
                code=Code.NOISE,
                severity=Severity.FAULT if facts["sound_snr_db"] < BAD_NOISE_DB else Severity.WARNING,
                sentence=f"The reference's sound stands {facts['sound_snr_db']:.1f} dB above what was added to it.",
                value=facts["sound_snr_db"],
                limit=NOISE_DB,
            )
        )
    return findings, facts


def _mono(sound: Sound) -> NDArray[np.float64]:
    return np.asarray(at_rate(sound).samples[:, : round(HEARD_S * 48_000)].mean(axis=0, dtype=np.float64))


def _lag(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[int, float]:
    """Samples that `a` comes later than `b`, and their correlation there."""
    size = 1 << (len(a) + len(b) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    at = int(np.abs(product).argmax())
    likeness = abs(product[at]) / max(math.sqrt(float(a @ a) * float(b @ b)), 1e-12)
    return (at if at < size // 2 else at - size), float(likeness)


def _snr_db(a: NDArray[np.float64], b: NDArray[np.float64], lag: int) -> float:
    """Power of the part of `a` that is `b`, over that of the rest, where both are heard."""
    a, b = (a[lag:], b) if lag >= 0 else (a, b[-lag:])
    length = min(len(a), len(b))
    a, b = a[:length], b[:length]
    same = b * (a @ b) / max(float(b @ b), 1e-12)
    rest = a - same
    return 10 * math.log10(max(float(same @ same), 1e-12) / max(float(rest @ rest), 1e-12))


def _unlike(distance: float) -> Finding:
    return Finding(
        code=Code.UNLIKE,
        severity=Severity.FAULT,
        sentence=f"The picture is not that of the reference (distance {distance:.3f}); nothing more was compared.",
        value=distance,
        limit=UNLIKE_DISTANCE,
    )


def _near_duplicate(distance: float, offset_s: float) -> Finding:
    return Finding(
        code=Code.NEAR_DUPLICATE,
        severity=Severity.NOTE,
        sentence=f"The same pictures as the reference's from {max(offset_s, 0):.2f} s on, coded again.",
        value=distance,
        limit=DUPLICATE_DISTANCE,
    )
