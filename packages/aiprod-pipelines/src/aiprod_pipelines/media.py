"""A clip in memory, in from any video file, out as MP4: H.264 (bt709, tv range) and AAC.

Knows containers, codecs and colour tags through PyAV. Knows nothing of models or prompts.
Writing the same clip twice gives the same bytes; a file that is damaged is refused, never half read.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from numpy.typing import NDArray
from PIL import Image, ImageOps

from aiprod_core.errors import MediaError
from aiprod_pipelines import output

# A master, not a stream: the picture must survive being compared. With x264's usual settings (psychovisual and adaptive
# quantisation, CRF 14) two renders that differ by one rounding in 500 pixels come out 49 dB apart; with these, 61 dB.
H264_OPTIONS = {"crf": "3", "preset": "medium", "x264-params": "psy=0:aq-mode=0:mbtree=0", "threads": "1"}
AAC_BITS_PER_S = 160_000
LAYOUTS = {1: "mono", 2: "stereo", 3: "5.1"}  # by channels; 3 is any number above two
MISSING_S = 0.5  # a file that promises this much more than it holds has been cut off
# swscale's fast paths drop chroma detail (37 dB against 51 dB on a smooth picture) and depend on the CPU.
EXACT = (
    Interpolation.BICUBIC
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
)


@dataclass(frozen=True)
class Clip:
    """Pixels and sound, nothing else.

    `frames`: uint8 `[t h w c]`, c = 3, sRGB-like, t ≥ 1. `frame_rate_hz`: constant.
    `audio`: float32 `[c s]` in [-1, 1], c is 1 or 2, starting with the first frame; None for a silent film.
    """

    frames: NDArray[np.uint8]
    frame_rate_hz: float
    audio: NDArray[np.float32] | None = None
    sample_rate_hz: int = 24_000

    def __post_init__(self) -> None:
        frames, audio = self.frames, self.audio
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
            raise MediaError(
                f"clip: got frames {frames.dtype} {frames.shape}, expected uint8 [t h w 3]; convert them first"
            )
        if audio is not None and (audio.dtype != np.float32 or audio.ndim != 2 or audio.shape[0] not in (1, 2)):
            raise MediaError(
                f"clip: got audio {audio.dtype} {audio.shape}, expected float32 [c s], c 1 or 2; convert it first"
            )
        if not (self.frame_rate_hz > 0 and self.sample_rate_hz > 0):
            raise MediaError(
                f"clip: got {self.frame_rate_hz} frames/s and {self.sample_rate_hz} samples/s, "
                "expected both above 0; pass the true rates"
            )

    @property
    def duration_s(self) -> float:
        return len(self.frames) / self.frame_rate_hz


def write_clip(clip: Clip, path: Path, *, metadata: Mapping[str, str] | None = None) -> None:
    """Write `clip` to `path` (.mp4): whole, or not at all. Raises `MediaError`."""
    check_video_path(path)
    output.save({path: encode_clip(clip, metadata=metadata)})


def check_video_path(path: Path) -> None:
    """Raise `MediaError` unless `path` names an MP4 file."""
    if path.suffix.lower() != ".mp4":
        raise MediaError(
            f"{path}: got the ending {path.suffix!r}, expected .mp4; name it {path.with_suffix('.mp4').name}"
        )


def encode_clip(clip: Clip, *, metadata: Mapping[str, str] | None = None) -> bytes:
    """MP4 file of `clip` as bytes, the same for the same clip. `metadata`: MP4 tags such as title and comment.

    Raises `MediaError` for odd sizes, which 4:2:0 chroma cannot hold.
    """
    _, height, width, _ = clip.frames.shape
    if height % 2 or width % 2:
        raise MediaError(
            f"clip: got {width}×{height} px, expected even sizes for 4:2:0 chroma; "
            f"use {width - width % 2 or 2}×{height - height % 2 or 2}"
        )
    file = io.BytesIO()
    # The movie clock ticks in samples, so that the sound's length is kept to the sample.
    options = {"movie_timescale": str(clip.sample_rate_hz)}
    with av.open(file, "w", format="mp4", container_options=options) as container:
        container.metadata.update(metadata or {})
        video = _video_stream(container, clip)
        audio = None
        if clip.audio is not None and clip.audio.shape[1]:
            audio = container.add_stream("aac", rate=clip.sample_rate_hz)
            audio.codec_context.layout = "mono" if clip.audio.shape[0] == 1 else "stereo"
            audio.codec_context.bit_rate = AAC_BITS_PER_S
        for frame in clip.frames:
            container.mux(video.encode(_to_yuv(frame)))
        container.mux(video.encode())
        if audio is not None and clip.audio is not None:
            container.mux(audio.encode(_to_sound(clip.audio, clip.sample_rate_hz)))
            container.mux(audio.encode())
    return file.getvalue()


def _video_stream(container: av.container.OutputContainer, clip: Clip) -> av.VideoStream:
    _, height, width, _ = clip.frames.shape
    rate = Fraction(clip.frame_rate_hz).limit_denominator(1001)
    stream = container.add_stream("libx264", rate=rate, options=H264_OPTIONS)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.thread_count, context.thread_type = 1, "FRAME"  # the picture must not depend on the number of cores
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    return stream


def _to_yuv(frame: NDArray[np.uint8]) -> av.VideoFrame:
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    yuv = rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, interpolation=EXACT, threads=1)
    yuv.colorspace, yuv.color_range = Colorspace.ITU709, ColorRange.MPEG
    return yuv


def _to_sound(audio: NDArray[np.float32], rate_hz: int) -> av.AudioFrame:
    layout = "mono" if audio.shape[0] == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio.clip(-1, 1)), format="fltp", layout=layout)
    frame.sample_rate, frame.pts = rate_hz, 0
    return frame


def read_clip(path: Path) -> Clip:
    """All frames and the first sound track of a video file, turned upright, at a constant frame rate.

    A variable frame rate is resampled to its average by nearest frames. Sound keeps its rate; more than two channels
    are mixed to stereo. Raises `MediaError` for a file that is missing, not a video, damaged or cut off.
    """
    if not path.is_file():
        raise MediaError(f"{path}: got no such file, expected a video; check the path")
    try:
        with av.open(str(path)) as container:
            return _read(path, container)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise damaged(path, error, "a whole video") from error


def damaged(path: Path, error: Exception, expected: str) -> MediaError:
    """What is said of a file that a decoder gave up on; `expected`: what it should have been."""
    reason = getattr(error, "strerror", None) or type(error).__name__
    return MediaError(
        f"{path}: got a damaged or foreign file ({reason}), expected {expected}; "
        "copy it again from its source or convert it"
    )


def read_sound(path: Path, *, rate_hz: int | None = None, most_channels: int = 2) -> tuple[NDArray[np.float32], int]:
    """The first sound track of a sound or video file: float32 `[c s]`, c 1, 2 or 6, and its rate in Hz.

    More channels than `most_channels` are mixed down; `rate_hz`: to resample to.
    Raises `MediaError` for a file that is missing, holds no sound, is damaged or cut off.
    """
    if not path.is_file():
        raise MediaError(f"{path}: got no such file, expected a sound; check the path")
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError(f"{path}: got no sound track, expected one; give a file with sound")
            stream = container.streams.audio[0]
            rate_hz = rate_hz or stream.rate
            layout = LAYOUTS[min(stream.channels, 3, most_channels)]
            resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate_hz)
            pieces = [_to_samples(p) for frame in container.decode(stream) for p in resampler.resample(frame)]
            pieces += [_to_samples(p) for p in resampler.resample(None)]
            sound = np.concatenate(pieces, axis=1) if pieces else np.zeros((1, 0), np.float32)
            own_s = None if stream.duration is None else float(stream.duration * (stream.time_base or 0))
            _check_whole(path, _promised_s(container) if own_s is None else own_s, sound.shape[1] / rate_hz)
            if own_s is not None and "mp4" in container.format.name:
                sound = sound[:, : round(own_s * rate_hz)]  # the encoder's padding ends here
            return sound, rate_hz
    except (av.FFmpegError, OSError, ValueError) as error:
        raise damaged(path, error, "a whole sound") from error


@dataclass
class _Tracks:
    """What has been decoded so far."""

    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    sound: list[NDArray[np.float32]] = field(default_factory=list)
    sound_start_s: float = 0.0


def picture_tracks(container: av.container.InputContainer) -> list[av.VideoStream]:
    """The picture tracks of a file that are not the cover of a song."""
    covers = av.stream.Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & covers]


def picture_track(container: av.container.InputContainer) -> av.VideoStream | None:
    """The film in a file: the first of its picture tracks."""
    return next(iter(picture_tracks(container)), None)


def _read(path: Path, container: av.container.InputContainer) -> Clip:
    video = picture_track(container)
    if video is None:
        raise MediaError(f"{path}: got no picture track, expected a video; give a file with pictures")
    if video.duration is None and container.duration is None:
        raise MediaError(f"{path}: got a still picture, expected a video; pass it with --image instead")
    video.thread_type = "AUTO"
    sound = container.streams.audio[0] if container.streams.audio else None
    tracks = _decode(path, container, video, sound)
    if not tracks.pictures:
        raise MediaError(f"{path}: got a video without frames, expected at least one; copy it again from its source")
    rate_hz = float(video.average_rate or video.guessed_rate or 25)
    sample_rate_hz = sound.rate if sound is not None else 24_000
    audio = np.concatenate(tracks.sound, axis=1) if tracks.sound else None  # [c s]
    sound_end_s = 0.0 if audio is None else tracks.sound_start_s + audio.shape[1] / sample_rate_hz
    _check_whole(path, _promised_s(container), max(tracks.times_s[-1] + 1 / rate_hz, sound_end_s))
    if audio is not None and sound is not None:
        if sound.duration is not None and sound.time_base is not None:
            audio = audio[
                :, : round(sound.duration * sound.time_base * sample_rate_hz)
            ]  # the encoder's padding ends here
        audio = _shift(audio, round((tracks.sound_start_s - tracks.times_s[0]) * sample_rate_hz))
    frames = np.stack([tracks.pictures[index] for index in at_constant_rate(tracks.times_s, rate_hz)])
    return Clip(frames, rate_hz, audio, sample_rate_hz)


def _decode(
    path: Path, container: av.container.InputContainer, video: av.VideoStream, sound: av.AudioStream | None
) -> _Tracks:
    tracks = _Tracks()
    layout = "mono" if sound is None or sound.channels == 1 else "stereo"
    resampler = av.AudioResampler(format="fltp", layout=layout)
    for frame in container.decode([video] if sound is None else [video, sound]):
        if not isinstance(frame, av.VideoFrame | av.AudioFrame):
            continue
        if frame.is_corrupt:
            at_s = frame.time or 0.0
            raise MediaError(f"{path}: got damaged data at {at_s:.2f} s, expected whole frames; copy it again")
        if isinstance(frame, av.VideoFrame):
            tracks.times_s.append(float(frame.time if frame.time is not None else len(tracks.times_s)))
            tracks.pictures.append(_to_rgb(frame))
        else:
            if not tracks.sound:
                tracks.sound_start_s = float(frame.time or 0.0)
            tracks.sound.extend(_to_samples(piece) for piece in resampler.resample(frame))
    if tracks.sound:
        tracks.sound.extend(_to_samples(piece) for piece in resampler.resample(None))
    return tracks


def _to_rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    rgb = np.asarray(frame.reformat(format="rgb24", interpolation=EXACT).to_ndarray(), dtype=np.uint8)
    return np.rot90(rgb, frame.rotation // 90) if frame.rotation else rgb


def _to_samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    return np.asarray(frame.to_ndarray(), dtype=np.float32)  # [c s]


def _promised_s(container: av.container.InputContainer) -> float:
    return (container.duration or 0) / av.time_base


def _check_whole(path: Path, promised_s: float, end_s: float) -> None:
    if promised_s - end_s > MISSING_S:
        raise MediaError(
            f"{path}: got {end_s:.1f} s of a file that promises {promised_s:.1f} s, "
            "expected all of it; copy it again from its source"
        )


def _shift(audio: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Delay the sound by `samples` (or cut its head, where negative)."""
    return audio[:, -samples:] if samples < 0 else np.pad(audio, ((0, 0), (samples, 0)))


