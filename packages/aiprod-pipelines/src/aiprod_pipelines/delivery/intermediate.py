"""The studio's lossless file between two steps of a build: Matroska, FFV1 in RGB and float sound.

What is read back (`Footage`) is what was written, to the bit and to the sample. Code values keep their depth: 8 bits
as bgr0, 16 as gbrp16. What they mean stands in the tag of the transfer function.
"""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import av
from av.codec.context import Flags
from av.video.reformatter import ColorRange

from aiprod_core.errors import MediaError
from aiprod_pipelines.delivery.encode import checked, to_rgb, written
from aiprod_pipelines.delivery.profiles import COLOURS
from aiprod_pipelines.delivery.tracks import SoundTrack
from aiprod_pipelines.picture import Format, Frame, Sound

SUFFIX = ".mkv"
PIXELS = {"uint8": "bgr0", "uint16": "gbrp16le"}
RGB = 0  # ITU-T H.273: the matrix of pictures that are not YUV
# Every frame stands alone and carries a checksum in each of its slices, so that damage is seen where it is.
FFV1_OPTIONS = {"level": "3", "g": "1", "slices": "4", "slicecrc": "1"}


def write_intermediate(path: Path, frames: Iterable[Frame], format: Format, sound: Sound | None = None) -> None:
    """Write `frames` of `format`, all of one depth, and `sound`; the same input gives the same bytes.

    Raises `MediaError` where a frame has another size or depth, where there is none, and where the file cannot be
    written.
    """
    ordered = checked(frames, format)
    first = next(ordered)
    with (
        written(path) as temporary,
        av.open(str(temporary), "w", format="matroska", container_options={"fflags": "+bitexact"}) as container,
    ):
        stream = _picture_stream(container, format, first)
        track = SoundTrack.of(container, sound, "pcm_f32le", "und") if sound is not None else None
        for number, frame in enumerate(chain([first], ordered)):
            if frame.dtype != first.dtype:
                raise MediaError(f"frame {number}: got {frame.dtype}, expected {first.dtype} as before; convert it")
            container.mux(stream.encode(to_rgb(frame).reformat(format=stream.pix_fmt, threads=1)))
            if track is not None:
                track.advance(float((number + 1) / format.frame_rate))
        container.mux(stream.encode())
        if track is not None:
            track.finish()


def _picture_stream(container: av.container.OutputContainer, format: Format, first: Frame) -> av.VideoStream:
    stream = container.add_stream("ffv1", rate=format.frame_rate, options=FFV1_OPTIONS)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = format.width_px, format.height_px, PIXELS[first.dtype.name]
    context, colour = stream.codec_context, COLOURS[format.encoding]
    context.thread_count, context.flags = 1, context.flags | Flags.bitexact
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    context.colorspace, context.color_range = RGB, ColorRange.JPEG
    return stream
