"""A media file decoded once, damaged or not: every frame goes by, the sound is kept, and what went wrong is noted.

`media` and `footage` refuse a damaged file; this says where the damage is and goes on. Decodes on one thread, so that
the same damage gives the same report. Knows no measure of quality.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from aiprod_core.errors import MediaError
from aiprod_pipelines.media import damaged, picture_tracks
from aiprod_pipelines.picture import Sound

OnPicture: TypeAlias = Callable[[av.VideoFrame, float], None]
VIDEO_SUFFIXES = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mxf", ".mpg", ".mpeg", ".ts", ".ogv"}
STILL_FORMATS = {"image2", "png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe", "exr_pipe", "gif_pipe"}


@dataclass(frozen=True, kw_only=True)
class PictureFacts:
    """What the header says of the pictures; the size as it is shown. `tags`: primaries, transfer, matrix (H.273)."""

    codec: str
    pixels: str
    width_px: int
    height_px: int
    frame_rate: Fraction | None
    tags: tuple[int, int, int]


@dataclass(kw_only=True)
class Decoding:
    """What came of decoding a file.

    `times_s`: of the frames that were seen. `damaged_s`: times of packets and frames that are damaged. `promised_s`:
    of the header. `found_s`: the end of the last frame or sample. `sound_start_s`: of the first sample.
    """

    container: str
    promised_s: float | None = None
    picture: PictureFacts | None = None
    is_still: bool = False
    video_streams: int = 0
    times_s: list[float] = field(default_factory=list)
    damaged_s: list[float] = field(default_factory=list)
    sound: Sound | None = None
    sound_codec: str = ""
    sound_channels: int = 0
    sound_start_s: float = 0.0

    @property
    def picture_end_s(self) -> float:
        """One frame after the last, by the usual distance of frames."""
        if not self.times_s:
            return 0.0
        rate = self.picture.frame_rate if self.picture else None
        usual_s = float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else float(1 / (rate or 25))
        return self.times_s[-1] + usual_s

    @property
    def sound_end_s(self) -> float:
        return 0.0 if self.sound is None else self.sound_start_s + self.sound.duration_s

    @property
    def found_s(self) -> float:
        return max(self.picture_end_s, self.sound_end_s)


def decode(path: Path, on_picture: OnPicture, *, with_sound: bool = True) -> Decoding:
    """Decode the first picture and sound tracks of `path`; `on_picture` gets every whole frame and its time.

    Raises `MediaError` for a file that cannot be opened, and where nothing in it can be decoded.
    """
    if not path.is_file():
        raise MediaError(f"{path}: got no such file, expected a film or a sound; check the path")
    try:
        with av.open(str(path)) as container:
            return _decode(path, container, on_picture, with_sound)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise damaged(path, error, "a film or a sound") from error


def _decode(path: Path, container: av.container.InputContainer, on_picture: OnPicture, with_sound: bool) -> Decoding:
    pictures = picture_tracks(container)
    video = pictures[0] if pictures else None
    audio = container.streams.audio[0] if container.streams.audio and with_sound else None
    result = Decoding(
        container=container.format.name,
        promised_s=container.duration / av.time_base if container.duration is not None else None,
        video_streams=len(pictures),
    )
    result.is_still = video is not None and (container.format.name in STILL_FORMATS or _lasts_nothing(container, video))
    for stream in (video, audio):
        if stream is not None:
            stream.codec_context.thread_count = 1
    hearing = _Hearing(audio) if audio is not None else None
    seeing = _Seeing(video, result, on_picture) if video is not None else None
    _demux(container, result, seeing, hearing)
    if hearing is not None:
        hearing.finish(result)
    if not result.times_s and result.sound is None:
        raise MediaError(f"{path}: got neither a picture nor a sound that can be decoded; copy it again")
    return result


def _lasts_nothing(container: av.container.InputContainer, video: av.VideoStream) -> bool:
    return container.duration is None and video.duration is None


def _demux(
    container: av.container.InputContainer,
    result: Decoding,
    seeing: "_Seeing | None",
    hearing: "_Hearing | None",
) -> None:
    tracks: dict[int, _Seeing | _Hearing] = {
        track.stream.index: track for track in (seeing, hearing) if track is not None
    }
    packets = container.demux([track.stream for track in tracks.values()])
    at_s = 0.0
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError):
            result.damaged_s.append(at_s)
            return
        if packet is None:
            return
        if packet.pts is not None and packet.time_base is not None:
            at_s = float(packet.pts * packet.time_base)
        if packet.is_corrupt:
            result.damaged_s.append(at_s)
        try:
            for frame in packet.decode():
                tracks[packet.stream.index].take(frame)  # type: ignore[arg-type]
        except (av.FFmpegError, OSError):
            result.damaged_s.append(at_s)


@dataclass
class _Seeing:
    """The picture track on its way."""

    stream: av.VideoStream
    result: Decoding
    on_picture: OnPicture

    def take(self, frame: av.VideoFrame) -> None:
        result = self.result
        rate = self.stream.average_rate or self.stream.guessed_rate
        after_s = result.times_s[-1] + float(1 / (rate or 25)) if result.times_s else 0.0
        at_s = frame.time if frame.time is not None else after_s
        if frame.is_corrupt:
            result.damaged_s.append(at_s)
        if result.picture is None:
            turned = frame.rotation % 180 != 0
            result.picture = PictureFacts(
                codec=self.stream.codec_context.name,
                pixels=frame.format.name,
                width_px=frame.height if turned else frame.width,
                height_px=frame.width if turned else frame.height,
                frame_rate=rate,
                tags=(frame.color_primaries, frame.color_trc, frame.colorspace),
            )
        result.times_s.append(at_s)
        self.on_picture(frame, at_s)


class _Hearing:
    """The sound track on its way: one channel and two as they are, more as 5.1."""

    def __init__(self, stream: av.AudioStream) -> None:
        self.stream = stream
        self.channels = stream.channels
        self.layout = {1: "mono", 2: "stereo"}.get(stream.channels, "5.1")
        self.resampler = av.AudioResampler(format="fltp", layout=self.layout)
        self.start_s: float | None = None
        self.pieces: list[NDArray[np.float32]] = []

    def take(self, frame: av.AudioFrame) -> None:
        if self.start_s is None:
            self.start_s = frame.time or 0.0
        self.pieces += [_samples(piece) for piece in self.resampler.resample(frame)]

    def finish(self, result: Decoding) -> None:
        """Hand over what was heard, without the padding of the encoder."""
        if not self.pieces:
            return
        self.pieces += [_samples(piece) for piece in self.resampler.resample(None)]
        samples = np.concatenate(self.pieces, axis=1)  # [c s]
        stream = self.stream
        if stream.duration is not None and stream.time_base is not None:
            samples = samples[:, : round(stream.duration * stream.time_base * stream.rate)]
        result.sound = Sound(np.ascontiguousarray(samples), stream.rate) if samples.shape[1] else None
        result.sound_codec, result.sound_channels = stream.codec_context.name, self.channels
        result.sound_start_s = self.start_s or 0.0


def _samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    return np.asarray(frame.to_ndarray(), dtype=np.float32)  # [c s]
