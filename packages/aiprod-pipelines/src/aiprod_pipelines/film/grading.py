"""A storyboard's look as the step `graded` is told of it: facts in plain JSON, and the files that it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiprod_pipelines.color import lut
from aiprod_pipelines.color.fields import read_grade
from aiprod_pipelines.film.look_form import Look


@dataclass(frozen=True, kw_only=True)
class Grading:
    """One grade. `facts`: as `color.fields.read_grade` takes them, with no file in them.

    `lut`: its table. `match`: a picture whose colours it comes close to, or `match_shot`, the id of a shot.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    lut: Path | None = None
    match: Path | None = None
    match_shot: str | None = None


def grading_of(look: Look) -> Grading:
    """What `look` asks for. Raises `InputError` for what cannot be, `MediaError` for a damaged file."""
    facts: dict[str, Any] = {"exposure_stops": look.exposure_stops}
    if look.name is not None:
        facts |= {"look": look.name, "look_strength": look.strength}
    if look.lut is not None:
        facts["lut_strength"] = 1.0 if look.name is not None else look.strength
    if look.cdl is not None:
        written = lut.read_cdl(look.cdl.file) if look.cdl.file is not None else look.cdl
        facts["cdl"] = {name: getattr(written, name) for name in ("slope", "offset", "power", "saturation")}
    if look.wheels is not None:
        facts["wheels"] = look.wheels.model_dump()
    if look.curves is not None:
        facts["curves"] = look.curves.model_dump()
    read_grade(facts, where="look")  # what is wrong is said now, not after hours of rendering
    if look.lut is not None:
        lut.read(look.lut)
    return Grading(facts=facts, lut=look.lut, match=look.match, match_shot=look.match_shot)
