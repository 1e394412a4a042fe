import os
import subprocess
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.sidedata.sidedata import SideData, Type
from av.video.reformatter import ColorRange

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.color import exr
from aiprod_pipelines.color.transfer import nits_to_pq, to_light
from aiprod_pipelines.delivery.encode import deliver, encode_picture
from aiprod_pipelines.delivery.profiles import COLOURS, Profile
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.media import read_clip, read_sound
from aiprod_pipelines.picture import Encoding, Format, Frame, Sound
from aiprod_pipelines.subtitles import Cue

FILES = [profile for profile in Profile if not profile.recipe.is_sequence]
RATE = Fraction(24_000, 1001)
CUE = Cue(start_s=0.2, end_s=0.5, text="one\ntwo {three}")


def a_format(profile: Profile) -> Format:
    return Format(width_px=256, height_px=144, frame_rate=RATE, encoding=sorted(profile.recipe.encodings)[0])


def moving(
    count: int, dtype: type[np.uint8] | type[np.uint16] = np.uint16, *, w: int = 256, h: int = 144
) -> list[Frame]:
    y, x = np.mgrid[:h, :w]
    waves = [np.stack([x / w, y / h, 0.5 + 0.5 * np.sin((x + y + 3 * t) / 20)], axis=-1) for t in range(count)]
    return [cast(Frame, (0.7 * wave * np.iinfo(dtype).max).astype(dtype)) for wave in waves]


def clicks(channels: int, samples: int, at: int) -> Sound:
    sound = np.zeros((channels, samples), np.float32)
    sound[:, at : at + 80] = 0.8
    return Sound(sound)


@pytest.mark.parametrize("profile", FILES)
def test_a_film_says_what_it_is_and_is_as_long_as_it_was_given(profile: Profile, tmp_path: Path) -> None:
    path, format = tmp_path / f"film{profile.recipe.suffix}", a_format(profile)
    sound = clicks(2, format.sample(12) + 7, 6_000)
    deliver(path, moving(12), format, profile, sound=sound, cues=[CUE], language="fr", metadata={"title": "Sea"})
    with av.open(str(path)) as container:
        video, audio, words = container.streams.video[0], container.streams.audio[0], container.streams.subtitles[0]
        colour, context = COLOURS[format.encoding], video.codec_context
        assert (context.color_primaries, context.color_trc) == (colour.primaries, colour.transfer)
        assert (context.colorspace, context.color_range) == (colour.matrix, ColorRange.MPEG)
        assert video.average_rate == RATE
        assert audio.duration == sound.samples.shape[1], "the encoder's padding must not lengthen the sound"
        assert (audio.language, words.language) == ("fra", "fra")
        assert container.metadata["title"] == "Sea"
        shown = [(p.pts, p.duration, text) for p in container.demux(words) for text in map(_text, p.decode()) if text]
        assert shown == [(200, 300, "one\ntwo (three)")]
        container.seek(0)
        frames = list(container.decode(video))
    assert len(frames) == 12
    assert [frame.time for frame in frames] == [float(n / RATE) for n in range(12)]
    shades = (frames[0].color_primaries, frames[0].color_trc, frames[0].colorspace, frames[0].color_range)
    assert shades == (colour.primaries, colour.transfer, colour.matrix, ColorRange.MPEG)
    box = path.read_bytes().split(b"colr", 1)[1][4:10]
    assert box == b"".join(tag.to_bytes(2, "big") for tag in (colour.primaries, colour.transfer, colour.matrix))
    back = next(iter(Footage.open(path).frames()))
    depth = np.iinfo(back.dtype).max
    assert np.abs(back / depth - moving(1)[0] / 65_535).mean() < 0.012


def _text(subtitle: object) -> str:
    return getattr(subtitle, "dialogue", b"").decode()


