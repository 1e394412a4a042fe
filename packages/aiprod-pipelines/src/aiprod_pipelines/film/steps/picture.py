"""The step `picture`: a part of the cut, or the whole of it, rendered frame by frame and encoded for delivery."""

import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import islice
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
    """Render `params["timeline"]`, JSON of OpenTimelineIO whose media are the roles of `inputs`.

    Of its frames, the first `params["skipped"]` are left out, and `params["num_frames"]` kept.
    """
    rate = Fraction(params["frame_rate"])
    width, height = params["size_px"]
    format = Format(width_px=width, height_px=height, frame_rate=rate, encoding=Encoding(params["encoding"]))
    media = MediaBin(folder=out.parent)
    edit = conform(with_media(params["timeline"], inputs), media, frame_rate=rate, own_sound=False)

    first, count = params["skipped"], params["num_frames"]

    def rendered() -> Iterator[Frame]:
        for number, frame in enumerate(islice(frames(edit, format, media), first, first + count)):
            report(number + 1, count)
            yield frame

    profile = Profile(params["profile"])
    if profile.recipe.is_sequence:
        _archive(out, rendered(), format, profile)
    else:
        encode_picture(out, rendered(), format, profile)


def _archive(out: Path, frames: Iterator[Frame], format: Format, profile: Profile) -> None:
    """A sequence as one file: a tar of 000001.exr and so on, the same bytes for the same frames."""
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".") as folder, tarfile.open(out, "w") as archive:
        encode_picture(Path(folder) / f"frame{profile.recipe.suffix}", frames, format, profile)
        for path in sorted(Path(folder).iterdir()):
            facts = tarfile.TarInfo(path.name.removeprefix("frame."))
            facts.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(facts, file)
