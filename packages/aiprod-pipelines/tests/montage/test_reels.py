from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.conform import conform
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.reel import Fit
from aiprod_pipelines.montage.reels import Reel, Reels
from aiprod_pipelines.montage.transitions import Transition
from aiprod_pipelines.picture import Format

RATE = Fraction(25)
Clip = Callable[..., otio.schema.Clip]
TimelineOf = Callable[..., otio.schema.Timeline]


def runs(timeline: otio.schema.Timeline) -> list[Reel]:
    """The runs through files that a film needs, in its order."""
    media = MediaBin(folder=Path())
    format = Format(width_px=64, height_px=48, frame_rate=RATE)
    reels = Reels.of(conform(timeline, media), format, media, Fit.FILL, 8)
    return list({id(reel): reel for reel in reels.by_shot.values()}.values())


def test_shots_that_follow_each_other_in_a_file_are_one_run(
    tmp_path: Path, numbered: Callable[..., Path], clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 200)
    (run,) = runs(timeline_of([clip(path, 0, 10), clip(path, 15, 10), clip(path, 25, 5)]))
    assert run.numbers == [*range(10), *range(15, 30)]


def test_a_jump_back_or_far_ahead_or_a_dissolve_within_a_file_takes_another(
    tmp_path: Path, numbered: Callable[..., Path], clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 200)
    assert len(runs(timeline_of([clip(path, 20, 10), clip(path, 0, 10)]))) == 2
    assert len(runs(timeline_of([clip(path, 0, 10), clip(path, 100, 10)]))) == 2
    joint = vocabulary.to_transition(Transition(), 3, 3, RATE)
    assert len(runs(timeline_of([clip(path, 5, 10), joint, clip(path, 20, 10)]))) == 2


def test_what_is_hidden_is_not_decoded(
    tmp_path: Path, numbered: Callable[..., Path], clip: Clip, timeline_of: TimelineOf
) -> None:
    low, high = numbered(tmp_path / "a.mkv", 60), numbered(tmp_path / "b.mkv", 60)
    first, second = runs(timeline_of([clip(low, 0, 30)], [clip(high, 0, 20)]))
    assert first.numbers == list(range(20))
    assert second.numbers == list(range(20, 30))