@pytest.mark.parametrize("profile", FILES)
def test_the_same_film_twice_is_the_same_bytes(profile: Profile, tmp_path: Path) -> None:
    format = a_format(profile)
    paths = [tmp_path / f"{name}{profile.recipe.suffix}" for name in "ab"]
    for path in paths:
        deliver(path, moving(8), format, profile, sound=clicks(2, 16_000, 100))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_two_threads_give_the_bytes_that_one_core_gives(tmp_path: Path) -> None:
    cores = os.sched_getaffinity(0)
    format = Format(width_px=640, height_px=360, frame_rate=RATE)
    encode_picture(tmp_path / "all.mp4", moving(48, np.uint8, w=640, h=360), format, Profile.PREVIEW)
    try:
        os.sched_setaffinity(0, {min(cores)})
        encode_picture(tmp_path / "one.mp4", moving(48, np.uint8, w=640, h=360), format, Profile.PREVIEW)
    finally:
        os.sched_setaffinity(0, cores)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "all.mp4").read_bytes()


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("profile", [Profile.WEB, Profile.PRORES422])
def test_sound_stays_with_the_picture(profile: Profile, channels: int, tmp_path: Path) -> None:
    path, format = tmp_path / f"film{profile.recipe.suffix}", Format(width_px=64, height_px=48, frame_rate=RATE)
    sound = clicks(channels, format.sample(48), format.sample(30))
    deliver(path, moving(48, np.uint8, w=64, h=48), format, profile, sound=sound)
    back = Footage.open(path).sound()
    assert back is not None
    assert back.samples.shape == sound.samples.shape
    if profile is Profile.WEB:
        full = (0,) if channels == 1 else (0, 1)  # the low-frequency channel of 5.1 holds no click
        heard = [int(np.argmax(np.correlate(back.samples[c], np.ones(80, np.float32), "valid"))) for c in full]
        assert all(abs(at - format.sample(30)) <= 0.005 * 48_000 for at in heard), "A/V offset of 5 ms at most"
    else:
        assert np.abs(back.samples - sound.samples).max() <= 2**-23


