"""What a grade is: numbers and names that say how a shot is to look. Plain data, a part of the keys of artifacts.

Knows nothing of pixels (`grader` applies it) nor of YAML (`fields` reads it).
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from aiprod_core.errors import InputError
from aiprod_pipelines.color.match import Match
from aiprod_pipelines.color.operations import Points, Triple

MOST_STOPS = 10.0
MOST_SATURATION = 10.0
UNITY: Triple = (1.0, 1.0, 1.0)
ZERO: Triple = (0.0, 0.0, 0.0)
KNOWN_FIELDS_ONLY = {"extra": "forbid"}  # for pydantic, which reads a grade from plain data


class LutSpace(StrEnum):
    """What the values of a LUT file mean: those of an SDR display, or the working space."""

    REC709 = "rec709"
    ACESCCT = "acescct"


@dataclass(frozen=True, kw_only=True)
class Cdl:
    """An ASC colour decision list (1.2), in ACEScct."""

    __pydantic_config__: ClassVar = KNOWN_FIELDS_ONLY

    slope: Triple = UNITY
    offset: Triple = ZERO
    power: Triple = UNITY
    saturation: float = 1.0

    def __post_init__(self) -> None:
        _check("cdl.slope", self.slope, least=0)
        _check("cdl.offset", self.offset)
        _check("cdl.power", self.power, above=0)
        _check("cdl.saturation", (self.saturation,), least=0, most=MOST_SATURATION)


@dataclass(frozen=True, kw_only=True)
class Wheels:
    """Lift, gamma and gain of red, green and blue, in ACEScct."""

    __pydantic_config__: ClassVar = KNOWN_FIELDS_ONLY

    lift: Triple = ZERO
    gamma: Triple = UNITY
    gain: Triple = UNITY

    def __post_init__(self) -> None:
        _check("wheels.lift", self.lift, most=0.99)
        _check("wheels.gamma", self.gamma, above=0)
        _check("wheels.gain", self.gain, above=0)


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Points that monotone cubics go through, in ACEScct: `master` on every channel, then one for each.

    No points leave it straight.
    """

    __pydantic_config__: ClassVar = KNOWN_FIELDS_ONLY

    master: Points = ()
    red: Points = ()
    green: Points = ()
    blue: Points = ()

    def __post_init__(self) -> None:
        for name in ("master", "red", "green", "blue"):
            points = getattr(self, name)
            if len(points) == 1 or (np.diff([x for x, _ in points]) <= 0).any():
                raise InputError(f"curves.{name}: got {points}, expected two points or more, the first of each rising")
            _check(f"curves.{name}", [value for point in points for value in point])


@dataclass(frozen=True, kw_only=True)
class Grade:
    """How a shot is to look. Applied in this order: match, exposure, CDL, wheels, curves, look, LUT.

    `exposure_stops` is of scene light. `look` names one of `looks.LOOKS`; `lut` is a file that `lut.read` reads.
    Strengths are 0 (nothing) to 1. Raises `InputError` naming the field.
    """

    __pydantic_config__: ClassVar = KNOWN_FIELDS_ONLY

    match: Match | None = None
    exposure_stops: float = 0.0
    cdl: Cdl = field(default_factory=Cdl)
    wheels: Wheels = field(default_factory=Wheels)
    curves: Curves = field(default_factory=Curves)
    look: str | None = None
    look_strength: float = 1.0
    lut: Path | None = None
    lut_strength: float = 1.0
    lut_space: LutSpace = LutSpace.REC709

    def __post_init__(self) -> None:
        _check("exposure_stops", (self.exposure_stops,), least=-MOST_STOPS, most=MOST_STOPS)
        _check("look_strength", (self.look_strength,), least=0, most=1)
        _check("lut_strength", (self.lut_strength,), least=0, most=1)

    @property
    def is_neutral(self) -> bool:
        """Whether nothing is changed."""
        return self == Grade()

    @property
    def files(self) -> tuple[Path, ...]:
        """Files whose content is a part of the grade; a key of it must hold their digests."""
        return (self.lut,) if self.lut is not None else ()

    def to_dict(self) -> dict[str, Any]:
        """Only what is not neutral, as numbers, strings, lists and dicts; equal grades give equal dicts."""
        return _plain(self)


def _plain(part: Any) -> dict[str, Any]:
    whole = type(part)()
    values = {f.name: getattr(part, f.name) for f in fields(part)}
    return {name: _plain_value(value) for name, value in values.items() if value != getattr(whole, name)}


def _plain_value(value: Any) -> Any:
    match value:
        case bool() | str():
            return str(value)
        case int() | float():
            return float(value)
        case Path():
            return value.as_posix()
        case tuple() | list():
            return [_plain_value(item) for item in value]
    return _plain(value)


def _check(name: str, values: Any, *, least: float = -np.inf, most: float = np.inf, above: float = -np.inf) -> None:
    if all(np.isfinite(value) and least <= value <= most and value > above for value in values):
        return
    bounds = [f"{word} {bound:g}" for word, bound in (("at least", least), ("at most", most), ("above", above))
              if np.isfinite(bound)]  # fmt: skip
    got = ", ".join(f"{value:g}" for value in values)
    raise InputError(f"{name}: got {got}, expected {' and '.join(bounds) or 'finite numbers'}")
