import hashlib
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.delivery.intermediate import write_intermediate
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.montage import timeline as timelines
from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.conform import conform
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.reel import Fit
from aiprod_pipelines.montage.render import ahead, frames
from aiprod_pipelines.montage.titles import Title
from aiprod_pipelines.montage.transitions import Kind, Transition, dissolve
from aiprod_pipelines.picture import Encoding, Format, Frame

Numbered = Callable[..., Path]
Numbers = Callable[..., list[int]]
Clip = Callable[..., otio.schema.Clip]
TimelineOf = Callable[..., otio.schema.Timeline]
GapOf = Callable[..., otio.schema.Gap]
RATE = Fraction(25)
RATES = [Fraction(24), RATE, Fraction(30), Fraction(24_000, 1001), Fraction(30_000, 1001)]
SMALL = Format(width_px=64, height_px=48, frame_rate=RATE)


def rendered(timeline: otio.schema.Timeline, *, rate: Fraction = RATE, fit: Fit = Fit.FILL) -> list[Frame]:
    media = MediaBin(folder=Path())
    edit = conform(timeline, media, frame_rate=rate)
    return list(frames(edit, Format(width_px=64, height_px=48, frame_rate=rate), media, fit=fit))


def hashes(pictures: Iterator[Frame] | list[Frame]) -> list[str]:
    return [hashlib.sha256(np.ascontiguousarray(frame).tobytes()).hexdigest() for frame in pictures]


@pytest.mark.parametrize("rate", RATES)
def test_cuts_are_exact_to_the_frame_through_ffv1(
    tmp_path: Path, rate: Fraction, numbered: Numbered, numbers: Numbers, clip: Clip, timeline_of: TimelineOf
) -> None:
    paths = [numbered(tmp_path / f"{n}.mkv", 60, rate, size=(64, 48)) for n in range(2)]
    spans = [(0, 0, 9), (1, 31, 5), (0, 40, 20), (1, 0, 1), (0, 3, 7), (1, 17, 11)]
    timeline = timeline_of([clip(paths[n], start, length, rate) for n, start, length in spans])
    media = MediaBin(folder=tmp_path)
    edit = conform(timeline, media)
    format = Format(width_px=64, height_px=48, frame_rate=edit.frame_rate)
    assert edit.frame_rate == rate
    film = tmp_path / "film.mkv"
    write_intermediate(film, frames(edit, format, media), format)
    wanted = [h for n, start, length in spans for h in hashes(Footage.open(paths[n]).frames(start, start + length))]
    assert hashes(Footage.open(film).frames()) == wanted
    assert len(wanted) == edit.num_frames == 53


def test_frames_are_counted_between_rates_of_one_name(
    tmp_path: Path, numbered: Numbered, numbers: Numbers, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 50, Fraction(24_000, 1001))
    cut = timeline_of([clip(path, 10, 12, Fraction(24)), clip(path, 40, 10, Fraction(24))])
    assert numbers(rendered(cut, rate=Fraction(24_000, 1001))) == [*range(10, 22), *range(40, 50)]
    assert numbers(rendered(cut, rate=Fraction(24))) == [*range(10, 22), *range(40, 50)]


def test_other_rates_are_converted_by_the_frame_on_show(
    tmp_path: Path, numbered: Numbered, numbers: Numbers, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 20, Fraction(10))
    shown = numbers(rendered(timeline_of([clip(path, 0, 50)])))  # 2 s at 25 of a source at 10
    assert shown == [int((n + 0.5) / 25 * 10) for n in range(50)]
    fast = numbers(
        rendered(timeline_of([clip(numbered(tmp_path / "b.mkv", 50), 0, 20, Fraction(10))]), rate=Fraction(10))
    )
    assert fast == [int(n * 2.5 + 0.5) for n in range(20)]


def test_speeds_freezes_and_backwards(
    tmp_path: Path, numbered: Numbered, numbers: Numbers, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 60)
    assert numbers(rendered(timeline_of([clip(path, 10, 5, speed=2.0)]))) == [10, 12, 14, 16, 18]
    assert numbers(rendered(timeline_of([clip(path, 10, 6, speed=0.5)]))) == [10, 10, 11, 11, 12, 12]
    assert numbers(rendered(timeline_of([clip(path, 10, 4, speed=0.0)]))) == [10] * 4
    assert numbers(rendered(timeline_of([clip(path, 10, 5, speed=-1.0)]))) == [14, 13, 12, 11, 10]
    assert numbers(rendered(timeline_of([clip(path, 0, 30, speed=-2.0)]))) == list(range(59, 0, -2))


