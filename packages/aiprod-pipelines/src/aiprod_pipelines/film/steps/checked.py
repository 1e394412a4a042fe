"""The step `checked`: technical QA of a shot or of the film."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import scipy.signal  # noqa: F401  # filters ask for it when they run; a worker that gets ready has it in time

from aiprod_pipelines import output
from aiprod_pipelines.film.reports import encode_report
from aiprod_pipelines.film.steps import Report
from aiprod_pipelines.quality.finding import Expected
from aiprod_pipelines.quality.technical import inspect

FILM = "film"


def make(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path, report: Report) -> None:
    """Inspect the file in the role `film`; `params["expected"]` are fields of `Expected`."""
    facts = dict(params["expected"])
    if "frame_rate" in facts:
        facts["frame_rate"] = Fraction(facts["frame_rate"])
    if "size_px" in facts:
        facts["size_px"] = tuple(facts["size_px"])
    output.save({out: encode_report(inspect(inputs[FILM], expected=Expected(**facts)))})
