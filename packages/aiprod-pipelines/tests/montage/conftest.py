"""Films whose every frame says its number, so that a cut can be checked to the frame; and timelines of them."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import opentimelineio as otio
import pytest
from numpy.typing import NDArray

from aiprod_pipelines.montage import vocabulary

SIZE = (64, 48)
TAG = 40  # blue of every frame: what is not of a numbered film has another


def picture(number: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    frame = np.full((size[1], size[0], 3), TAG, np.uint8)
    frame[..., 0], frame[..., 1] = number % 256, number // 256
    return frame


@pytest.fixture(scope="session")
def numbered() -> Callable[..., Path]:
    """Write a lossless film of numbered frames; `click_at`: frames at whose beginning its sound has one loud sample."""

    def write(
        path: Path,
        frames: int,
        rate: Fraction = Fraction(25),
        *,
        size: tuple[int, int] = SIZE,
        click_at: Sequence[int] | None = None,
        tone_hz: float | None = None,
        timecode: str | None = None,
    ) -> Path:
        with av.open(str(path), "w") as container:
            video = container.add_stream("ffv1", rate=rate)
            video.width, video.height, video.pix_fmt = *size, "bgr0"
            if timecode is not None:
                video.metadata["timecode"] = timecode
            sound = None
            if click_at is not None or tone_hz is not None:
                sound = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
            for number in range(frames):
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture(number, size), "rgb24")))
            container.mux(video.encode())
            if sound is not None:
                samples = np.zeros((1, round(frames / rate * 48_000)), np.int16)
                if tone_hz is not None:
                    samples[0] = 16_000 * np.sin(2 * np.pi * tone_hz * np.arange(samples.shape[1]) / 48_000)
                for frame in click_at or ():
                    samples[0, round(frame / rate * 48_000)] = 30_000
                block = av.AudioFrame.from_ndarray(samples, "s16", "mono")
                block.sample_rate, block.pts = 48_000, 0
                container.mux(sound.encode(block))
                container.mux(sound.encode())
        return path

    return write


@pytest.fixture(scope="session")
def numbers() -> Callable[..., list[int]]:
    """The numbers that frames of numbered films say; -1 for a frame of anything else."""

    def read(frames: Any) -> list[int]:
        pixels = [frame[0, 0] for frame in frames]
        return [int(p[0]) + 256 * int(p[1]) if p[2] == TAG else -1 for p in pixels]

    return read


@pytest.fixture(scope="session")
def clip() -> Callable[..., otio.schema.Clip]:
    """A clip of `length` frames from `start` of a file, at `rate`; `speed` as a time warp."""

    def make(
        path: Path, start: int, length: int, rate: Fraction = Fraction(25), *, speed: float = 1.0, **ours: Any
    ) -> otio.schema.Clip:
        made = otio.schema.Clip(
            name=path.name,
            media_reference=otio.schema.ExternalReference(target_url=str(path)),
            source_range=vocabulary.range_at(start, length, rate),
        )
        if speed != 1:
            made.effects.append(otio.schema.LinearTimeWarp(time_scalar=speed))
        if ours:
            made.metadata["aiprod"] = ours
        return made

    return make


@pytest.fixture(scope="session")
def timeline_of() -> Callable[..., otio.schema.Timeline]:
    """A timeline of picture tracks, and of `sounds`, tracks of sound: lists of what lies on them, the lowest first."""

    def make(*tracks: Sequence[Any], sounds: Sequence[Sequence[Any]] = ()) -> otio.schema.Timeline:
        timeline = otio.schema.Timeline("test")
        for kind, lists in ((otio.schema.TrackKind.Video, tracks), (otio.schema.TrackKind.Audio, sounds)):
            for items in lists:
                track = otio.schema.Track(kind=kind)
                track.extend(list(items))
                timeline.tracks.append(track)
        return timeline

    return make


@pytest.fixture(scope="session")
def gap() -> Callable[..., otio.schema.Gap]:
    def make(length: int, rate: Fraction = Fraction(25)) -> otio.schema.Gap:
        return otio.schema.Gap(source_range=vocabulary.range_at(0, length, rate))

    return make
