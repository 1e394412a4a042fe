"""What an edit sounds like, placed on samples for the mix: every file read once, sped up or backwards with its picture.

Samples come from frame numbers by `Format.sample`, so that nothing adds up over any number of cuts. Sound whose speed
is changed changes its pitch, as tape does. Knows nothing of levels between roles; `sound.mix` does.
"""

import dataclasses
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.media import read_sound
from aiprod_pipelines.montage.edit import Cue, Edit, same_count
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.picture import SOUND_RATE_HZ, Format, Sound
from aiprod_pipelines.sound.mix import Placed, Role

MOST_CHANNELS = 6


def sounds(edit: Edit, format: Format, media: MediaBin) -> list[Placed]:
    """Every sound of `edit`, at 48 kHz, placed on the samples of a film of `format`.

    Raises `InputError` for a role that is not known, `MediaError` for a file that cannot be read.
    """
    placed: list[tuple[int, Placed]] = []
    by_path: dict[Path, list[tuple[int, Cue]]] = {}
    for number, cue in enumerate(_flat(edit)):
        assert isinstance(cue.source, Path)
        by_path.setdefault(cue.source, []).append((number, cue))
    for path, cues in by_path.items():  # one file in memory at a time
        whole = _read(path, media)
        for number, cue in cues:
            placed.append((number, _placed(cue, whole, format, media)))
    return [one for _, one in sorted(placed, key=lambda pair: pair[0])]


def _flat(edit: Edit) -> Iterator[Cue]:
    """All cues of files, those of nested edits as the film hears them."""
    for cue in edit.cues:
        if not isinstance(cue.source, Edit):
            yield cue
            continue
        for inner in _flat(cue.source):
            outer = _through(inner, cue)
            if outer is not None:
                yield outer


def _through(inner: Cue, outer: Cue) -> Cue | None:
    """A nested edit's cue on the film's own frames, cut to what of the nested edit is heard; None for nothing."""
    # The nested edit stands at `outer.at + (n - outer.start) · outer.step` as the film is at n.
    ends = [outer.start + (Fraction(frame) - outer.at) / outer.step for frame in (inner.start, inner.end)]
    start, end = max(outer.start, round(min(ends))), min(outer.end, round(max(ends)))
    if start >= end:
        return None
    inside = outer.at + (start - outer.start) * outer.step
    head, tail = start - round(min(ends)), round(max(ends)) - end
    fades = (inner.fade_in, inner.fade_out) if outer.step > 0 else (inner.fade_out, inner.fade_in)
    return dataclasses.replace(
        inner,
        start=start,
        end=end,
        at=inner.at + (inside - inner.start) * inner.step,
        step=inner.step * outer.step,
        gain_db=inner.gain_db + outer.gain_db,
        fade_in=max(0, round(fades[0] / abs(outer.step)) - head, outer.fade_in if start == outer.start else 0),
        fade_out=max(0, round(fades[1] / abs(outer.step)) - tail, outer.fade_out if end == outer.end else 0),
    )


def _read(path: Path, media: MediaBin) -> Sound:
    footage = media.open(path).footage
    sound = footage.sound() if footage is not None else None
    if sound is not None:
        return sound
    samples, rate_hz = read_sound(path, rate_hz=SOUND_RATE_HZ, most_channels=MOST_CHANNELS)
    return Sound(samples, rate_hz)


def _placed(cue: Cue, whole: Sound, format: Format, media: MediaBin) -> Placed:
    if cue.role not in list(Role):
        raise InputError(f"clip {cue.name!r}: got the role {cue.role!r}, expected {', '.join(Role)}")
    start, end = format.sample(cue.start), format.sample(cue.end)
    footage = media.open(cue.source).footage if isinstance(cue.source, Path) else None
    if footage is not None:
        rate = footage.frame_rate
    else:  # a sound has no frames: the film's are meant, or else those that the timeline counts in
        rate = format.frame_rate if same_count(format.frame_rate, cue.rate) else cue.rate
    begin = cue.position(cue.start, rate) / rate * SOUND_RATE_HZ
    step = (cue.position(cue.start + 1, rate) - cue.position(cue.start, rate)) / rate * format.frame_rate
    return Placed(
        sound=Sound(_stretched(whole.samples, begin, step, end - start)),
        start=start,
        role=Role(cue.role),
        gain_db=cue.gain_db,
        fade_in=format.sample(cue.start + cue.fade_in) - start,
        fade_out=end - format.sample(cue.end - cue.fade_out),
    )


def _stretched(samples: NDArray[np.float32], begin: Fraction, step: Fraction, length: int) -> NDArray[np.float32]:
    """`length` samples of `[c s]` from `begin`, `step` samples of the source for each; silence outside of it."""
    span = abs(step) * length
    first = _nearest(begin if step > 0 else begin - span)
    if abs(step) == 1:
        piece = _cut(samples, first, length)
    else:
        source = _cut(samples, first, math.ceil(span))
        resampled = soxr.resample(np.ascontiguousarray(source.T), float(abs(step)), 1.0, quality="HQ").T
        piece = _cut(np.asarray(resampled, np.float32), 0, length)
    return np.ascontiguousarray(piece if step > 0 else piece[:, ::-1])


def _cut(samples: NDArray[np.float32], first: int, length: int) -> NDArray[np.float32]:
    """Samples `[first, first + length)`, silence where there are none."""
    result = np.zeros((samples.shape[0], length), np.float32)
    begin, end = max(first, 0), min(first + length, samples.shape[1])
    if begin < end:
        result[:, begin - first : end - first] = samples[:, begin:end]
    return result


def _nearest(samples: Fraction) -> int:
    return math.floor(samples + Fraction(1, 2))
