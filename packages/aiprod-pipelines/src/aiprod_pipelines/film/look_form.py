"""A grade as a storyboard asks for it: a look by name, or the parts of one. `color` knows what they do to pictures."""

from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field

from aiprod_pipelines.film.form import Form, GivenFile, Number, Text
from aiprod_pipelines.film.names import LookName

Rgb: TypeAlias = tuple[Number, Number, Number]
Points: TypeAlias = tuple[tuple[Number, Number], ...]


class Cdl(Form):
    """An ASC colour decision list."""

    short: ClassVar[str] = "file"
    file: GivenFile | None = Field(default=None, description="A .cc, .ccc or .cdl file, relative to this file.")
    slope: Rgb = Field(default=(1, 1, 1), description="Factors of red, green, blue.")
    offset: Rgb = Field(default=(0, 0, 0), description="Added to red, green, blue.")
    power: Rgb = Field(default=(1, 1, 1), description="Exponents of red, green, blue.")
    saturation: Annotated[float, Field(strict=True, ge=0, le=4)] = Field(
        default=1.0, description="0 is grey, 1 as it is."
    )


class Wheels(Form):
    """Colour wheels of the dark, middle and bright parts, each of red, green and blue."""

    lift: Rgb = Field(default=(0, 0, 0), description="Of the dark parts; 0 is as it is.")
    gamma: Rgb = Field(default=(1, 1, 1), description="Of the middle; 1 is as it is.")
    gain: Rgb = Field(default=(1, 1, 1), description="Of the bright parts; 1 is as it is.")


class Curves(Form):
    """Curves from what is to what shall be: points from 0 to 1."""

    master: Points = Field(default=(), description="[in, out] points for all three channels.")
    red: Points = Field(default=(), description="[in, out] points.")
    green: Points = Field(default=(), description="[in, out] points.")
    blue: Points = Field(default=(), description="[in, out] points.")


class Look(Form):
    """A grade. The parts are applied in the order: match, exposure, cdl, wheels, curves, name, lut."""

    short: ClassVar[str] = "name"
    name: LookName | None = Field(
        default=None, description="One of the looks that AIPROD ships: aiprod grade --list-looks."
    )
    strength: Annotated[float, Field(strict=True, ge=0, le=1)] = Field(
        default=1.0, description="How much of it, 0 to 1."
    )
    exposure_stops: Annotated[float, Field(strict=True, ge=-8, le=8)] = Field(
        default=0.0, description="Brighter or, below 0, darker, in stops."
    )
    cdl: Cdl | None = Field(
        default=None, description="An ASC CDL: a .cc/.ccc/.cdl file, or slope, offset, power, saturation."
    )
    lut: GivenFile | None = Field(default=None, description="A .cube or .clf lookup table, relative to this file.")
    wheels: Wheels | None = Field(default=None, description="Colour wheels.")
    curves: Curves | None = Field(default=None, description="Curves.")
    match: GivenFile | None = Field(
        default=None, description="A picture whose colours to come close to, relative to this file."
    )
    match_shot: Text | None = Field(default=None, description="Or the id of a shot whose colours to come close to.")
