from collections.abc import Sequence
from typing import cast

import av
import numpy as np
import pytest
from PIL import Image, ImageFilter

from aiprod_pipelines.picture import Frame
from aiprod_pipelines.quality.finding import Code, Finding, Severity
from aiprod_pipelines.quality.picture_faults import judge
from aiprod_pipelines.quality.picture_track import PictureTrack

RATE_HZ = 25


def found(frames: Sequence[Frame], code: Code) -> list[Finding]:
    track = PictureTrack(thumbnail_every_s=1e9)
    for number, frame in enumerate(frames):
        track.see(av.VideoFrame.from_ndarray(cast(Frame, np.ascontiguousarray(frame)), "rgb24"), number / RATE_HZ)
    return [finding for finding in judge(track, len(frames) / RATE_HZ) if finding.code is code]


def moving(count: int, *, seed: int = 0, step: int = 3) -> list[Frame]:
    generator = np.random.default_rng(seed)
    coarse = generator.integers(30, 230, (6, (320 + step * count) // 32 + 2, 3)).astype(np.uint8)
    wide = coarse.repeat(32, axis=0).repeat(32, axis=1)
    return [wide[:180, step * t : step * t + 320] for t in range(count)]


def faded(frames: list[Frame], levels: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[Frame]:
    return [(frame * level).astype(np.uint8) for frame, level in zip(frames, levels, strict=True)]


BLACK: Frame = np.zeros((180, 320, 3), np.uint8)


@pytest.mark.parametrize("length", [1, 3, 25])
def test_black_that_is_cut_in_is_a_fault_even_for_one_frame(length: int) -> None:
    (black,) = found(moving(30) + [BLACK] * length + moving(30, seed=1), Code.BLACK)
    assert (black.severity, black.start_s, black.end_s) == (Severity.FAULT, 30 / 25, (30 + length) / 25)


def test_a_fade_through_black_is_none_and_so_is_a_dark_picture() -> None:
    down, up = np.linspace(1, 0, 20), np.linspace(0, 1, 20)
    dipped = moving(20) + faded(moving(20), down) + [BLACK] * 10 + faded(moving(20, seed=1), up) + moving(20, seed=1)
    assert [black.severity for black in found(dipped, Code.BLACK)] == [Severity.NOTE]
    assert found([(frame * 0.12).astype(np.uint8) for frame in moving(20)], Code.BLACK) == []


def test_black_ends_are_notes_and_nothing_but_black_is_a_fault() -> None:
    ends = found([BLACK] * 5 + moving(20) + [BLACK] * 5, Code.BLACK)
    assert [(black.severity, black.start_s) for black in ends] == [(Severity.NOTE, 0.0), (Severity.NOTE, 1.0)]
    assert [black.severity for black in found([BLACK] * 20, Code.BLACK)] == [Severity.FAULT]


def test_a_picture_that_stops_in_motion_is_frozen() -> None:
    frames = moving(60)
    frozen = frames[:30] + [frames[29]] * 20 + frames[30:]
    (stop,) = found(frozen, Code.FROZEN)
    assert (stop.severity, stop.start_s, stop.end_s) == (Severity.FAULT, 29 / 25, 50 / 25)
    assert found(frames, Code.FROZEN) == []


def test_slow_motion_that_stops_and_jumps_is_frozen_and_a_pause_is_not() -> None:
    slow = [Image.fromarray(frame).resize((320, 180)) for frame in moving(90, step=1)]
    frames = [np.asarray(frame.filter(ImageFilter.GaussianBlur(30))) for frame in slow]
    lost = frames[:30] + [frames[29]] * 20 + frames[50:]
    assert [(stop.start_s, stop.end_s) for stop in found(lost, Code.FROZEN)] == [(29 / 25, 50 / 25)]
    assert found(frames[:30] + [frames[29]] * 20 + frames[30:], Code.FROZEN) == [], "it goes on where it stood"


def test_a_coder_that_touches_up_a_frozen_picture_does_not_hide_it() -> None:
    frames = moving(60)
    touched = frames[29] + np.where(np.random.default_rng(0).random(frames[0].shape) < 0.5, 1, -1)
    frozen = frames[:30] + [frames[29]] * 8 + [touched.astype(np.uint8)] * 12 + frames[30:]
    assert [(stop.start_s, stop.end_s) for stop in found(frozen, Code.FROZEN)] == [(29 / 25, 50 / 25)]


def test_a_still_shot_after_a_cut_a_dissolve_or_a_wipe_is_not() -> None:
    frames, still = moving(30), moving(1, seed=5)[0]
    mixed = [(frames[29] * (1 - a) + still * a).astype(np.uint8) for a in np.linspace(0, 1, 20)]
    wiped = [np.concatenate([still[:, :w], frames[29][:, w:]], axis=1) for w in range(0, 321, 16)]
    for shot in (frames + [still] * 25, frames + mixed + [still] * 25, frames + wiped + [still] * 25):
        assert found(shot, Code.FROZEN) == []
        assert [finding.severity for finding in found(shot, Code.STILL)] == [Severity.NOTE]


def test_cuts_are_told_and_fast_motion_is_not_one() -> None:
    cuts = found(moving(20) + moving(20, seed=1) + moving(20, seed=2), Code.CUT)
    assert [cut.start_s for cut in cuts] == [20 / 25, 40 / 25]
    assert found(moving(40, step=40), Code.CUT) == []


def test_bars_come_in_pairs() -> None:
    def masked(top: int, bottom: int, left: int, right: int) -> list[Frame]:
        frames = [frame.copy() for frame in moving(20)]
        for frame in frames:
            frame[:top] = frame[180 - bottom :] = 0
            frame[:, :left] = frame[:, 320 - right :] = 0
        return frames

    assert [bars.region_px for bars in found(masked(22, 22, 0, 0), Code.BARS)] == [(0, 22, 320, 136)]
    assert [bars.region_px for bars in found(masked(0, 0, 40, 40), Code.BARS)] == [(40, 0, 240, 180)]
    assert found(masked(0, 0, 60, 0), Code.BARS) == [], "a dark side is a picture"
    assert found(masked(2, 2, 0, 0), Code.BARS) == [], "two lines are overscan"


def test_a_picture_without_any_sharp_edge_is_soft() -> None:
    kernel = np.ones(60) / 60
    soft = [np.apply_along_axis(np.convolve, 1, frame, kernel, "same").astype(np.uint8) for frame in moving(4)]
    assert [finding.severity for finding in found(soft, Code.BLURRED)] == [Severity.WARNING]
    assert found(moving(4), Code.BLURRED) == []


def test_more_than_three_flashes_a_second_are_told() -> None:
    bright: Frame = np.full((180, 320, 3), 220, np.uint8)
    strobe = [bright if t // 3 % 2 else BLACK + 40 for t in range(50)]  # 4.2 a second
    assert len(found(strobe, Code.FLASHES)) == 1
    slow = [bright if t // 6 % 2 else BLACK + 40 for t in range(50)]  # 2.1 a second
    assert found(slow, Code.FLASHES) == []
    corner = [frame.copy() for frame in moving(50, step=0)]
    for t, frame in enumerate(corner):
        frame[:60, :80] = 220 if t // 3 % 2 else 40
    assert found(corner, Code.FLASHES) == [], "a twelfth of the picture is less than a quarter"
