"""Footage: any span of frames is the same as those frames of the whole, at a constant rate, upright, with its sound."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from aiprod_core.errors import MediaError
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.media import Clip, read_clip, write_clip
from aiprod_pipelines.picture import Encoding

MEDIA = Path(__file__).parents[4] / "shared" / "media"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    ramp = np.linspace(0, 200, 64)[None, None, :, None] + np.arange(25)[:, None, None, None] * 2
    frames = np.broadcast_to(ramp, (25, 48, 64, 3)).astype(np.uint8)
    sound = (0.1 * rng.standard_normal((2, 60_000))).astype(np.float32)
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_clip(Clip(frames, 10.0, sound, 24_000), path)
    return path


def media(name: str) -> Path:
    path = MEDIA / name
    if not path.exists():
        pytest.skip(f"{name}: the shared media are not here")
    return path


def test_the_whole_is_what_read_clip_reads(film: Path) -> None:
    clip, footage = read_clip(film), Footage.open(film)
    assert (footage.frame_rate, footage.num_frames, footage.depth) == (Fraction(10), 25, 8)
    assert footage.encoding is Encoding.REC709
    assert all(np.array_equal(*pair) for pair in zip(footage.frames(), clip.frames, strict=True))


@pytest.mark.parametrize(("first", "last"), [(0, 3), (7, 19), (24, None), (25, None)])
def test_a_span_is_a_part_of_the_whole(film: Path, first: int, last: int | None) -> None:
    footage = Footage.open(film)
    whole = list(footage.frames())
    part = list(footage.frames(first, last))
    assert len(part) == len(whole[first:last])
    assert all(np.array_equal(*pair) for pair in zip(part, whole[first:last], strict=True))


def test_frames_come_in_the_size_asked_for(film: Path) -> None:
    assert {frame.shape for frame in Footage.open(film).frames(size_px=(32, 24))} == {(24, 32, 3)}


def test_sound_is_at_48_khz_and_as_long_as_the_film(film: Path) -> None:
    sound = Footage.open(film).sound()
    assert sound is not None
    assert sound.samples.shape[0] == 2
    assert sound.duration_s == pytest.approx(2.5, abs=0.05)  # AAC's frames


def test_variable_rate_becomes_constant() -> None:
    path = media("derived/vfr.mp4")
    clip, footage = read_clip(path), Footage.open(path)
    assert len(list(footage.frames())) == footage.num_frames == len(clip.frames)


def test_a_turned_film_stands_upright() -> None:
    footage = Footage.open(media("video/bbb_rotated90_meta.mp4"))
    frame = next(footage.frames(5))
    assert frame.shape == (footage.height_px, footage.width_px, 3)
    assert footage.width_px < footage.height_px


def test_ten_bits_are_kept() -> None:
    footage = Footage.open(media("video/testsrc_h264_10bit.mp4"))
    frame = next(footage.frames())
    assert (footage.depth, frame.dtype) == (16, np.uint16)
    assert (frame % 257).any(), "eight bits only"


def test_all_of_every_real_film_is_read() -> None:
    for path in sorted(path for path in media("video").iterdir() if path.suffix != ".vtt"):
        footage = Footage.open(path)
        last = list(footage.frames(footage.num_frames - 2))
        assert len(last) == min(2, footage.num_frames), path.name


@pytest.mark.parametrize(
    "name", ["zero_length.mp4", "header_only.mp4", "random_bytes.mp4", "text_named_mp4.mp4", "audio_only_5p1.mp4"]
)
def test_what_is_no_film_is_refused(name: str) -> None:
    with pytest.raises(MediaError, match=name):
        Footage.open(media("corrupt") / name)


@pytest.mark.parametrize("name", ["truncated_60pct.mp4", "bitflips_in_mdat.mp4", "testsrc_real_damage.mp4"])
def test_damage_is_said(name: str) -> None:
    path = media("corrupt") / name
    with pytest.raises(MediaError, match=name):
        list(Footage.open(path).frames())


def test_5p1_stays_5p1() -> None:
    path = media("video/bbb_intro_480p_5p1.mp4")
    with av.open(str(path)) as container:
        assert container.streams.audio[0].channels == 6
    sound = Footage.open(path).sound()
    assert sound is not None
    assert sound.samples.shape[0] == 6
