"""A film into a file of a delivery profile: the picture first, then its sound and subtitles beside it, encoded once.

Knows encoders, containers and colour tags through PyAV. Knows nothing of how frames and sound are made. A file is
whole or absent, and the same frames and sound give the same bytes, whatever the number of cores.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import ColorRange

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines import output
from aiprod_pipelines.color import exr
from aiprod_pipelines.delivery.content_light import ContentLight
from aiprod_pipelines.delivery.profiles import COLOURS, Profile, Recipe
from aiprod_pipelines.delivery.tracks import SoundTrack, add_cues
from aiprod_pipelines.media import EXACT
from aiprod_pipelines.picture import SOUND_RATE_HZ, Encoding, Format, Frame, Sound
from aiprod_pipelines.subtitle_files import encode_subtitles
from aiprod_pipelines.subtitles import Cue


def deliver(
    path: Path,
    frames: Iterable[Frame],
    format: Format,
    profile: Profile,
    *,
    sound: Sound | None = None,
    cues: Sequence[Cue] = (),
    language: str = "und",
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a film: `encode_picture` and `join` in one. Raises what they raise.

    A sequence of pictures has no place for anything else: its sound lies beside it as `.wav`, its cues as `.srt`.
    """
    if profile.recipe.is_sequence:
        encode_picture(path, frames, format, profile)
        if sound is not None:
            write_sound(path.with_suffix(".wav"), sound)
        if cues:
            output.save({path.with_suffix(".srt"): encode_subtitles(cues, ".srt")})
        return
    picture = path.with_name(f".{path.name}.picture.{os.getpid()}.part")
    try:
        encode_picture(picture, frames, format, profile)
        join(path, [picture], profile, sound=sound, cues=cues, language=language, metadata=metadata)
    finally:
        picture.unlink(missing_ok=True)


def encode_picture(path: Path, frames: Iterable[Frame], format: Format, profile: Profile) -> None:
    """Write the picture only: `frames` of `format`, in the container of `profile`; EXR as `name.000001.exr` and so on.

    Raises `InputError` where the profile cannot hold that encoding or size; `MediaError` where a frame has another
    size than the format says, where there is none, and where the file cannot be written.
    """
    profile.check(format.encoding, format.width_px, format.height_px)
    recipe = profile.recipe
    if recipe.is_sequence:
        exr.write_sequence(path, checked(frames, format), format.encoding)
        return
    if recipe.codec == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # it prints its settings to stderr, and has no other switch
    light = ContentLight() if profile is Profile.HDR10 else None
    with written(path) as temporary:
        with av.open(str(temporary), "w", format=recipe.container, container_options=movie_clock()) as container:
            stream = _picture_stream(container, format, recipe)
            for frame in checked(frames, format):
                if light is not None:
                    light.see(frame)
                container.mux(stream.encode(_to_yuv(frame, format.encoding, recipe.pixels)))
            container.mux(stream.encode())
        if light is not None:
            light.write(temporary)


