from pathlib import Path
from typing import Any

import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.color.fields import read_grade
from aiprod_pipelines.color.grade import Cdl, Curves, Grade, Wheels


def test_what_a_person_writes_is_a_grade() -> None:
    given = {
        "exposure_stops": 0.3,
        "cdl": {"slope": [1.1, 1, 0.9], "saturation": 1.1},
        "wheels": {"lift": [0, 0, 0.01]},
        "curves": {"master": [[0, 0], [0.5, 0.6], [1, 1]]},
        "look": "golden_hour",
        "lut": "film.cube",
    }
    assert read_grade(given, folder=Path("project")) == Grade(
        exposure_stops=0.3,
        cdl=Cdl(slope=(1.1, 1, 0.9), saturation=1.1),
        wheels=Wheels(lift=(0, 0, 0.01)),
        curves=Curves(master=((0, 0), (0.5, 0.6), (1, 1))),
        look="golden_hour",
        lut=Path("project/film.cube"),
    )


def test_nothing_is_a_neutral_grade() -> None:
    assert read_grade({}).is_neutral


@pytest.mark.parametrize(
    ("given", "field", "told"),
    [
        ({"cdl": {"slope": [1, 2]}}, "shots.2.cdl.slope.2", "required"),
        ({"cdl": {"slop": [1, 1, 1]}}, "shots.2.cdl.slop", "slope, offset, power, saturation"),
        ({"match": {"gains": [1, 1, 1]}}, "shots.2.match.gains", "gain, offset"),
        ({"exposre": 1}, "shots.2.exposre", "exposure_stops"),
        ({"exposure_stops": "bright"}, "shots.2.exposure_stops", "number"),
        ({"wheels": 5}, "shots.2.wheels", "dictionary"),
        ({"curves": {"red": [[0, 0], [1, "x"]]}}, "shots.2.curves.red.1.1", "number"),
        ({"cdl": {"power": [0, 1, 1]}}, "shots.2.cdl.power", "above 0"),
        ({"look": "nor"}, "shots.2.look", "noir"),
        ({"lut_space": "log"}, "shots.2.lut_space", "acescct"),
    ],
)
def test_an_error_names_the_field_and_what_to_write(given: dict[str, Any], field: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        read_grade(given, where="shots.2")
    assert str(error.value).startswith(f"{field}: got ")
    assert told in str(error.value)
