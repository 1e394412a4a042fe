"""An mp4 of pictures and sound: H.264 tagged bt709 and AAC, the same bytes for the same clip."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from numpy.typing import NDArray

# x264's macroblock tree reads memory that nobody wrote: with it, one clip in four had other bytes.
H264_OPTIONS = {"crf": "12", "preset": "medium", "threads": "1", "x264-params": "mbtree=0"}
AAC_BITS_PER_S = 128_000
# swscale's fast paths lose chroma and depend on the CPU.
EXACT = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


def write_mp4(
    path: Path,
    frames: NDArray[np.uint8],
    frame_rate_hz: float,
    sound: NDArray[np.float32],
    sample_rate_hz: int,
) -> None:
    """Write pictures uint8 `[t h w c]` (even sides) and mono sound `[s]` in [-1, 1] to `path`, whatever its ending."""
    _, height, width, _ = frames.shape
    options = {"movie_timescale": str(sample_rate_hz)}  # so that the sound's length is kept to the sample
    with av.open(str(path), "w", format="mp4", container_options=options) as container:
        rate = Fraction(frame_rate_hz).limit_denominator(1001)
        video = container.add_stream("libx264", rate=rate, options=H264_OPTIONS)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        context = video.codec_context
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        audio = container.add_stream("aac", rate=sample_rate_hz)
        audio.codec_context.layout = "mono"
        audio.codec_context.bit_rate = AAC_BITS_PER_S
        for picture in frames:
            container.mux(video.encode(_to_yuv(picture)))
        container.mux(video.encode())
        container.mux(audio.encode(_to_audio(sound, sample_rate_hz)))
        container.mux(audio.encode())


def _to_yuv(picture: NDArray[np.uint8]) -> av.VideoFrame:
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    yuv = rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, interpolation=EXACT)
    yuv.colorspace, yuv.color_range = Colorspace.ITU709, ColorRange.MPEG
    return yuv


def _to_audio(sound: NDArray[np.float32], sample_rate_hz: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None].clip(-1, 1)), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = sample_rate_hz, 0
    return frame
