"""The step `still`: the film's poster frame, or its contact sheet, as PNG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiprod_pipelines import output
from aiprod_pipelines.delivery.beside import contact_sheet, poster
from aiprod_pipelines.film.steps import Report
from aiprod_pipelines.footage import Footage

FILM = "film"
STILLS = {"poster": poster, "contact": contact_sheet}


def make(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path, report: Report) -> None:
    """Write the picture that `params["what"]` names."""
    output.save({out: STILLS[params["what"]](Footage.open(inputs[FILM]))})