def test_gaps_are_black_and_upper_tracks_lie_over_lower_ones(
    tmp_path: Path, numbered: Numbered, numbers: Numbers, clip: Clip, timeline_of: TimelineOf, gap: GapOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 60)
    film = rendered(timeline_of([clip(path, 0, 4), gap(3), clip(path, 50, 3)], [gap(2), clip(path, 20, 1), gap(1)]))
    assert numbers(film) == [0, 1, 20, 3, -1, -1, -1, 50, 51, 52]
    assert not film[5].any()


def test_disabled_clips_and_tracks_show_nothing(
    tmp_path: Path, numbered: Numbered, numbers: Numbers, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 20)
    timeline = timeline_of([clip(path, 0, 3), clip(path, 5, 2)], [clip(path, 10, 4)])
    timeline.tracks[0][1].enabled = False
    timeline.tracks[1].enabled = False
    assert numbers(rendered(timeline)) == [0, 1, 2, -1, -1]


def test_nested_stacks_and_tracks_are_trimmed_and_sped_up(
    tmp_path: Path, numbered: Numbered, numbers: Numbers, clip: Clip, timeline_of: TimelineOf, gap: GapOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 60)
    inner = otio.schema.Track(source_range=vocabulary.range_at(2, 4, RATE))
    inner.extend([clip(path, 30, 4), clip(path, 50, 6)])
    stack = otio.schema.Stack(source_range=vocabulary.range_at(0, 3, RATE))
    stack.extend([clip(path, 10, 6)])
    stack.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    over = otio.schema.Stack()
    hole = otio.schema.Track()
    hole.extend([gap(1), clip(path, 40, 1), gap(1)])
    over.append(hole)
    film = rendered(timeline_of([clip(path, 0, 1), inner, stack], [gap(5), over]))
    assert numbers(film) == [0, 32, 33, 50, 51, 10, 40, 14]


def test_a_dissolve_mixes_the_frames_of_both_sides_in_light(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf
) -> None:
    a, b = numbered(tmp_path / "a.mkv", 200), numbered(tmp_path / "b.mkv", 200)
    joint = vocabulary.to_transition(Transition(), 2, 3, RATE)
    film = rendered(timeline_of([clip(a, 20, 10), joint, clip(b, 150, 8)]))
    assert len(film) == 18
    ends, begins = list(Footage.open(a).frames(28, 33)), list(Footage.open(b).frames(148, 153))
    for n in range(5):
        wanted = dissolve(ends[n], begins[n], (n + 0.5) / 5, Encoding.REC709)
        np.testing.assert_array_equal(film[8 + n], wanted)


def test_a_transition_past_the_media_holds_the_last_frame(
    tmp_path: Path, numbered: Numbered, numbers: Numbers, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 20)
    push = vocabulary.to_transition(Transition(kind=Kind.SLIDE), 2, 2, RATE)
    film = rendered(timeline_of([clip(path, 15, 5), push, clip(path, 0, 5)]))
    assert [int(frame[0, -1, 0]) for frame in film[3:7]] == [18, 19, 19, 19]
    assert [int(frame[0, 0, 0]) for frame in film[3:7]] == [0, 0, 0, 1]


def test_fades_at_the_ends_and_titles_over(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf, gap: GapOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 255)
    white = vocabulary.to_transition(Transition(kind=Kind.FADE, colour=(255, 255, 255)), 0, 5, RATE)
    black = vocabulary.to_transition(Transition(kind=Kind.FADE), 5, 0, RATE)
    title = vocabulary.to_title(Title(text="Hello"), 4, RATE)
    film = rendered(timeline_of([white, clip(path, 200, 20), black], [gap(8), title]))
    means = [float(frame.mean()) for frame in film]
    assert means[0] > means[1] > means[4] > means[6]
    assert means[19] < means[18] < means[15] < means[14]
    changed = [np.unique(frame.reshape(-1, 3), axis=0).shape[0] > 1 for frame in film]
    assert changed == [False] * 8 + [True] * 4 + [False] * 8


def test_opacity_shows_what_lies_below(tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf) -> None:
    path = numbered(tmp_path / "a.mkv", 255)
    film = rendered(timeline_of([clip(path, 10, 1)], [clip(path, 200, 1, opacity=0.25)]))
    low, high = (next(Footage.open(path).frames(n)) for n in (10, 200))
    np.testing.assert_array_equal(film[0], dissolve(low, high, 0.25, Encoding.REC709))


def test_a_timeline_that_was_written_and_read_renders_the_same(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf, gap: GapOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 255)
    kinds = [Transition(kind=kind, softness=0.2 if kind is Kind.WIPE else 0, colour=(9, 99, 200)) for kind in Kind]
    items = [clip(path, 5, 8)]
    for number, transition in enumerate(kinds):
        items += [vocabulary.to_transition(transition, 2, 2, RATE), clip(path, 30 * number + 10, 8, speed=1.5)]
    title = Title(text="Été", detail="two", font="bold", colour=(255, 200, 0), fade_in_s=0.1, fade_out_s=0.1)
    timeline = timeline_of(items, [gap(10), vocabulary.to_title(title, 20, RATE)])
    timelines.write(timeline, tmp_path / "a.otio")
    assert hashes(rendered(timelines.read(tmp_path / "a.otio"))) == hashes(rendered(timeline))


