"""The step `graded`: a clip in the colours of the film, matched to another where that is asked for."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aiprod_pipelines.color import match
from aiprod_pipelines.color.fields import read_grade
from aiprod_pipelines.color.grade import Grade
from aiprod_pipelines.color.grader import Grader
from aiprod_pipelines.delivery.intermediate import write_intermediate
from aiprod_pipelines.film.steps import Report
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Encoding, Frame

CLIP = "clip"
REFERENCE = "reference {}"  # role of a grade's reference, a clip or a picture, by number
LUT = "lut {}"
LOOKED_AT = 5  # frames of a clip, evenly spaced, that say what its colours are
PICTURES = (".png", ".jpg", ".jpeg")


def make(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path, report: Report) -> None:
    """Grade `params["span"]` (seconds; None for all) of the clip by `params["grades"]`, one after the other."""
    footage = Footage.open(inputs[CLIP])
    first, last = _span(footage, params["span"])
    graders = _graders(params, inputs, footage, (first, last))
    sound = footage.sound() if params["sound"] else None

    def graded() -> Iterator[Frame]:
        for number, frame in enumerate(footage.frames(first, last)):
            for grader in graders:
                frame = grader(frame)
            report(number + 1, last - first)
            yield frame

    target = Encoding(params["encoding"])
    format = footage.format
    write_intermediate(out, graded(), type(format)(**{**vars(format), "encoding": target}), sound)


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
        strength = facts.pop("match_strength", 1.0)
        if LUT.format(number) in inputs:
            facts["lut"] = str(inputs[LUT.format(number)])
        reference = inputs.get(REFERENCE.format(number))
        grade = read_grade(facts)
        target = Encoding(params["encoding"]) if number == len(params["grades"]) - 1 else encoding
        if reference is not None:
            shot = match.measure(_looked_at(footage, *span), footage.encoding)
            fitted = match.fit(shot, _statistics(reference), strength=strength)
            grade = Grade(**{**vars(grade), "match": fitted})
        graders.append(Grader(grade, encoding, target))
        encoding = target
    return graders


def _looked_at(footage: Footage, first: int, last: int) -> Iterator[Frame]:
    for number in np.linspace(first, last - 1, min(LOOKED_AT, last - first)).round().astype(int):
        yield from footage.frames(int(number), int(number) + 1)


def _statistics(reference: Path) -> match.Statistics:
    if reference.suffix.lower() in PICTURES:
        with Image.open(reference) as image:
            return match.measure([np.asarray(image.convert("RGB"))], Encoding.REC709)
    footage = Footage.open(reference)
    return match.measure(_looked_at(footage, 0, footage.num_frames), footage.encoding)
