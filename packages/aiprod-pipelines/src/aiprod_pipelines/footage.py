"""A film file, read as it is needed: any span of its frames one after the other, and its sound.

Knows containers, codecs and colour tags through PyAV; holds one frame at a time. `media.read_clip` holds a whole clip.
A variable frame rate is resampled to its average by nearest frames; pictures are turned upright.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.reformatter import Colorspace, ColorTrc

from aiprod_core.errors import MediaError
from aiprod_pipelines.media import EXACT, MISSING_S, at_constant_rate, damaged, picture_track, read_sound
from aiprod_pipelines.picture import SOUND_RATE_HZ, Encoding, Format, Frame, Sound

HD_HEIGHT_PX = 720  # from here on, pictures without a tag are BT.709; below, BT.601
ENCODINGS: dict[int, Encoding] = {ColorTrc.SMPTE2084: Encoding.PQ, ColorTrc.ARIB_STD_B67: Encoding.HLG}
UNTAGGED = 2  # ITU-T H.273: of a colour matrix that nobody named


@dataclass(frozen=True, kw_only=True)
class Footage:
    """A film that can be read. `width_px`, `height_px`: as it is shown, upright. `depth`: bits of its frames, 8 or 16.

    `source`: for every frame of the constant rate, the number of the frame in the file.
    """

    path: Path
    width_px: int
    height_px: int
    frame_rate: Fraction
    encoding: Encoding
    depth: int
    has_sound: bool
    times: tuple[int, ...]  # of the frames in the file, in ticks of the stream's clock
    source: tuple[int, ...]

    @classmethod
    def open(cls, path: Path) -> "Footage":
        """Look at the header and at the times of all packets; nothing is decoded.

        Raises `MediaError` for a file that is missing, foreign, without pictures, or cut off.
        """
        if not path.is_file():
            raise MediaError(f"{path}: got no such file, expected a video; check the path")
        try:
            with av.open(str(path)) as container:
                return cls._of(path, container)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise damaged(path, error, "a whole video") from error

    @classmethod
    def _of(cls, path: Path, container: av.container.InputContainer) -> "Footage":
        stream = picture_track(container)
        if stream is None:
            raise MediaError(f"{path}: got no picture track, expected a video; give a file with pictures")
        context = stream.codec_context
        if context.format is None:
            raise MediaError(f"{path}: got pictures of an unknown format, expected a whole video; copy it again")
        clock = stream.time_base or Fraction(1, av.time_base)
        times = sorted(p.pts for p in container.demux(stream) if p.pts is not None and p.size and not p.is_discard)
        if not times:
            raise MediaError(f"{path}: got a video without frames, expected at least one; copy it again")
        rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
        if container.duration is not None:
            promised_s, end_s = container.duration / av.time_base, float(times[-1] * clock + 1 / rate)
            if promised_s - end_s > MISSING_S and not container.streams.audio:
                raise MediaError(
                    f"{path}: got {end_s:.1f} s of a file that promises {promised_s:.1f} s, expected all of it; "
                    "copy it again from its source"
                )
        turned = _rotation(container, stream) % 180 == 90
        return cls(
            path=path,
            width_px=context.height if turned else context.width,
            height_px=context.width if turned else context.height,
            frame_rate=rate,
            encoding=ENCODINGS.get(context.color_trc, Encoding.REC709),
            depth=8 if max(part.bits for part in context.format.components) <= 8 else 16,
            has_sound=bool(container.streams.audio),
            times=tuple(times),
            source=tuple(at_constant_rate([float(time * clock) for time in times], float(rate))),
        )

    @property
    def num_frames(self) -> int:
        """Frames at the constant rate."""
        return len(self.source)

    @property
    def duration_s(self) -> float:
        return float(self.num_frames / self.frame_rate)

    @property
    def format(self) -> Format:
        """Raises `InputError` for a size that a film cannot have."""
        return Format(
            width_px=self.width_px, height_px=self.height_px, frame_rate=self.frame_rate, encoding=self.encoding
        )

    def frames(
        self, first: int = 0, last: int | None = None, *, size_px: tuple[int, int] | None = None
    ) -> Iterator[Frame]:
        """Frames `first` to `last` (left out itself), of `depth` bits, at the constant rate.

        `size_px`: width and height to scale to (bicubic) on the way. Raises `MediaError` for damaged data.
        """
        yield from self.pick(range(self.num_frames)[first:last], size_px=size_px)

    def pick(self, numbers: Sequence[int], *, size_px: tuple[int, int] | None = None) -> Iterator[Frame]:
        """The frames `numbers`, which never fall; one asked for again is the same array. As `frames` for the rest."""
        wanted = tuple(self.source[number] for number in numbers)
        if not wanted:
            return
        try:
            with av.open(str(self.path)) as container:
                yield from self._decode(container, wanted, size_px)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise damaged(self.path, error, "a whole video") from error

    def _decode(
        self, container: av.container.InputContainer, wanted: tuple[int, ...], size_px: tuple[int, int] | None
    ) -> Iterator[Frame]:
        stream = picture_track(container)
        assert stream is not None
        stream.thread_type = "AUTO"
        if wanted[0]:
            container.seek(self.times[wanted[0]], stream=stream)
        place = 0
        for frame in container.decode(stream):
            if frame.is_corrupt:
                raise MediaError(
                    f"{self.path}: got damaged data at {frame.time or 0.0:.2f} s, expected whole frames; copy it again"
                )
            if frame.pts is None or frame.pts < self.times[wanted[place]]:
                continue
            picture = _to_rgb(frame, self.depth, size_px)
            while place < len(wanted) and self.times[wanted[place]] <= frame.pts:
                yield picture
                place += 1
            if place == len(wanted):
                return
        raise MediaError(
            f"{self.path}: got {place} frames where {len(wanted)} were expected; copy it again from its source"
        )

    def sound(self) -> Sound | None:
        """The first sound track at 48 kHz, beginning with the first frame; None for a silent film.

        One channel and two stay what they are, more become 5.1. Raises `MediaError` for damaged data.
        """
        if not self.has_sound:
            return None
        samples, rate_hz = read_sound(self.path, rate_hz=SOUND_RATE_HZ, most_channels=6)
        with av.open(str(self.path)) as container:
            audio, video = container.streams.audio[0], picture_track(container)
            assert video is not None
            begin_s = float((audio.start_time or 0) * (audio.time_base or 0))
            first_s = float(self.times[0] * (video.time_base or 0))
        shift = round((begin_s - first_s) * rate_hz)
        shifted = samples[:, -shift:] if shift < 0 else np.pad(samples, ((0, 0), (shift, 0)))
        return Sound(np.ascontiguousarray(shifted), rate_hz)


def _rotation(container: av.container.InputContainer, stream: av.VideoStream) -> int:
    """Degrees that pictures ask to be turned; PyAV says it of a picture only."""
    container.seek(0)
    return next((frame.rotation for frame in container.decode(stream)), 0)


def _to_rgb(frame: av.VideoFrame, depth: int, size_px: tuple[int, int] | None) -> Frame:
    turns = frame.rotation // 90 % 4
    width, height = size_px or (None, None)
    if turns % 2:
        width, height = height, width
    guess = Colorspace.ITU709 if frame.height >= HD_HEIGHT_PX else Colorspace.ITU601
    rgb = frame.reformat(
        width=width,
        height=height,
        format="rgb24" if depth == 8 else "rgb48le",
        src_colorspace=guess if frame.colorspace == UNTAGGED else None,
        interpolation=EXACT,
    ).to_ndarray()
    return cast(Frame, np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb)
