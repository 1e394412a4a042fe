"""The step `picture`: the cut of a film, rendered frame by frame and encoded for delivery."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from aiprod_pipelines.delivery.encode import encode_picture
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.film.cut import with_media
from aiprod_pipelines.film.steps import Report
from aiprod_pipelines.montage.conform import conform
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.render import frames
from aiprod_pipelines.picture import Encoding, Format, Frame


def make(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path, report: Report) -> None:
    """Render `params["timeline"]`, JSON of OpenTimelineIO whose media are the roles of `inputs`."""
    rate = Fraction(params["frame_rate"])
    width, height = params["size_px"]
    format = Format(width_px=width, height_px=height, frame_rate=rate, encoding=Encoding(params["encoding"]))
    media = MediaBin(folder=out.parent)
    edit = conform(with_media(params["timeline"], inputs), media, frame_rate=rate, own_sound=False)

    def rendered() -> Iterator[Frame]:
        for number, frame in enumerate(frames(edit, format, media)):
            report(number + 1, edit.num_frames)
            yield frame

    encode_picture(out, rendered(), format, Profile(params["profile"]))
