"""The step `graded`: the pictures of a clip in the colours of the film, matched to another where that is asked for."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from aiprod_pipelines.color import match
from aiprod_pipelines.color.fields import read_grade
from aiprod_pipelines.color.grader import Grader
from aiprod_pipelines.color.reference import measure_file, measure_shot
from aiprod_pipelines.delivery.intermediate import write_intermediate
from aiprod_pipelines.film.steps import Report
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Encoding, Format, Frame

CLIP = "clip"
REFERENCE = "reference {}"  # role of a grade's reference, a clip or a picture, by number
LUT = "lut {}"


def make(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path, report: Report) -> None:
    """Grade `params["span"]` (seconds; None for all) of the clip by `params["grades"]`, one after the other."""
    footage = Footage.open(inputs[CLIP])
    first, last = _span(footage, params["span"])
    size_px = _covering(footage, *params["fill_px"])
    graders = _graders(params, inputs, footage, (first, last))

    def graded() -> Iterator[Frame]:
        for number, frame in enumerate(footage.frames(first, last, size_px=size_px)):
            for grader in graders:
                frame = grader(frame)
            report(number + 1, last - first)
            yield frame

    width, height = size_px or (footage.width_px, footage.height_px)
    encoding = Encoding(params["encoding"])
    format = Format(width_px=width, height_px=height, frame_rate=footage.frame_rate, encoding=encoding)
    write_intermediate(out, graded(), format)


def _covering(footage: Footage, width_px: int, height_px: int) -> tuple[int, int] | None:
    """The size, even, at which a larger clip still fills the film; None for one that is not larger, or not even."""
    scale = max(width_px / footage.width_px, height_px / footage.height_px)
    if scale >= 1 and footage.width_px % 2 == footage.height_px % 2 == 0:
        return None
    width, height = (math.ceil(side * min(scale, 1) / 2) * 2 for side in (footage.width_px, footage.height_px))
    return width, height


def _span(footage: Footage, span: tuple[float, float | None] | None) -> tuple[int, int]:
    if span is None:
        return 0, footage.num_frames
    start_s, end_s = (None if time is None else Fraction(time).limit_denominator(1_000_000) for time in span)
    first = round((start_s or 0) * footage.frame_rate)
    return first, footage.num_frames if end_s is None else min(round(end_s * footage.frame_rate), footage.num_frames)


def _graders(
    params: Mapping[str, Any], inputs: Mapping[str, Path], footage: Footage, span: tuple[int, int]
) -> list[Grader]:
    """A grader for each grade. The last brings the picture to the film's encoding, the others leave it in SDR."""
    graders: list[Grader] = []
    encoding = footage.encoding
    for number, given in enumerate(params["grades"]):
        facts = dict(given)
        if LUT.format(number) in inputs:
            facts["lut"] = str(inputs[LUT.format(number)])
        reference = inputs.get(REFERENCE.format(number))
        grade = read_grade(facts)
        target = Encoding(params["encoding"]) if number == len(params["grades"]) - 1 else encoding
        if reference is not None:
            fitted = match.fit(measure_shot(footage, *span), measure_file(reference))
            grade = dataclasses.replace(grade, match=fitted)
        graders.append(Grader(grade, encoding, target))
        encoding = target
    return graders
