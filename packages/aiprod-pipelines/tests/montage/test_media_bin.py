from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.conform import conform
from aiprod_pipelines.montage.media_bin import MediaBin, path_of


def wanted(url: str = "", name: str = "") -> otio.schema.Clip:
    reference = otio.schema.ExternalReference(target_url=url) if url else otio.schema.MissingReference()
    return otio.schema.Clip(name=name, media_reference=reference)


def test_urls_of_any_kind_are_paths() -> None:
    assert path_of("file:///a/b%20c.mov") == Path("/a/b c.mov")
    assert path_of("file://localhost/D%3a/m/x.mov") == Path("/D:/m/x.mov")
    assert path_of("clips/x.mov") == Path("clips/x.mov")
    assert path_of("/a/100%.mov") == Path("/a/100%.mov")


def test_media_is_found_where_it_is_said_beside_the_timeline_and_by_name(tmp_path: Path) -> None:
    (deep := tmp_path / "rushes" / "day 1").mkdir(parents=True)
    (cut := tmp_path / "cut").mkdir()
    for path in (cut / "a.mov", cut / "c.mp4", deep / "B.MOV", deep / "d.mkv"):
        path.touch()
    media = MediaBin(folder=cut, search=(tmp_path / "rushes",))
    assert media.find(wanted(str(deep / "d.mkv"))) == deep / "d.mkv"
    assert media.find(wanted((deep / "d.mkv").as_uri())) == deep / "d.mkv"
    assert media.find(wanted("a.mov")) == cut / "a.mov"
    assert media.find(wanted("file:///Volumes/gone/a.mov")) == cut / "a.mov"
    assert media.find(wanted("file:///Volumes/gone/b.mov")) == (deep / "B.MOV").resolve()
    assert media.find(wanted(name="c")) == (cut / "c.mp4").resolve()
    assert media.find(wanted("x.mov", name="c")) is None
    assert media.find(wanted()) is None


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.mov").touch()
    with pytest.raises(InputError, match=r"a\.mov: got .*one.* and .*two.*narrower"):
        MediaBin(folder=tmp_path, search=(tmp_path,)).find(wanted("a.mov"))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--media"):
        MediaBin(folder=tmp_path, search=(tmp_path / "gone",))


def test_a_file_that_is_no_media_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mov").write_text("hello")
    with pytest.raises(MediaError, match=r"a\.mov"):
        MediaBin(folder=tmp_path).open(tmp_path / "a.mov")


def test_a_files_time_code_is_where_its_frames_begin(
    tmp_path: Path, numbered: Callable[..., Path], timeline_of: Callable[..., otio.schema.Timeline]
) -> None:
    numbered(tmp_path / "a.mkv", 50, timecode="01:00:00:00")
    clip = wanted(name="a")
    clip.source_range = vocabulary.range_at(90_000 + 7, 5, Fraction(25))
    media = MediaBin(folder=tmp_path)
    (shot,) = conform(timeline_of([clip]), media).layers[0].shots
    assert [shot.picture(n, Fraction(25)) for n in range(5)] == [7, 8, 9, 10, 11]


def test_a_still_stands_as_long_as_it_is_asked_for(
    media: Path, timeline_of: Callable[..., otio.schema.Timeline]
) -> None:
    clip = wanted(str(media / "image" / "coffee.png"))
    clip.source_range = vocabulary.range_at(0, 500, Fraction(25))
    assert conform(timeline_of([clip]), MediaBin(folder=media)).num_frames == 500


def test_a_song_with_a_cover_is_a_sound() -> None:
    path = Path(__file__).parents[5] / "shared" / "media" / "audio" / "music" / "vibe_ace.ogg"
    if not path.exists():
        pytest.skip("the shared media are not here")
    material = MediaBin(folder=path.parent).open(path)
    assert material.footage is None
    assert material.has_sound
