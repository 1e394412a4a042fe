import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiprod_core.errors import MediaError
from aiprod_pipelines.color.transfer import nits_to_pq
from aiprod_pipelines.delivery.beside import poster, write_beside
from aiprod_pipelines.delivery.encode import deliver
from aiprod_pipelines.delivery.intermediate import write_intermediate
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Encoding, Format, Frame, Sound
from aiprod_pipelines.subtitle_files import read_subtitles
from aiprod_pipelines.subtitles import Cue


def fading_in(count: int) -> list[Frame]:
    y, x = np.mgrid[:96, :160]
    ramp = np.stack([x, y, (x + y) // 2], axis=-1)
    return [(ramp * t / (count - 1)).astype(np.uint8) for t in range(count)]


def test_a_film_is_shown_beside_it(tmp_path: Path) -> None:
    film, format = tmp_path / "film.mp4", Format(width_px=160, height_px=96, frame_rate=Fraction(24))
    sound = Sound(np.sin(np.arange(format.sample(48)) / 20)[None].astype(np.float32))
    cues = (Cue(start_s=0.25, end_s=1.5, text="one\ntwo"),)
    deliver(film, fading_in(48), format, Profile.WEB, sound=sound, cues=cues)
    files = write_beside(film, cues)
    assert [path.name for path in files] == ["film.poster.png", "film.contact.png", "film.srt", "film.vtt"]
    assert read_subtitles(files[2]) == read_subtitles(files[3]) == cues
    with Image.open(files[0]) as shown, Image.open(files[1]) as sheet:
        assert shown.size == (160, 96)
        assert sheet.width == 4 * (160 + 4) + 4
        assert sheet.height > 3 * 96


def test_the_poster_is_the_frame_that_shows_most(tmp_path: Path) -> None:
    frames = [np.zeros((96, 160, 3), np.uint8)] * 10 + [fading_in(2)[1]] * 3 + [np.zeros((96, 160, 3), np.uint8)] * 10
    write_intermediate(tmp_path / "a.mkv", frames, Format(width_px=160, height_px=96, frame_rate=Fraction(24)))
    shown = np.asarray(Image.open(io.BytesIO(poster(Footage.open(tmp_path / "a.mkv")))))
    assert np.array_equal(shown, fading_in(2)[1])


def test_hdr_is_shown_as_sdr(tmp_path: Path) -> None:
    white = np.full((48, 64, 3), nits_to_pq(np.array(203.0)) * 65_535, np.uint16)
    white[:, :32] = 0
    format = Format(width_px=64, height_px=48, frame_rate=Fraction(24), encoding=Encoding.PQ)
    write_intermediate(tmp_path / "a.mkv", [white] * 12, format)
    shown = np.asarray(Image.open(io.BytesIO(poster(Footage.open(tmp_path / "a.mkv")))))
    assert shown[:, :30].max() <= 3
    assert shown[:, 34:].min() > 180, "reference white is near white, not the 58 % that its PQ code would be"


def test_a_film_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    with pytest.raises(MediaError, match=r"film\.mp4"):
        write_beside(tmp_path / "film.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
