"""The cut: parts that are rendered one by one are, frame for frame, the film that is rendered in one."""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from aiprod_pipelines.delivery.encode import encode_picture, join
from aiprod_pipelines.delivery.intermediate import write_intermediate
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.film import cut
from aiprod_pipelines.film.shot import Position
from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_pipelines.film.timing import Timing
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.montage import timeline
from aiprod_pipelines.montage.conform import conform
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.render import frames
from aiprod_pipelines.picture import Format, Frame
from aiprod_pipelines.subtitles import Cue

BOARD = {
    "title": "A title",
    "size": "64x48",
    "frame_rate": "25",
    "credits": ["One", "Two"],
    "ending": {"kind": "fade", "duration": 0.4},
    "shots": [
        {"id": "one", "prompt": "a cat", "duration": 1.0, "transition": "fade"},
        {"id": "two", "prompt": "a dog", "duration": 0.8, "transition": "dissolve"},
        {"id": "three", "prompt": "a car", "duration": 1.2, "speed": 2.0, "title": {"text": "Fast", "duration": 3.0}},
        {"id": "four", "prompt": "a car", "duration": 0.6, "transition": {"kind": "wipe", "duration": 0.3}},
    ],
}
BURNED = [Cue(start_s=0.6, end_s=1.5, text="Over a cut")]


@pytest.fixture
def pictures() -> cut.Pictures:
    storyboard = Storyboard.model_validate(BOARD, by_alias=True, by_name=False)
    begins = {shot.id: 0.0 for shot in storyboard.shots}
    return cut.Pictures(storyboard=storyboard, timing=Timing(storyboard), burned=BURNED, begins=begins)


@pytest.fixture
def media(tmp_path: Path) -> Mapping[str, Path]:
    """Four clips at ten frames a second, every frame of its own brightness."""
    files = {}
    for number, name in enumerate(("one", "two", "three", "four")):
        path = tmp_path / f"{name}.mkv"
        clip = [np.full((32, 32, 3), 20 * number + 4 * at, np.uint8) for at in range(45)]
        write_intermediate(path, clip, Format(width_px=32, height_px=32, frame_rate=10))
        files[f"shot {name}"] = path
    return files


def rendered(segment: cut.Segment, media: Mapping[str, Path], format: Format) -> list[Frame]:
    bin_ = MediaBin(folder=Path())
    edit = conform(cut.with_media(cut.plain(segment.timeline), media), bin_, frame_rate=format.frame_rate)
    return list(frames(edit, format, bin_))[segment.skipped :][: segment.num_frames]


def test_the_parts_are_the_whole(pictures: cut.Pictures, media: Mapping[str, Path]) -> None:
    format = Format(width_px=64, height_px=48, frame_rate=pictures.timing.rate)
    whole = rendered(pictures.whole(), media, format)
    assert len(whole) == pictures.timing.num_frames
    parts = [frame for part in pictures.timing.parts for frame in rendered(pictures.segment(part), media, format)]
    assert len(parts) == len(whole)
    assert [n for n, (one, other) in enumerate(zip(whole, parts, strict=True)) if not np.array_equal(one, other)] == []


def test_a_part_names_only_what_is_seen_in_it(pictures: cut.Pictures) -> None:
    one, two, three, _, credits = pictures.timing.parts
    assert pictures.segment(one).media == {"shot one", "shot two"}, "the dissolve shows both"
    assert pictures.segment(two).media == {"shot one", "shot two"}
    assert pictures.segment(three).media == {"shot three", "shot four"}
    assert pictures.segment(credits).media == {"shot four"}


@pytest.mark.parametrize("position", get_args(Position))
def test_a_title_stands_wherever_a_storyboard_may_put_it(position: str) -> None:
    board = {"shots": [{"prompt": "a cat", "title": {"text": "Here", "position": position}}]}
    storyboard = Storyboard.model_validate(board, by_alias=True, by_name=False)
    pictures = cut.Pictures(storyboard=storyboard, timing=Timing(storyboard), burned=(), begins={"shot1": 0.0})
    (words,) = pictures.whole().timeline.video_tracks()[1].find_clips()
    assert dict(words.media_reference.parameters)["text"] == "Here"


@pytest.mark.parametrize("suffix", [".otio", ".edl", ".fcpxml"])
def test_the_cut_is_written_for_other_programs(pictures: cut.Pictures, tmp_path: Path, suffix: str) -> None:
    """Also with fades at both ends, titles as clips, and media names of two words, which an EDL has no place for."""
    left_out = timeline.write(pictures.whole().timeline, tmp_path / f"cut{suffix}")
    read = timeline.read(tmp_path / f"cut{suffix}", frame_rate=pictures.timing.rate)
    names = [clip.name for clip in read.video_tracks()[0].find_clips()]
    assert names[:4] == ["one", "two", "three", "four"]
    assert bool(left_out) == (suffix == ".edl")


@pytest.mark.parametrize("profile", [Profile.WEB, Profile.HEVC10, Profile.AV1, Profile.PRORES422])
def test_parts_are_joined_without_a_seam(tmp_path: Path, profile: Profile) -> None:
    """Every frame is there once and in order, also where encoders reorder them."""
    format = Format(width_px=64, height_px=48, frame_rate=25)
    shades = [np.full((48, 64, 3), 10 + 3 * number, np.uint8) for number in range(70)]
    files = []
    for number, (first, last) in enumerate([(0, 31), (31, 33), (33, 70)]):
        files.append(tmp_path / f"{number}{profile.recipe.suffix}")
        encode_picture(files[-1], shades[first:last], format, profile)
    film = tmp_path / f"film{profile.recipe.suffix}"
    join(film, files, profile)
    footage = Footage.open(film)
    read = [frame.mean() / (1 if frame.dtype == np.uint8 else 257) for frame in footage.frames()]
    assert footage.frame_rate == 25
    assert len(read) == 70
    assert np.abs(np.array(read) - [shade.mean() for shade in shades]).max() < 2.0