def join(
    path: Path,
    pictures: Sequence[Path],
    profile: Profile,
    *,
    sound: Sound | None = None,
    cues: Sequence[Cue] = (),
    language: str = "und",
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the film: the packets of `pictures`, one after the other, `sound` encoded once, `cues` as soft subtitles.

    The sound is AAC in MP4 and 24-bit PCM in MOV, as long as it is given, to the sample. `language`: two or three
    letters of ISO 639, of sound and subtitles. `metadata`: tags such as title and comment.
    Raises `InputError` for an unknown language, `MediaError` where a file cannot be read or written.
    """
    recipe = profile.recipe
    if recipe.is_sequence:
        raise InputError(f"profile {profile}: got sound and subtitles for pictures alone; write them beside the folder")
    options = movie_clock(sound) | {"movflags": "+faststart"}
    with (
        written(path) as temporary,
        av.open(str(temporary), "w", format=recipe.container, container_options=options) as container,
    ):
        container.metadata.update(metadata or {})
        stream = _stream_like(pictures[0], container)
        track = SoundTrack.of(container, sound, recipe.sound_codec, language) if sound is not None else None
        if cues:
            add_cues(container, cues, language)
        for packet, time_s in _packets(pictures, stream):
            if track is not None:
                track.advance(time_s)
            container.mux(packet)
        if track is not None:
            track.finish()


def _stream_like(picture: Path, container: av.container.OutputContainer) -> av.VideoStream:
    if not picture.is_file():
        raise MediaError(f"{picture}: got no such file, expected the picture of a film; encode it first")
    with av.open(str(picture)) as source:
        given = source.streams.video[0]
        stream = container.add_stream_from_template(given, opaque=True)
        stream.time_base = given.time_base
        stream.codec_context.codec_tag = given.codec_context.codec_tag  # else hev1 for hvc1, and apch for ap4h
    assert isinstance(stream, av.VideoStream)
    return stream


def _packets(pictures: Sequence[Path], stream: av.VideoStream) -> "Iterator[tuple[av.Packet[Any], float]]":
    """The packets of several files as of one, with their seconds: each file goes on where the one before has ended.

    They are decoded one a frame, all as late as the file that reorders its frames the most asks for.
    Raises `MediaError` where their encoders were not set alike, so that one header does not fit all.
    """
    delay = max(_reordering(picture, stream, pictures[0].name) for picture in pictures)
    frame, shown = 0, 0
    for picture in pictures:
        with av.open(str(picture)) as source:
            given = source.streams.video[0]
            tick = round(1 / (Fraction(given.average_rate or 1) * Fraction(given.time_base or 1)))
            for packet in source.demux(given):
                if packet.dts is None or packet.pts is None:
                    continue
                packet.dts, packet.pts = frame * tick - delay, packet.pts + shown
                packet.stream = stream
                yield packet, float(packet.dts * packet.time_base)
                frame += 1
        shown = frame * tick


def _reordering(picture: Path, stream: av.VideoStream, first: str) -> int:
    """By how many ticks the first frame of a file is decoded before it is shown. Raises `MediaError`."""
    with av.open(str(picture)) as source:
        given = source.streams.video[0]
        if given.codec_context.extradata != stream.codec_context.extradata or given.time_base != stream.time_base:
            raise MediaError(f"{picture}: got pictures of another kind than {first}; encode them alike")
        packet = next(source.demux(given))
        return (packet.pts or 0) - (packet.dts or 0)


def write_sound(path: Path, sound: Sound) -> None:
    """Write `sound` as a WAV file of 24 bits. Raises `MediaError` where it cannot be written."""
    with (
        written(path) as temporary,
        av.open(str(temporary), "w", format="wav", container_options={"fflags": "+bitexact"}) as container,
    ):
        SoundTrack.of(container, sound, "pcm_s24le", "und").finish()


def checked(frames: Iterable[Frame], format: Format) -> Iterator[Frame]:
    """`frames`, each of the format's size. Raises `MediaError` for one that is not, and where there is none."""
    number = -1
    for number, frame in enumerate(frames):
        if frame.shape != (format.height_px, format.width_px, 3) or frame.dtype not in (np.uint8, np.uint16):
            raise MediaError(
                f"frame {number}: got {frame.dtype} {frame.shape}, expected uint8 or uint16 "
                f"({format.height_px}, {format.width_px}, 3); resize it before delivery"
            )
        yield frame
    if number < 0:
        raise MediaError("got no frame, expected at least one; a film has pictures")


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A name to write under, renamed to `path` at the end; what the muxer raises becomes a `MediaError`."""
    try:
        with output.staged(path) as temporary:
            yield temporary
    except av.FFmpegError as error:
        raise MediaError(f"{path}: cannot write it ({error.strerror}); make room, or choose another profile") from error


def movie_clock(sound: Sound | None = None) -> dict[str, str]:
    """The movie's clock ticks in samples, so that lengths are kept to the sample."""
    return {"movie_timescale": str(SOUND_RATE_HZ if sound is None else sound.rate_hz)}


def _picture_stream(container: av.container.OutputContainer, format: Format, recipe: Recipe) -> av.VideoStream:
    stream = container.add_stream(recipe.codec, rate=format.frame_rate, options=dict(recipe.options))
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = format.width_px, format.height_px, recipe.pixels
    context, colour = stream.codec_context, COLOURS[format.encoding]
    context.thread_count, context.thread_type = recipe.threads, "FRAME"
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    context.colorspace, context.color_range = colour.matrix, ColorRange.MPEG
    if recipe.tag:
        context.codec_tag = recipe.tag
    return stream


def to_rgb(frame: Frame) -> av.VideoFrame:
    """A frame as PyAV holds it, RGB of 8 or 16 bits."""
    whole = cast(Frame, np.ascontiguousarray(frame))
    return av.VideoFrame.from_ndarray(whole, "rgb24" if frame.dtype == np.uint8 else "rgb48le")


def _to_yuv(frame: Frame, encoding: Encoding, pixels: str) -> av.VideoFrame:
    colour = COLOURS[encoding]
    yuv = to_rgb(frame).reformat(
        format=pixels,
        dst_colorspace=colour.matrix,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACT,
        threads=1,
    )
    yuv.color_primaries, yuv.color_trc = colour.primaries, colour.transfer
    yuv.colorspace, yuv.color_range = colour.matrix, ColorRange.MPEG
    return yuv
