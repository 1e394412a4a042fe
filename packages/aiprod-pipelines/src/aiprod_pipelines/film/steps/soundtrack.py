"""The step `soundtrack`: everything that is heard, mixed and brought to its loudness."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import scipy.signal  # noqa: F401  # filters ask for it when they run; a worker that gets ready has it in time

from aiprod_pipelines.film.cut import with_media
from aiprod_pipelines.film.steps import Report
from aiprod_pipelines.montage.conform import conform
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.soundtrack import sounds
from aiprod_pipelines.picture import Format
from aiprod_pipelines.sound.file import write_wav
from aiprod_pipelines.sound.loudness import master
from aiprod_pipelines.sound.mix import mix

TRUE_PEAK_DBTP = -1.5  # half a decibel below the limit, for what a lossy encoder adds


def make(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path, report: Report) -> None:
    """Mix `params["timeline"]`, JSON of OpenTimelineIO whose media are the roles of `inputs`, to a WAV file."""
    width, height = params["size_px"]
    format = Format(width_px=width, height_px=height, frame_rate=Fraction(params["frame_rate"]))
    media = MediaBin(folder=out.parent)
    edit = conform(with_media(params["timeline"], inputs), media, frame_rate=format.frame_rate)
    report(0, 3)
    placed = sounds(edit, format, media)
    report(1, 3)
    mixed = mix(placed, format.sample(params["num_frames"]), params["channels"])
    report(2, 3)
    write_wav(out, master(mixed, params["loudness_lufs"], TRUE_PEAK_DBTP))