def test_hdr10_carries_its_mastering_display_and_the_light_that_was_measured(tmp_path: Path) -> None:
    format = Format(width_px=64, height_px=64, frame_rate=Fraction(25), encoding=Encoding.PQ)
    dark = np.full((64, 64, 3), nits_to_pq(np.array(50.0)) * 65_535, np.uint16)
    bright = dark.copy()
    bright[:16, :, 1] = nits_to_pq(np.array(700.0)) * 65_535  # a quarter of the picture, by its green alone
    deliver(tmp_path / "film.mp4", [dark, bright, dark], format, Profile.HDR10)
    with av.open(str(tmp_path / "film.mp4")) as container:
        parts = cast(Iterable[SideData], next(container.decode(video=0)).side_data)  # PyAV calls it a dict
        beside = {part.type: bytes(part) for part in parts}
    light = np.frombuffer(beside[Type.CONTENT_LIGHT_LEVEL], np.uint32)
    display = np.frombuffer(beside[Type.MASTERING_DISPLAY_METADATA], np.int32).reshape(-1, 2)
    assert light.tolist() == [700, 213]  # 50 · 3/4 + 700 / 4, rounded up
    primaries = display[:8, 0] / display[:8, 1]
    assert np.allclose(primaries, [0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290])
    assert display[8:10, 0].tolist() == [1, 10_000_000]


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_sequence_holds_light_and_its_sound_lies_beside_it(encoding: Encoding, tmp_path: Path) -> None:
    format = Format(width_px=64, height_px=48, frame_rate=RATE, encoding=encoding)
    frames, sound = moving(3, w=64, h=48), clicks(2, format.sample(3), 100)
    deliver(tmp_path / "film.exr", frames, format, Profile.EXR, sound=sound, cues=[CUE])
    names = ["film.000001.exr", "film.000002.exr", "film.000003.exr", "film.srt", "film.wav"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    light = exr.read(tmp_path / "film.000003.exr").light
    assert np.allclose(light, to_light(frames[2], encoding), rtol=2**-10, atol=1e-6)
    samples, rate_hz = read_sound(tmp_path / "film.wav")
    assert rate_hz == 48_000
    assert np.abs(samples - sound.samples).max() <= 2**-23


def test_an_encoding_that_the_profile_cannot_hold_is_refused_with_those_that_can(tmp_path: Path) -> None:
    format = Format(width_px=64, height_px=64, frame_rate=Fraction(25))
    with pytest.raises(InputError, match=r"profile hdr10: got frames in rec709, expected pq.*preview, web"):
        encode_picture(tmp_path / "film.mp4", moving(1, w=64, h=64), format, Profile.HDR10)
    with pytest.raises(InputError, match=r"profile dnxhr: got 64×64 px, expected at least 256×120"):
        encode_picture(tmp_path / "film.mov", moving(1, w=64, h=64), format, Profile.DNXHR)


def test_frames_of_another_size_and_films_without_frames_leave_nothing(tmp_path: Path) -> None:
    format = Format(width_px=64, height_px=64, frame_rate=Fraction(25))
    with pytest.raises(MediaError, match=r"frame 1: got uint16 \(32, 32, 3\)"):
        deliver(tmp_path / "a.mp4", moving(1, w=64, h=64) + moving(1, w=32, h=32), format, Profile.WEB)
    with pytest.raises(MediaError, match="got no frame"):
        deliver(tmp_path / "b.mp4", [], format, Profile.WEB)
    with pytest.raises(InputError, match="language: got 'French'"):
        deliver(
            tmp_path / "c.mp4",
            moving(1, w=64, h=64),
            format,
            Profile.WEB,
            sound=clicks(1, 480, 0),
            language="French",
        )
    with pytest.raises(MediaError, match=r"none.*cannot write it"):
        deliver(tmp_path / "none" / "d.mp4", moving(1, w=64, h=64), format, Profile.WEB)
    assert not list(tmp_path.iterdir())


FULL_DISK = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from aiprod_core.errors import MediaError
from aiprod_pipelines.delivery.encode import deliver
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.picture import Format
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
noise = np.random.default_rng(0).integers(0, 256, (40, 128, 128, 3), np.uint8)
try:
    deliver(Path(sys.argv[1]), noise, Format(width_px=128, height_px=128, frame_rate=Fraction(25)), Profile.WEB)
except MediaError as error:
    print(error)
    sys.exit(3)
"""


def test_a_full_disk_leaves_the_old_film_and_nothing_else(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"the old film")
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(film)], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "cannot write it" in done.stdout
    assert film.read_bytes() == b"the old film"
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


ENDLESS = """
import sys
from fractions import Fraction
from itertools import count
from pathlib import Path
import numpy as np
from aiprod_pipelines.delivery.encode import deliver
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.picture import Format
def frames():
    for number in count():
        yield np.full((64, 64, 3), number % 256, np.uint8)
        if number == 100:
            print("running", flush=True)
deliver(Path(sys.argv[1]), frames(), Format(width_px=64, height_px=64, frame_rate=Fraction(25)), Profile.WEB)
"""


def test_a_kill_leaves_no_film_and_the_next_one_no_trace_of_it(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with subprocess.Popen([sys.executable, "-c", ENDLESS, str(film)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        process.kill()
    assert not film.exists()
    format = Format(width_px=64, height_px=64, frame_rate=RATE)
    deliver(film, moving(2, w=64, h=64), format, Profile.WEB)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f".film.mp4.{gone.pid}.part").write_bytes(b"half")
    (tmp_path / f".film.mp4.{os.getppid()}.part").write_bytes(b"another's, alive")
    deliver(
        tmp_path / "film.mp4", moving(2, w=64, h=64), Format(width_px=64, height_px=64, frame_rate=RATE), Profile.WEB
    )
    assert {path.name for path in tmp_path.iterdir()} == {"film.mp4", f".film.mp4.{os.getppid()}.part"}
    assert len(read_clip(tmp_path / "film.mp4").frames) == 2
