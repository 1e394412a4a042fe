"""Timing: parts follow each other without a gap, and each has the frames that its transitions show of it."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_pipelines.film.timing import CARD_S, Timing
from aiprod_pipelines.media import Clip, write_clip


def timing_of(*shots: dict[str, object], **film: object) -> Timing:
    given = [{"prompt": "a red cat on a beach", **shot} if "clip" not in shot else shot for shot in shots]
    return Timing(Storyboard.model_validate({"shots": given, **film}, by_alias=True, by_name=False))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "own.mp4"
    write_clip(Clip(np.zeros((40, 32, 32, 3), np.uint8), 10.0), path)  # 4 s
    return path


def test_parts_follow_each_other() -> None:
    shots = ({"duration": 2.0}, {"duration": 1.0, "transition": "dissolve"}, {"transition": "wipe"})
    timing = timing_of(*shots, title={"text": "A", "show": "card"}, credits=["One", "Two"])
    names = [part.name for part in timing.parts]
    assert names == ["title", "shot1", "shot2", "shot3", "credits"]
    for before, after in zip(timing.parts, timing.parts[1:], strict=False):
        assert after.start == before.start + before.length
    assert timing.parts[0].length == CARD_S * 30
    assert timing.num_frames == timing.parts[-1].start + timing.parts[-1].length


def test_a_transition_needs_frames_of_both_sides() -> None:
    one, two = timing_of(
        {"duration": 2.0}, {"duration": 2.0, "transition": {"kind": "dissolve", "duration": 0.5}}
    ).parts
    assert (two.into_frames, one.tail + two.head) == (15, 15)
    assert (one.frames, two.frames) == (60 + one.tail, 60 + two.head)


def test_a_transition_is_no_longer_than_what_it_joins() -> None:
    _, two = timing_of({"duration": 0.2}, {"transition": {"kind": "dissolve", "duration": 3.0}}).parts
    assert two.into_frames == 6


def test_a_cut_needs_nothing() -> None:
    assert all(part.head == part.tail == 0 for part in timing_of({}, {"transition": "cut"}, {}).parts)


@pytest.mark.parametrize("rate", ["23.976", "24", "25", "29.97", "30000/1001", "60"])
def test_rates_are_exact(rate: str) -> None:
    timing = timing_of({"duration": 10.0}, {"duration": 10.0}, frame_rate=rate)
    assert timing.num_frames == 2 * round(10 * timing.rate)
    assert isinstance(timing.rate, Fraction)


def test_a_shot_lasts_until_all_is_said() -> None:
    words = "This is rather a long line, which nobody could say in as little as three seconds; at least not well."
    (part,) = timing_of({"dialogue": [words]}).parts
    (line,) = timing_of({"dialogue": [words]}).dialogue
    assert line.duration_s > 3.0
    assert part.length / 30 >= line.start_s + line.duration_s


def test_lines_come_one_after_the_other() -> None:
    lines = timing_of({"dialogue": ["Where is it?", {"line": "Over there."}, {"line": "No!", "start": 2.5}]}).dialogue
    assert lines[1].start_s > lines[0].start_s + lines[0].duration_s
    assert lines[2].start_s == 2.5


def test_a_clip_lasts_as_long_as_it_is(clip: Path) -> None:
    assert timing_of({"clip": str(clip)}).num_frames == 120
    assert timing_of({"clip": str(clip), "start": 1.0, "end": 3.0}).num_frames == 60
    assert timing_of({"clip": str(clip), "speed": 2.0}).num_frames == 60


def test_a_clip_gives_up_what_its_transitions_show(clip: Path) -> None:
    part, _ = timing_of({"clip": str(clip)}, {"transition": {"kind": "dissolve", "duration": 1.0}}).parts
    assert part.frames == 120
    assert part.length == 105


@pytest.mark.parametrize("shot", [{"duration": 5.0}, {"start": 3.9, "duration": 0.5}, {"start": 4.5}])
def test_a_clip_that_is_too_short_is_said(clip: Path, shot: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"shots\[1\]\..*own.mp4"):
        _ = timing_of({"clip": str(clip), **shot}).parts


def test_cuts_fall_on_beats_where_the_music_is_to_lead() -> None:
    shots = [{"duration": 2.3}, {"duration": 1.9}, {"duration": 2.6}, {"duration": 2.0}]
    led = timing_of(*shots, music={"mood": "happy", "tempo": 120, "on_beat": True})
    beat = led.rate / 2
    assert [part.start / beat for part in led.parts[:3]] == [0, 5, 9], "the last cut comes after the last beat"
    assert all(abs(part.length - 30 * shot["duration"]) <= 9 for part, shot in zip(led.parts, shots, strict=True))
    free = timing_of(*shots, music={"mood": "happy", "tempo": 120})
    assert [part.length for part in free.parts] == [69, 57, 78, 60]


def test_a_clip_is_never_stretched_to_a_beat(clip: Path) -> None:
    music = {"mood": "happy", "tempo": 100, "on_beat": True}
    first, second = timing_of({"clip": str(clip), "end": 1.1}, {"duration": 2.0}, music=music).parts
    assert first.length <= 33
    assert second.start == first.length
