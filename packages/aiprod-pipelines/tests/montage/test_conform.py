from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.conform import conform, rate_of
from aiprod_pipelines.montage.edit import Edit
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.transitions import Kind, Transition

Numbered = Callable[..., Path]
Clip = Callable[..., otio.schema.Clip]
TimelineOf = Callable[..., otio.schema.Timeline]
GapOf = Callable[..., otio.schema.Gap]
RATE = Fraction(25)


def edit_of(timeline: otio.schema.Timeline, rate: Fraction | None = None) -> Edit:
    return conform(timeline, MediaBin(folder=Path()), frame_rate=rate)


def test_cuts_of_another_rate_go_to_the_nearest_frame_and_add_nothing_up(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 24, Fraction(24))
    (layer,) = edit_of(timeline_of([clip(path, 3, 7, Fraction(24)) for _ in range(200)]), RATE).layers
    assert [shot.start for shot in layer.shots] == [int(Fraction(7 * n * 25, 24) + Fraction(1, 2)) for n in range(200)]
    assert all(a.end == b.start for a, b in zip(layer.shots, layer.shots[1:], strict=False))
    for shot in layer.shots:
        shown = [shot.picture(frame, Fraction(24)) for frame in range(shot.start, shot.end)]
        assert 3 <= shown[0] <= shown[-1] <= 10


def test_the_rate_is_that_of_the_first_clip(clip: Clip, timeline_of: TimelineOf) -> None:
    assert rate_of(timeline_of([clip(Path("a"), 0, 5, Fraction(30_000, 1001))])) == Fraction(30_000, 1001)
    bare = timeline_of([otio.schema.Clip(name="a")])
    with pytest.raises(InputError, match="--frame-rate"):
        rate_of(bare)
    bare.global_start_time = otio.opentime.RationalTime(0, 50)
    assert rate_of(bare) == 50


def test_a_clip_without_a_range_is_all_that_there_is(
    tmp_path: Path, numbered: Numbered, timeline_of: TimelineOf
) -> None:
    reference = otio.schema.ExternalReference(target_url=str(numbered(tmp_path / "a.mkv", 33)))
    assert edit_of(timeline_of([otio.schema.Clip(name="a", media_reference=reference)]), RATE).num_frames == 33
    reference.available_range = vocabulary.range_at(100, 12, RATE)
    edit = edit_of(timeline_of([otio.schema.Clip(name="a", media_reference=reference)]), RATE)
    assert edit.num_frames == 12
    assert edit.layers[0].shots[0].picture(0, RATE) == 0


def test_a_trimmed_stack_of_tracks_shows_only_that(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf
) -> None:
    timeline = timeline_of([clip(numbered(tmp_path / "a.mkv", 40), 5, 30)])
    timeline.tracks.source_range = vocabulary.range_at(10, 8, RATE)
    edit = edit_of(timeline)
    assert edit.num_frames == 8
    (outer,) = edit.layers[0].shots
    assert isinstance(outer.source, Edit)
    assert outer.picture(0, RATE) == 10


def test_what_is_not_applied_is_said(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf, gap: GapOf
) -> None:
    made = clip(numbered(tmp_path / "a.mkv", 40), 5, 30)
    made.effects.append(otio.schema.Effect(name="Blur"))
    bars = otio.schema.GeneratorReference(generator_kind="SMPTEBars")
    slug = otio.schema.GeneratorReference(generator_kind="Slug")
    peel = otio.schema.Transition(
        transition_type="Peel", in_offset=vocabulary.time_at(1, RATE), out_offset=vocabulary.time_at(1, RATE)
    )
    others = [otio.schema.Clip(name=n, media_reference=r, source_range=vocabulary.range_at(0, 5, RATE))
              for n, r in (("bars", bars), ("slug", slug))]  # fmt: skip
    notes = edit_of(timeline_of([made, peel, *others])).notes
    assert len(notes) == 3
    assert any("'Blur' is not applied" in note for note in notes)
    assert any("'SMPTEBars' is not drawn" in note for note in notes)
    assert any("'Peel' is drawn as a dissolve" in note for note in notes)


def test_two_transitions_in_a_row_are_a_way_out_and_a_way_in(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 60, click_at=[])
    out = vocabulary.to_transition(Transition(kind=Kind.FADE), 4, 0, RATE)
    into = vocabulary.to_transition(Transition(kind=Kind.FADE), 0, 6, RATE)
    first, second = clip(path, 0, 20), clip(path, 30, 20)
    edit = edit_of(timeline_of(sounds=[[first, out, into, second]]))
    assert [(cue.start, cue.end, cue.fade_in, cue.fade_out) for cue in edit.cues] == [(0, 20, 0, 4), (20, 40, 6, 0)]
    pictures = edit_of(timeline_of([first.deepcopy(), out.deepcopy(), into.deepcopy(), second.deepcopy()]))
    sides = [(blend.before is None, blend.after is None) for blend in pictures.layers[0].blends]
    assert sides == [(False, True), (True, False)]


def test_a_clips_own_sound_has_its_gain_and_role(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 60, click_at=[])
    joint = vocabulary.to_transition(Transition(), 2, 3, RATE)
    edit = edit_of(timeline_of([clip(path, 5, 20, gain_db=-6, role="dialogue"), joint, clip(path, 10, 20)]))
    facts = [(cue.start, cue.end, cue.at, cue.fade_in, cue.fade_out, cue.gain_db, cue.role) for cue in edit.cues]
    assert facts == [(0, 23, 5, 0, 5, -6.0, "dialogue"), (18, 40, 8, 5, 0, 0.0, "clip")]
    for ours in ({"gain_db": "loud"}, {"gain_db": float("nan")}):
        with pytest.raises(InputError, match=r"clip 'a\.mkv': got .* for gain_db, expected a number"):
            edit_of(timeline_of([clip(path, 5, 20, **ours)]))


def test_opacity_is_kept_between_nothing_and_all(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 20)
    edit = edit_of(timeline_of([clip(path, 0, 5, opacity=opacity) for opacity in (-1, 0.5, 7)]))
    assert [shot.opacity for shot in edit.layers[0].shots] == [0.0, 0.5, 1.0]
