from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest

from aiprod_core.errors import AiprodError, InputError, MediaError
from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.timeline import Row, read, rows, write
from aiprod_pipelines.montage.transitions import Direction, Kind, Transition

NAMES = [
    "cdl.edl",
    "dissolve_test.edl",
    "fcpx_example.fcpxml",
    "hiero_xml_export.xml",
    "multitrack.otio",
    "nested_example.otio",
    "premiere_example.xml",
    "screening_example.edl",
    "simple_cut.otio",
    "speed_effects_small.edl",
    "transition.otio",
]
RATE = Fraction(25)
FIRST_CLIPS = {  # by hand, from the files themselves: name, start, frames, rate
    "cdl.edl": ("ZZ100_501 (LAY3)", 86501, 31, 24),
    "dissolve_test.edl": ("clip_A", 86501, 9, 24),
    "hiero_xml_export.xml": ("A160C005_171213_R0MN", 1101071, 1055, 24),
    "multitrack.otio": ("tech.fux (loop)-HD.mp4", 0, 720, 24),
    "premiere_example.xml": ("sc01_sh010_anim.mov", 0, 50, 15),
    "speed_effects_small.edl": ("Z677_4C (ANIM10)", 86445, 126, 24),
    "transition.otio": ("Clip-001", 3, 3, 24),
}
TRANSITIONS = {"dissolve_test.edl": 1, "fcpx_example.fcpxml": 3, "premiere_example.xml": 2, "transition.otio": 1}


def kept(row: Row) -> tuple[object, ...]:
    start = 0 if row.kind == "transition" else row.start / (row.rate or 1)
    return row.kind, "" if row.kind == "transition" else row.name, round(start, 4), round(row.duration / row.rate, 4)


def what(timeline: otio.schema.Timeline) -> list[tuple[object, ...]]:
    return sorted((kept(row) for row in rows(timeline) if row.kind in ("clip", "transition")), key=str)


def test_the_folder_holds_what_is_tested(media: Path) -> None:
    assert sorted(path.name for path in (media / "timeline").iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_read(media: Path, name: str) -> None:
    timeline = read(media / "timeline" / name)
    listed = rows(timeline)
    assert sum(row.kind == "transition" for row in listed) == TRANSITIONS.get(name, 0)
    if name in FIRST_CLIPS:
        first = next(row for row in listed if row.kind == "clip")
        assert (first.name, first.start, first.duration, first.rate) == FIRST_CLIPS[name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", [".otio", ".fcpxml"])
def test_a_round_trip_keeps_clips_ranges_and_transitions(media: Path, tmp_path: Path, name: str, suffix: str) -> None:
    timeline = read(media / "timeline" / name)
    left_out = write(timeline, tmp_path / f"again{suffix}")
    again = read(tmp_path / f"again{suffix}")
    if (name, suffix) == ("premiere_example.xml", ".fcpxml"):  # a slug shows nothing, and becomes empty space
        assert left_out == ("V3: clip 'test_title' is not kept as it is",)
        assert [fact for fact in what(timeline) if "test_title" not in fact] == what(again)
        return
    assert left_out == ()
    assert what(again) == what(timeline)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".edl")])
def test_an_edl_round_trip_keeps_the_record_times_too(media: Path, tmp_path: Path, name: str) -> None:
    timeline = read(media / "timeline" / name)
    assert write(timeline, tmp_path / "again.edl") == ()
    again = read(tmp_path / "again.edl")
    assert rows(again) == rows(timeline)
    assert again.global_start_time == timeline.global_start_time


def test_wipes_survive_an_edl_and_what_does_not_is_said(
    tmp_path: Path, clip: Callable[..., otio.schema.Clip], timeline_of: Callable[..., otio.schema.Timeline]
) -> None:
    right, down = (Transition(kind=Kind.WIPE, direction=way) for way in (Direction.RIGHT, Direction.DOWN))
    a, b, c, d = (clip(Path(f"/m/{n}.mov"), 20, 40, Fraction(24)) for n in range(4))
    first, second, third = (vocabulary.to_transition(one, 3, 3, Fraction(24)) for one in (right, down, Transition()))
    assert write(timeline_of([a, first, b, second, c, third, d]), tmp_path / "a.edl") == ()
    assert [row.how for row in rows(read(tmp_path / "a.edl")) if row.how] == ["wipe right", "wipe down", "dissolve"]
    third.metadata["aiprod"]["kind"] = "push"
    assert write(timeline_of([c.deepcopy(), third.deepcopy(), d.deepcopy()]), tmp_path / "b.edl") == (
        "V1: transition 'dissolve' is not kept as it is",
    )


def test_an_edl_says_what_it_leaves_out(media: Path, tmp_path: Path) -> None:
    left_out = write(read(media / "timeline" / "multitrack.otio"), tmp_path / "a.edl")
    assert left_out == ("V2, V3: an EDL holds one picture track",)
    nested = write(read(media / "timeline" / "nested_example.otio"), tmp_path / "b.edl")
    assert any("Clip Inside A Stack 1" in line for line in nested)


def test_a_transition_over_a_cut_begins_at_the_cut_of_an_edl(media: Path, tmp_path: Path) -> None:
    write(read(media / "timeline" / "transition.otio"), tmp_path / "a.edl")
    listed = rows(read(tmp_path / "a.edl"))
    assert [(row.kind, row.start, row.duration) for row in listed] == [
        ("clip", 3, 3),
        ("clip", 2, 4),  # two frames shorter, and the next two longer
        ("transition", 0, 5),
        ("clip", 1, 6),
        ("clip", 100, 6),
    ]