def test_shapes_are_filled_fitted_or_squeezed(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 3, size=(64, 24))
    timeline = timeline_of([clip(path, 2, 1)])
    for fit, bars in ((Fit.FILL, 0), (Fit.FIT, 24), (Fit.STRETCH, 0)):
        (frame,) = rendered(timeline, fit=fit)
        assert frame.shape == (48, 64, 3)
        assert int((frame.sum(axis=(1, 2)) == 0).sum()) == bars
        np.testing.assert_array_equal(frame[24], np.tile(np.array([2, 0, 40], np.uint8), (64, 1)))


def test_hdr_in_an_sdr_film_is_refused_and_sdr_in_hdr_keeps_its_white(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf
) -> None:
    bright = [np.full((48, 64, 3), 40_000, np.uint16)] * 3
    pq = Format(width_px=64, height_px=48, frame_rate=RATE, encoding=Encoding.PQ)
    write_intermediate(tmp_path / "hdr.mkv", bright, pq)
    media = MediaBin(folder=tmp_path)
    edit = conform(timeline_of([clip(tmp_path / "hdr.mkv", 0, 3)]), media)
    with pytest.raises(InputError, match=r"hdr\.mkv.*aiprod grade"):
        frames(edit, SMALL, media)
    np.testing.assert_array_equal(next(frames(edit, pq, media)), bright[0])
    white = [np.full((48, 64, 3), 255, np.uint8)] * 2
    write_intermediate(tmp_path / "sdr.mkv", white, SMALL)
    edit = conform(timeline_of([clip(tmp_path / "sdr.mkv", 0, 2)]), media)
    made = next(frames(edit, pq, media))
    assert made.dtype == np.uint16
    np.testing.assert_allclose(made / 65_535, 0.5807, atol=2e-4)  # 203 cd/m² in PQ: ITU-R BT.2408


def test_media_that_is_missing_short_or_no_picture_is_named(
    tmp_path: Path, media: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 20)
    with pytest.raises(MediaError, match=r"clip 'b\.mkv'.*--media"):
        rendered(timeline_of([clip(tmp_path / "b.mkv", 0, 3)]))
    with pytest.raises(MediaError, match=r"clip 'a\.mkv': got frames 15 to 24 of a\.mkv, which has 20"):
        rendered(timeline_of([clip(path, 15, 10)]))
    with pytest.raises(MediaError, match="a sound"):
        rendered(timeline_of([clip(media / "speech" / "jfk.wav", 0, 10)]))
    with pytest.raises(MediaError, match="random_bytes"):
        rendered(timeline_of([clip(media / "corrupt" / "random_bytes.mp4", 0, 10)]))
    with pytest.raises(InputError, match="nothing to show"):
        rendered(timeline_of([]))


def test_transitions_that_do_not_fit_are_named(
    tmp_path: Path, numbered: Numbered, clip: Clip, timeline_of: TimelineOf
) -> None:
    path = numbered(tmp_path / "a.mkv", 60)
    long = vocabulary.to_transition(Transition(), 6, 6, RATE)
    with pytest.raises(InputError, match=r"'dissolve'.*shorten"):
        rendered(timeline_of([clip(path, 20, 5), long, clip(path, 20, 20)]))
    with pytest.raises(InputError, match="over the transition before"):
        rendered(timeline_of([clip(path, 20, 20), long, clip(path, 20, 10), long.deepcopy(), clip(path, 20, 20)]))


def test_frames_made_ahead_are_the_same_and_errors_come_through() -> None:
    made = [np.full((2, 2, 3), n, np.uint8) for n in range(20)]
    assert [int(frame[0, 0, 0]) for frame in ahead(iter(made), 3)] == list(range(20))

    def broken() -> Iterator[Frame]:
        yield made[0]
        raise MediaError("torn")

    taken = ahead(broken())
    next(taken)
    with pytest.raises(MediaError, match="torn"):
        next(taken)
    some = ahead(iter(made), 2)
    next(some)
    some.close()  # type: ignore[attr-defined]  # a generator
    assert not [thread for thread in threading.enumerate() if thread.name == "montage"]


def test_real_films_of_all_rates_and_sizes_make_one(media: Path, clip: Clip, timeline_of: TimelineOf) -> None:
    names = ["tiny_96x54_8fps.mp4", "vfr.mp4", "odd_321x181_444.mp4", "portrait_9x16.mp4", "single_frame.mp4"]
    film = rendered(timeline_of([clip(media / "derived" / name, 0, 10) for name in names]))
    assert len(film) == 50
    assert all(frame.std() > 1 for frame in film)
