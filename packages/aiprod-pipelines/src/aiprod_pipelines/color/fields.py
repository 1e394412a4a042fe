"""A grade from the plain dict that YAML or JSON holds; every error names its field.

```yaml
exposure_stops: 0.3
cdl: {slope: [1.1, 1, 0.9], offset: [0, 0, 0.02], power: [1, 1, 1], saturation: 1.1}
wheels: {lift: [0, 0, 0.01], gamma: [1, 1, 1], gain: [1.05, 1, 1]}
curves: {master: [[0, 0], [0.5, 0.55], [1, 1]]}
look: golden_hour
lut: film.cube
```
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from aiprod_core.errors import InputError
from aiprod_pipelines.color import looks
from aiprod_pipelines.color.grade import Cdl, Curves, Grade, Wheels
from aiprod_pipelines.color.match import Match

# What a dict at each place describes
PARTS: dict[tuple[str, ...], type[Any]] = {
    (): Grade,
    ("match",): Match,
    ("cdl",): Cdl,
    ("wheels",): Wheels,
    ("curves",): Curves,
}


def read_grade(given: Mapping[str, Any], *, folder: Path | None = None, where: str = "grade") -> Grade:
    """The grade that `given` describes.

    `folder`: what a relative `lut` is relative to. `where`: how errors call this dict. Raises `InputError` for an
    unknown or ill-typed field, a value out of range and an unknown look.
    """
    try:
        grade = _adapter().validate_python(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in (where, *first["loc"]))
        raise InputError(f"{field}: got {first['input']!r}; {_asked(first)}") from error
    except InputError as error:
        raise InputError(f"{where}.{error}") from error
    if grade.look is not None:
        try:
            looks.find(grade.look)
        except InputError as error:
            raise InputError(f"{where}.{error}") from error
    if grade.lut is not None and folder is not None:
        return dataclasses.replace(grade, lut=folder / grade.lut)
    return grade


@cache
def _adapter() -> TypeAdapter[Grade]:
    return TypeAdapter(Grade)


def _asked(error: Any) -> str:
    """What is expected, from pydantic's words; of an unknown field, those that there are."""
    if error["type"] != "unexpected_keyword_argument":
        return f"expected: {error['msg']}"
    owner = PARTS[error["loc"][:-1]]
    return "expected one of " + ", ".join(field.name for field in dataclasses.fields(owner))