@pytest.mark.parametrize("rate", [Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(25)])
def test_rates_of_television_survive_fcpxml(
    tmp_path: Path,
    rate: Fraction,
    clip: Callable[..., otio.schema.Clip],
    timeline_of: Callable[..., otio.schema.Timeline],
) -> None:
    made = timeline_of([clip(Path(f"/m/{n}.mov"), 101 * n, 7 + n, rate) for n in range(40)])
    assert write(made, tmp_path / "a.fcpxml") == ()
    again = rows(read(tmp_path / "a.fcpxml"))
    assert [(row.start, row.duration) for row in again] == [(101 * n, 7 + n) for n in range(40)]
    assert {vocabulary.exact_rate(row.rate) for row in again} == {rate}


def test_one_of_several_sequences(media: Path) -> None:
    path = media / "timeline" / "fcpx_example.fcpxml"
    assert read(path).name == "OpenTimeline_Project"
    assert read(path, sequence="OpenTimeline_Project 1").name == "OpenTimeline_Project 1"
    with pytest.raises(InputError, match=r"no sequence 'x', expected one of 'OpenTimeline_Project'"):
        read(path, sequence="x")


def test_a_truncated_timeline_is_refused_with_its_line(media: Path) -> None:
    with pytest.raises(MediaError, match=r"timeline_truncated\.otio, line 121"):
        read(media / "corrupt" / "timeline_truncated.otio")


EVENT = "001  AX V C 01:00:00:00 01:00:01:00 00:00:00:00 00:00:01:00\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.otio", "hello", "line 1"),
        ("a.otio", "", "line 1"),
        ("a.otio", "{}", "expected a timeline"),
        ("a.otio", '{"OTIO_SCHEMA": "Clip.1"}', "expected a timeline"),
        ("a.edl", "", "no event"),
        ("a.edl", "hello\n", "line 1"),
        ("a.edl", f"TITLE: x\n{EVENT}002  AX V C 01:00:00:00\n", "line 3"),
        ("a.edl", f"TITLE: x\n{EVENT}{EVENT.replace('00:00:01:00', '00:00:02:00')}", "line 3"),
        ("a.edl", f"TITLE: x\n{EVENT.replace('01:00:00:00', '01:00:00:24')}", "--frame-rate"),
        ("a.edl", f"{EVENT}002 AX V D 010 01:00:00:00 01:00:01:00 00:00:01:00 00:00:02:00\n", "line 2.*two lines"),
        ("a.xml", "<xmeml><a>", "line 1"),
        ("a.xml", "<foo/>", "<foo>"),
        ("a.fcpxml", "<fcpxml>\n<resources>", "line 2"),
        ("a.fcpxml", "<fcpxml/>", "no timeline|expected a timeline"),
        ("a.fcpxml", '<fcpxml><project><sequence format="r9"/></project></fcpxml>', "r9"),
        ("a.aaf", "x", "ending '.aaf'"),
    ],
)
def test_foreign_files_are_refused_by_name(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(AiprodError, match=said) as refused:
        read(tmp_path / name)
    assert name in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"nothing\.otio"):
        read(tmp_path / "nothing.otio")


def test_a_rate_that_is_given_reads_an_edl(tmp_path: Path) -> None:
    (tmp_path / "a.edl").write_text(EVENT.replace("01:00:01:00", "01:00:00:24").replace("00:00:01:00", "00:00:00:24"))
    row = rows(read(tmp_path / "a.edl", frame_rate=Fraction(25)))[0]
    assert (row.duration, row.rate) == (24, 25)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("duration", -5, "clip 'c.mov': got a duration of -5"), ("rate", 0, "clip 'c.mov': rate: got 0")],
)
def test_what_no_clip_may_hold_is_named(
    tmp_path: Path, clip: Callable[..., otio.schema.Clip], timeline_of: Callable[..., otio.schema.Timeline],
    field: str, value: float, said: str,
) -> None:  # fmt: skip
    made = clip(Path("/c.mov"), 0, 10)
    if field == "duration":
        made.source_range = otio.opentime.TimeRange(made.source_range.start_time, otio.opentime.RationalTime(value, 25))
    else:
        made.source_range = otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, value), otio.opentime.RationalTime(1, value)
        )
    otio.adapters.write_to_file(timeline_of([made]), str(tmp_path / "a.otio"))
    with pytest.raises(InputError, match=said):
        read(tmp_path / "a.otio")


@pytest.mark.parametrize(("rate", "said"), [(Fraction(30_000, 1001), "DROP FRAME"), (RATE, "NON-DROP FRAME")])
def test_an_edl_counts_as_it_says(
    tmp_path: Path, rate: Fraction, said: str, clip: Callable[..., otio.schema.Clip],
    timeline_of: Callable[..., otio.schema.Timeline],
) -> None:  # fmt: skip
    made = timeline_of([clip(Path("/m/a.mov"), 1700, 200, rate), clip(Path("/m/b.mov"), 18_000, 90, rate)])
    assert write(made, tmp_path / "a.edl") == ()
    assert f"FCM: {said}\n" in (tmp_path / "a.edl").read_text()
    again = rows(read(tmp_path / "a.edl", frame_rate=rate))
    assert [(row.start, row.duration) for row in again] == [(1700, 200), (18_000, 90)]


def test_what_cannot_be_written_leaves_nothing(media: Path, tmp_path: Path) -> None:
    timeline = read(media / "timeline" / "simple_cut.otio")
    with pytest.raises(InputError, match=r"\.mov"):
        write(timeline, tmp_path / "a.mov")
    timeline.tracks.clear()
    with pytest.raises(InputError, match="picture track"):
        write(timeline, tmp_path / "a.edl")
    assert list(tmp_path.iterdir()) == []
