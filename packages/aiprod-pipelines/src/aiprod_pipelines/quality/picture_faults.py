"""What is wrong with a film's pictures, judged from their measures: black, frozen, bars, soft, flashing; and its cuts.

Limits come from standards or from what can be seen, not from any set of files. Reads no file.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.quality.finding import Code, Finding, Severity
from aiprod_pipelines.quality.picture_track import CELLS_PX, PictureTrack

BLACK_LUMA = 0.04  # twice the step above black that ITU-R BT.814 asks to be just visible
HARD_CUT_SHARE = 0.5  # of the brightness of the half second around: less than that beside black is a fade
AROUND_S = 0.5
FROZEN_CHANGE = 0.001  # −60 dB
FROZEN_S = 0.5
MOVING_CHANGE = 4 * FROZEN_CHANGE  # 12 dB above what counts as standing still
TOUCHED_CHANGE = 0.006  # one and a half of 255 steps: what coding adds to a picture that it repeats
DRIFT_CHANGE = 0.003  # of small copies, from end to end: less than one of 255 steps
JUMP_RATIO = 2.0  # of the change after a stop over that of the frames after it
CUT_CHANGE = 0.06  # of colour, mean over the picture
MIXED_SHARE = 0.03  # of the difference of two pictures: what coding leaves outside of both in a mix of them
CUT_RATIO = 3.0  # over the change of the frames around
CUT_WINDOW = 3  # frames on either side
BAR_TOP_LUMA = 0.15  # what coding leaves in a bar
BAR_SHARE = 0.02  # of the height or width; less is overscan
SOFT_EDGE_SHARE = 0.02  # of the width: no edge of the film is narrower
FLASH_STEP = 0.1  # of relative luminance, opposing, the darker below `FLASH_DARKER` (ITU-R BT.1702, WCAG 2.2)
FLASH_DARKER = 0.8
FLASH_CHANGES = 6  # in a second: three flashes, up and down
FLASH_AREA = 0.25


@dataclass(frozen=True, kw_only=True)
class Span:
    """Frames `first` to `last`, that one left out."""

    first: int
    last: int


def judge(track: PictureTrack, end_s: float) -> list[Finding]:
    """All that is found in `track`, whose last frame ends at `end_s`."""
    if not track.times_s:
        return []
    edges_s = np.array([*track.times_s, end_s])
    cuts = cut_frames(track)
    black = _spans(np.array(track.brightest) <= BLACK_LUMA)
    findings = [_black(track, span, edges_s) for span in black]
    findings += _frozen(track, edges_s, set(cuts))
    findings += [
        Finding(
            code=Code.CUT,
            severity=Severity.NOTE,
            sentence="A new shot begins.",
            start_s=float(edges_s[cut]),
            end_s=float(edges_s[cut]),
        )
        for cut in cuts
    ]
    findings += _bars(track) + _soft(track) + _flashes(track, edges_s)
    return findings


def cut_frames(track: PictureTrack) -> list[int]:
    """Numbers of the frames that begin a new shot: much unlike the frame before, among frames that change less."""
    if len(track.small) < 2:
        return []
    small = np.stack(track.small).astype(np.float32) / 255  # [t h w c]
    change = np.abs(np.diff(small, axis=0)).mean(axis=(1, 2, 3))  # of frame t + 1 to t
    cuts = []
    for index, now in enumerate(change):
        around = np.r_[change[max(0, index - CUT_WINDOW) : index], change[index + 1 : index + 1 + CUT_WINDOW]]
        if now > CUT_CHANGE and now > CUT_RATIO * (around.mean() if len(around) else 0.0):
            cuts.append(index + 1)
    return cuts


def _spans(mask: NDArray[np.bool_]) -> list[Span]:
    steps = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(np.int8)))
    return [Span(first=int(a), last=int(b)) for a, b in zip(steps[::2], steps[1::2], strict=True)]


def _black(track: PictureTrack, span: Span, edges_s: NDArray[np.float64]) -> Finding:
    start_s, end_s = float(edges_s[span.first]), float(edges_s[span.last])
    whole = span.first == 0 and span.last == len(track.times_s)
    inside = span.first > 0 and span.last < len(track.times_s)
    cut = inside and _is_hard(track, span.first - 1, -1) and _is_hard(track, span.last, 1)
    if whole:
        sentence = "Every picture is black."
    elif cut:
        sentence = f"Black for {end_s - start_s:.2f} s in the middle, cut in and out."
    elif inside:
        sentence = f"Black for {end_s - start_s:.2f} s between fades."
    else:
        sentence = f"{'Begins' if span.first == 0 else 'Ends'} with {end_s - start_s:.2f} s of black."
    return Finding(
        code=Code.BLACK,
        severity=Severity.FAULT if whole or cut else Severity.NOTE,
        sentence=sentence,
        start_s=start_s,
        end_s=end_s,
        value=max(track.brightest[span.first : span.last]),
        limit=BLACK_LUMA,
    )


def _is_hard(track: PictureTrack, beside: int, direction: int) -> bool:
    """Whether the frame next to black is as bright as those farther off: a cut, not a fade."""
    times, mean = np.array(track.times_s), np.array(track.mean)
    away = (times - times[beside]) * direction
    return bool(mean[beside] >= HARD_CUT_SHARE * mean[(away >= 0) & (away <= AROUND_S)].max())


def _frozen(track: PictureTrack, edges_s: NDArray[np.float64], cuts: set[int]) -> list[Finding]:
    """Spans without change. A picture that stops while it moved is a fault; a shot that never moved may be meant."""
    findings = []
    for span in _still_spans(track):
        start_s, end_s = float(edges_s[span.first]), float(edges_s[span.last])
        if end_s - start_s < FROZEN_S:
            continue
        stopped = _has_stopped(track, span, cuts)
        findings.append(
            Finding(
                code=Code.FROZEN if stopped else Code.STILL,
                severity=Severity.FAULT if stopped else Severity.NOTE,
                sentence=f"The picture stops for {end_s - start_s:.2f} s while it was moving."
                if stopped
                else f"Nothing moves for {end_s - start_s:.2f} s.",
                start_s=start_s,
                end_s=end_s,
                value=float(np.median(track.change[span.first + 1 : span.last])),
                limit=FROZEN_CHANGE,
            )
        )
    return findings


def _still_spans(track: PictureTrack) -> list[Span]:
    """Frames that repeat the one that begins their span; a coder may touch up one of them now and then."""
    change = np.array(track.change)
    still = (change <= FROZEN_CHANGE) & (np.array(track.brightest) > BLACK_LUMA)
    still[:1] = False
    touched = np.zeros(len(still), bool)
    touched[1:-1] = still[:-2] & still[2:] & ~still[1:-1] & (change[1:-1] <= TOUCHED_CHANGE)
    spans = []
    for joined in _spans(still | touched):
        ends = [track.small[at].astype(float) for at in (joined.first, joined.last - 1)]
        if np.abs(ends[0] - ends[1]).mean() <= 255 * DRIFT_CHANGE:
            spans.append(joined)
        else:  # it crept
            parts = _spans(still[joined.first : joined.last])
            spans += [Span(first=joined.first + part.first, last=joined.first + part.last) for part in parts]
    return [Span(first=span.first - 1, last=span.last) for span in spans]


def _has_stopped(track: PictureTrack, span: Span, cuts: set[int]) -> bool:
    """Whether what went before was motion: much of it, or some that goes on with a jump over what was left out."""
    times, change, numbers = np.array(track.times_s), np.array(track.change), np.arange(len(track.change))
    before = (times >= times[span.first] - AROUND_S) & (numbers <= span.first) & ~np.isin(numbers, [0, *cuts])
    if not before.any() or span.first in cuts or _is_transition(track, np.flatnonzero(before), span.first):
        return False
    moved = float(np.median(change[before]))
    if moved >= MOVING_CHANGE:
        return True
    after = change[span.last + 1 :][: CUT_WINDOW + 1]
    if moved < FROZEN_CHANGE or not len(after) or span.last in cuts:
        return False
    return bool(change[span.last] >= max(MOVING_CHANGE, JUMP_RATIO * float(np.median(after))))


def _is_transition(track: PictureTrack, before: NDArray[np.intp], last: int) -> bool:
    """Whether the frames `before` mix two pictures, the second being `last`: a dissolve or a wipe, and no motion."""
    if len(before) < 3:
        return False
    a, b, between = (np.stack([track.small[i] for i in at]).astype(float) for at in (before[:1], [last], before[1:-1]))
    apart = np.abs(a - b).mean()
    outside = np.abs(between - between.clip(np.minimum(a, b), np.maximum(a, b))).mean()
    return bool(apart > 255 * CUT_CHANGE and outside < MIXED_SHARE * apart)


def _bars(track: PictureTrack) -> list[Finding]:
    if track.row_mean is None or track.row_top is None or track.column_mean is None or track.column_top is None:
        return []
    top, bottom = _dark_ends(track.row_mean, track.row_top)
    left, right = _dark_ends(track.column_mean, track.column_top)
    height, width = len(track.row_mean), len(track.column_mean)
    if top + bottom >= height or left + right >= width:
        return []  # all black, which is found elsewhere
    if not _is_pair(top, bottom, height):
        top = bottom = 0
    if not _is_pair(left, right, width):
        left = right = 0
    if not (top or bottom or left or right):
        return []
    active = (left, top, width - left - right, height - top - bottom)
    return [
        Finding(
            code=Code.BARS,
            severity=Severity.WARNING,
            sentence=f"Black bars leave {active[2]}×{active[3]} px of {width}×{height} px "
            f"({left} left, {right} right, {top} above, {bottom} below).",
            region_px=active,
        )
    ]


def _is_pair(one: int, other: int, size: int) -> bool:
    """Whether both are wide enough for bars, and alike: another aspect in the middle. A dark corner is on one side."""
    return min(one, other) >= BAR_SHARE * size and abs(one - other) <= max(2, 0.1 * max(one, other))


def _dark_ends(mean: NDArray[np.float64], top: NDArray[np.float64]) -> tuple[int, int]:
    lit = np.flatnonzero((mean > BLACK_LUMA) | (top > BAR_TOP_LUMA))
    return (int(lit[0]), len(mean) - 1 - int(lit[-1])) if len(lit) else (len(mean), len(mean))


def _soft(track: PictureTrack) -> list[Finding]:
    shares = np.array(track.edge_share)
    shares = shares[~np.isnan(shares)]
    if not len(shares):
        return []
    sharpest = float(np.percentile(shares, 10))
    if sharpest <= SOFT_EDGE_SHARE:
        return []
    return [
        Finding(
            code=Code.BLURRED,
            severity=Severity.WARNING,
            sentence=f"The sharpest edges take {100 * sharpest:.1f} % of the picture's width.",
            value=sharpest,
            limit=SOFT_EDGE_SHARE,
        )
    ]


def _flashes(track: PictureTrack, edges_s: NDArray[np.float64]) -> list[Finding]:
    """Seconds in which a quarter of the picture flashes more than three times."""
    changes = _opposing_changes(_luminance(track))  # [t cells]
    times = edges_s[:-1]
    begin = np.searchsorted(times, times - 1.0, side="right")
    total = np.vstack([np.zeros((1, changes.shape[1]), np.int64), np.cumsum(changes, axis=0)])
    within = total[1:] - total[begin]
    share = (within > FLASH_CHANGES).mean(axis=1)
    flashing = np.zeros(len(times), bool)
    for index in np.flatnonzero(share >= FLASH_AREA):
        flashing[begin[index] : index + 1] = True
    return [
        Finding(
            code=Code.FLASHES,
            severity=Severity.WARNING,
            sentence=f"More than three flashes a second over {100 * share[span.first : span.last].max():.0f} % "
            "of the picture.",
            start_s=float(edges_s[span.first]),
            end_s=float(edges_s[span.last]),
            value=float(share[span.first : span.last].max()),
            limit=FLASH_AREA,
        )
        for span in _spans(flashing)
    ]


def _luminance(track: PictureTrack) -> NDArray[np.float64]:
    """Relative luminance of every cell of the grid: `[t cells]`."""
    across, down = CELLS_PX
    small = (np.stack(track.small) / 255.0) ** 2.4 @ np.array([0.2126, 0.7152, 0.0722])  # [t h w]
    t, height, width = small.shape
    return small.reshape(t, down, height // down, across, width // across).mean(axis=(2, 4)).reshape(t, -1)


def _opposing_changes(luminance: NDArray[np.float64]) -> NDArray[np.int64]:
    """1 where a cell's luminance has turned by `FLASH_STEP` against its last turn, else 0: `[t cells]`."""
    turned = np.zeros(luminance.shape, np.int64)
    low, high = luminance[0].copy(), luminance[0].copy()
    rising = np.zeros(luminance.shape[1], np.int8)
    for t, now in enumerate(luminance):
        low, high = np.minimum(low, now), np.maximum(high, now)
        up = (now - low >= FLASH_STEP) & (low < FLASH_DARKER) & (rising <= 0)
        down = (high - now >= FLASH_STEP) & (now < FLASH_DARKER) & (rising >= 0) & ~up
        turned[t] = up | down
        rising[up], rising[down] = 1, -1
        high[up | down] = low[up | down] = now[up | down]
    return turned
