import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image
from scipy.signal import correlate

from aiprod_core.errors import MediaError
from aiprod_pipelines.media import Clip, encode_clip, read_clip, read_image, write_clip
from aiprod_pipelines.quality.compare import audio_snr_db, mean_square_error

CORRUPT = (
    "audio_only_5p1.mp4",
    "bitflips_in_mdat.mp4",
    "expected.csv",
    "header_only.mp4",
    "jpeg_named_mp4.mp4",
    "lut_truncated.3dl",
    "lut_truncated.cube",
    "png_truncated.png",
    "random_bytes.mp4",
    "testsrc_real_damage.mp4",
    "text_named_mp4.mp4",
    "timeline_truncated.otio",
    "truncated_60pct.mp4",
    "wav_header_only.wav",
    "wav_truncated_data.wav",
    "webm_truncated.webm",
    "zero_length.mp4",
)


def test_what_is_written_is_read_back(clip: Clip, tmp_path: Path) -> None:
    write_clip(clip, tmp_path / "clip.mp4")
    back = read_clip(tmp_path / "clip.mp4")
    assert back.frames.shape == clip.frames.shape
    assert back.frame_rate_hz == clip.frame_rate_hz
    assert back.sample_rate_hz == clip.sample_rate_hz
    error = np.mean([mean_square_error(a, b) for a, b in zip(clip.frames, back.frames, strict=True)])
    assert 10 * np.log10(255**2 / error) > 34, "4:2:0 chroma costs the disc's edge, nothing else may be lost"
    assert clip.audio is not None
    assert back.audio is not None
    assert back.audio.shape == clip.audio.shape, "the encoder's padding must not lengthen the sound"
    assert audio_snr_db(clip.audio, back.audio) > 20


def test_sound_stays_on_its_sample(tmp_path: Path) -> None:
    clicks = np.zeros((1, 24_000), np.float32)
    clicks[0, 6_000:6_040] = 0.8
    write_clip(Clip(np.zeros((10, 16, 16, 3), np.uint8), 10.0, clicks), tmp_path / "clip.mp4")
    back = read_clip(tmp_path / "clip.mp4").audio
    assert back is not None
    lag = int(correlate(back[0], clicks[0], mode="full").argmax()) - (clicks.shape[1] - 1)
    assert lag == 0


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 64, 200), (255, 255, 255), (0, 0, 0)])
def test_flat_colours_survive_bt709(colour: tuple[int, int, int], tmp_path: Path) -> None:
    frames = np.broadcast_to(np.array(colour, np.uint8), (3, 32, 32, 3)).copy()
    write_clip(Clip(frames, 10.0), tmp_path / "clip.mp4")
    assert np.abs(read_clip(tmp_path / "clip.mp4").frames.astype(int) - frames).max() <= 3


def test_the_file_says_bt709_tv_range_h264_aac(clip: Clip, tmp_path: Path) -> None:
    write_clip(clip, tmp_path / "clip.mp4", metadata={"comment": "made here"})
    with av.open(str(tmp_path / "clip.mp4")) as container:
        video, audio = container.streams.video[0].codec_context, container.streams.audio[0].codec_context
        assert (video.name, audio.name, video.pix_fmt) == ("h264", "aac", "yuv420p")
        assert video.color_primaries == ColorPrimaries.BT709
        assert video.color_trc == ColorTrc.BT709
        assert video.colorspace == Colorspace.ITU709
        assert video.color_range == ColorRange.MPEG
        assert container.metadata["comment"] == "made here"


def test_same_clip_same_bytes(clip: Clip) -> None:
    assert encode_clip(clip) == encode_clip(clip)


def test_same_bytes_whatever_cores_the_process_has(clip: Clip, tmp_path: Path) -> None:
    np.savez(tmp_path / "clip.npz", frames=clip.frames, audio=clip.audio)
    script = (
        "import hashlib, os, sys, numpy as np\n"
        "os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})\n"
        "from aiprod_pipelines.media import Clip, encode_clip\n"
        "kept = np.load(sys.argv[1])\n"
        "sys.stdout.buffer.write(encode_clip(Clip(kept['frames'], 25.0, kept['audio'])))\n"
    )
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot confine a process to one core")
    alone = subprocess.run([sys.executable, "-c", script, tmp_path / "clip.npz"], capture_output=True, check=True)
    assert alone.stdout == encode_clip(clip)


def test_silent_and_stereo_films(clip: Clip, tmp_path: Path) -> None:
    write_clip(Clip(clip.frames, clip.frame_rate_hz), tmp_path / "silent.mp4")
    assert read_clip(tmp_path / "silent.mp4").audio is None
    assert clip.audio is not None
    stereo = np.concatenate([clip.audio, np.zeros_like(clip.audio)])
    write_clip(Clip(clip.frames, clip.frame_rate_hz, stereo), tmp_path / "stereo.mp4")
    back = read_clip(tmp_path / "stereo.mp4").audio
    assert back is not None
    assert back.shape == stereo.shape
    assert np.abs(back[1]).max() < 0.05 < np.abs(back[0]).max()