def at_constant_rate(times_s: Sequence[float], rate_hz: float) -> list[int]:
    """Index of the frame nearest to each tick of a constant rate; the identity where the rate is constant already."""
    times = np.asarray(times_s) - times_s[0]
    ticks = np.arange(round(times[-1] * rate_hz) + 1) / rate_hz
    after = np.searchsorted(times, ticks).clip(1, max(len(times) - 1, 1))
    if len(times) == 1:
        return [0]
    nearer = (ticks - times[after - 1]) > (times[after] - ticks)
    return [int(index) for index in np.where(nearer, after, after - 1)]


def read_image(path: Path, width: int, height: int) -> NDArray[np.uint8]:
    """The picture at `path` as `read_picture` has it, cropped to the middle and resized (Lanczos) to fill."""
    whole = Image.fromarray(read_picture(path))
    return np.array(ImageOps.fit(whole, (width, height), method=Image.Resampling.LANCZOS), dtype=np.uint8)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """The picture at `path` as uint8 `[h w c]`, turned upright.

    Transparent parts become white. Raises `MediaError` for a file that is missing, not a picture, or damaged.
    """
    if not path.is_file():
        raise MediaError(f"{path}: got no such file, expected a picture (PNG or JPEG); check the path")
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise damaged(path, error, "a whole PNG or JPEG") from error
    opaque = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB")
    return np.array(opaque, dtype=np.uint8)
