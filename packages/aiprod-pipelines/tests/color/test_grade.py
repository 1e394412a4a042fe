import json
from pathlib import Path

import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.color.fields import read_grade
from aiprod_pipelines.color.grade import Cdl, Curves, Grade, LutSpace, Wheels
from aiprod_pipelines.color.match import Match

WHOLE = Grade(
    match=Match(gain=(1.1, 1.0, 0.9), offset=(0.01, 0.0, -0.02)),
    exposure_stops=-0.5,
    cdl=Cdl(slope=(1.1, 1, 0.9), offset=(0.0, 0.01, 0.0), power=(1, 1.2, 1), saturation=0.8),
    wheels=Wheels(lift=(0.0, 0.0, 0.02), gamma=(1.0, 1.1, 1.0), gain=(1.05, 1.0, 1.0)),
    curves=Curves(master=((0, 0), (0.5, 0.55), (1, 1)), blue=((0, 0.1), (1, 0.9))),
    look="noir",
    look_strength=0.5,
    lut=Path("film.cube"),
    lut_strength=0.25,
    lut_space=LutSpace.ACESCCT,
)


def test_a_grade_is_a_plain_dict_and_back() -> None:
    assert read_grade(json.loads(json.dumps(WHOLE.to_dict()))) == WHOLE


def test_only_what_is_not_neutral_is_told() -> None:
    assert Grade().to_dict() == {}
    assert Grade(cdl=Cdl(saturation=0)).to_dict() == {"cdl": {"saturation": 0.0}}
    assert Grade(exposure_stops=1).to_dict() == {"exposure_stops": 1.0}


def test_equal_grades_have_equal_dicts_whatever_their_numbers_were() -> None:
    whole, point = Grade(cdl=Cdl(slope=(2, 1, 1))), Grade(cdl=Cdl(slope=(2.0, 1.0, 1.0)))
    assert whole == point
    assert hash(whole) == hash(point)
    assert json.dumps(whole.to_dict()) == json.dumps(point.to_dict())


def test_what_is_neutral_is_known_to_be() -> None:
    assert Grade().is_neutral
    assert not WHOLE.is_neutral


def test_a_grade_names_the_files_it_reads() -> None:
    assert WHOLE.files == (Path("film.cube"),)
    assert Grade().files == ()


@pytest.mark.parametrize(
    ("part", "values", "field"),
    [
        (Cdl, {"slope": (1, -1, 1)}, "cdl.slope"),
        (Cdl, {"offset": (0, float("nan"), 0)}, "cdl.offset"),
        (Cdl, {"power": (1, 0, 1)}, "cdl.power"),
        (Cdl, {"saturation": -0.1}, "cdl.saturation"),
        (Wheels, {"lift": (1, 0, 0)}, "wheels.lift"),
        (Wheels, {"gamma": (0, 1, 1)}, "wheels.gamma"),
        (Wheels, {"gain": (0, 1, 1)}, "wheels.gain"),
        (Curves, {"red": ((0, 0),)}, "curves.red"),
        (Curves, {"master": ((0, 0), (0, 1))}, "curves.master"),
        (Curves, {"blue": ((0, 0), (1, float("inf")))}, "curves.blue"),
        (Grade, {"exposure_stops": 99}, "exposure_stops"),
        (Grade, {"look_strength": 1.1}, "look_strength"),
        (Grade, {"lut_strength": -0.1}, "lut_strength"),
        (Match, {"gain": (0, 1, 1)}, "match"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(part: type, values: dict[str, object], field: str) -> None:
    with pytest.raises(InputError, match=rf"^{field}: got .* expected"):
        part(**values)