def test_fractional_rates_are_kept(clip: Clip, tmp_path: Path) -> None:
    write_clip(Clip(clip.frames, 30_000 / 1001), tmp_path / "clip.mp4")
    assert Fraction(read_clip(tmp_path / "clip.mp4").frame_rate_hz).limit_denominator(1001) == Fraction(30_000, 1001)


def test_odd_sizes_are_refused_with_the_nearest_even_one() -> None:
    with pytest.raises(MediaError, match="use 62×48"):
        encode_clip(Clip(np.zeros((2, 48, 63, 3), np.uint8), 10.0))


def test_other_endings_are_refused(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"expected \.mp4; name it clip\.mp4"):
        write_clip(clip, tmp_path / "clip.avi")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("frames", "audio", "rate_hz"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), None, 10.0),
        (np.zeros((2, 4, 4), np.uint8), None, 10.0),
        (np.zeros((0, 4, 4, 3), np.uint8), None, 10.0),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros((1, 10), np.float64), 10.0),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros(10, np.float32), 10.0),
        (np.zeros((2, 4, 4, 3), np.uint8), None, 0.0),
    ],
)
def test_a_clip_is_what_it_says(frames: np.ndarray, audio: np.ndarray | None, rate_hz: float) -> None:
    with pytest.raises(MediaError, match="expected"):
        Clip(frames, rate_hz, audio)


@pytest.mark.parametrize("name", CORRUPT)
def test_damaged_films_are_refused_by_name(name: str, media: Path) -> None:
    with pytest.raises(MediaError) as refusal:
        read_clip(media / "corrupt" / name)
    message = str(refusal.value)
    assert name in message
    assert "got" in message
    assert "\n" not in message


@pytest.mark.parametrize("name", [name for name in CORRUPT if name != "jpeg_named_mp4.mp4"])
def test_damaged_pictures_are_refused_by_name(name: str, media: Path) -> None:
    with pytest.raises(MediaError) as refusal:
        read_image(media / "corrupt" / name, 32, 32)
    assert name in str(refusal.value)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such file"):
        read_clip(tmp_path / "none.mp4")
    with pytest.raises(MediaError, match="no such file"):
        read_image(tmp_path / "none.png", 8, 8)


@pytest.mark.parametrize(
    ("name", "shape", "rate_hz"),
    [
        ("video/sintel_snow.mp4", (48, 480, 854, 3), 24.0),
        ("video/testsrc_h264_10bit.mp4", (30, 200, 200, 3), 30.0),
        ("video/alpha_red_ball.webm", (150, 200, 200, 3), 30.0),
        ("derived/odd_321x181_444.mp4", (30, 181, 321, 3), 30_000 / 1001),
        ("derived/tiny_96x54_8fps.mp4", (16, 54, 96, 3), 8.0),
        ("derived/single_frame.mp4", (1, 360, 640, 3), 30_000 / 1001),
    ],
)
def test_real_films_are_read(name: str, shape: tuple[int, ...], rate_hz: float, media: Path) -> None:
    clip = read_clip(media / name)
    assert clip.frames.shape == shape
    assert clip.frame_rate_hz == pytest.approx(rate_hz)


def test_a_variable_rate_becomes_constant(media: Path) -> None:
    clip = read_clip(media / "derived" / "vfr.mp4")
    assert clip.duration_s == pytest.approx(5.005, abs=0.05)


def test_rotated_films_come_upright(media: Path) -> None:
    assert read_clip(media / "video" / "keyboard_rot0.mov").frames.shape[1:3] == (320, 568)
    assert read_clip(media / "video" / "keyboard_rot90.mov").frames.shape[1:3] == (568, 320)


def test_a_sound_that_starts_late_is_read_late(tmp_path: Path) -> None:
    clicks = np.zeros((1, 4_800), np.float32)
    clicks[0, 480:500] = 0.8
    with av.open(str(tmp_path / "late.mp4"), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 16, 16, "yuv420p"
        audio = container.add_stream("aac", rate=24_000, layout="mono")
        for _ in range(10):
            container.mux(video.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(video.encode())
        late = av.AudioFrame.from_ndarray(clicks, format="fltp", layout="mono")
        late.sample_rate, late.pts = 24_000, 9_600
        container.mux(audio.encode(late))
        container.mux(audio.encode())
    sound = read_clip(tmp_path / "late.mp4").audio
    assert sound is not None
    assert int(np.abs(sound[0]).argmax()) == pytest.approx(9_600 + 480, abs=24)


def test_a_picture_is_cropped_to_the_middle(tmp_path: Path) -> None:
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    square = read_image(tmp_path / "wide.png", 20, 20)
    assert square.shape == (20, 20, 3)
    assert square.dtype == np.uint8
    assert square[:, 1:-1].min() > 240


def test_transparent_parts_become_white_and_photos_stand_upright(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png", 8, 8) == 255).all()
    turned = Image.fromarray(np.repeat(np.array([[[255, 0, 0]], [[0, 0, 255]]], np.uint8), 2, axis=1).repeat(8, 0))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned.save(tmp_path / "turned.png", exif=exif)
    assert tuple(read_image(tmp_path / "turned.png", 2, 16)[0, 0]) == (0, 0, 255)
