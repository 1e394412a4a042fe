from fractions import Fraction

import opentimelineio as otio
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.titles import Style, Title
from aiprod_pipelines.montage.transitions import Direction, Kind, Transition

RATE = Fraction(25)
DOWN = {"cmx_3600": {"transition": "W002"}}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (23.976, Fraction(24_000, 1001)),
        (23.98, Fraction(24_000, 1001)),
        (24_000 / 1001, Fraction(24_000, 1001)),
        (29.97, Fraction(30_000, 1001)),
        (59.94, Fraction(60_000, 1001)),
        (24, Fraction(24)),
        (25.0, Fraction(25)),
        (12.5, Fraction(25, 2)),
    ],
)
def test_rates_are_exact(said: float, meant: Fraction) -> None:
    assert vocabulary.exact_rate(said) == meant


@pytest.mark.parametrize("rate", [0, -24, float("nan"), float("inf")])
def test_rates_that_cannot_be_are_refused(rate: float) -> None:
    with pytest.raises(InputError, match="rate"):
        vocabulary.exact_rate(rate)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("direction", list(Direction))
def test_our_transitions_come_back_through_json(kind: Kind, direction: Direction) -> None:
    transition = Transition(kind=kind, direction=direction, colour=(1, 2, 3), softness=0.25)
    written = vocabulary.to_transition(transition, 3, 4, RATE).to_json_string()
    read = otio.adapters.read_from_string(written, "otio_json")
    assert vocabulary.transition_of(read) == (transition, "")
    assert (read.in_offset.value, read.out_offset.value) == (3, 4)


@pytest.mark.parametrize(
    ("name", "kind", "facts", "meant", "remarked"),
    [
        ("", "SMPTE_Dissolve", {}, Transition(), False),
        ("Cross Dissolve", "SMPTE_Dissolve", {}, Transition(), False),
        ("Dip to White", "Custom", {}, Transition(kind=Kind.DIP, colour=(255, 255, 255)), False),
        ("Fade to Black", "Custom", {}, Transition(kind=Kind.FADE), False),
        ("Push Left", "Custom", {}, Transition(kind=Kind.PUSH, direction=Direction.LEFT), False),
        ("Page Peel", "Custom", {}, Transition(), True),
        ("x", "SMPTE_Wipe", DOWN, Transition(kind=Kind.WIPE, direction=Direction.DOWN), False),
        ("x", "SMPTE_Wipe", {"cmx_3600": {"transition": "W019"}}, Transition(kind=Kind.WIPE), True),
    ],
)  # fmt: skip
def test_names_of_others_are_understood(
    name: str, kind: str, facts: dict[str, object], meant: Transition, remarked: bool
) -> None:
    zero = otio.opentime.RationalTime(0, 25)
    given = otio.schema.Transition(name=name, transition_type=kind, in_offset=zero, out_offset=zero, metadata=facts)
    transition, remark = vocabulary.transition_of(given)
    assert transition == meant
    assert bool(remark) is remarked


def test_titles_come_back_through_json() -> None:
    title = Title(text="Été", detail="two", style=Style.LOWER_THIRD, font="bold", colour=(9, 8, 7), fade_in_s=0.5)
    written = vocabulary.to_title(title, 50, RATE).to_json_string()
    assert vocabulary.generated(otio.adapters.read_from_string(written, "otio_json").media_reference) == title


@pytest.mark.parametrize(
    ("kind", "parameters", "said"),
    [
        (vocabulary.TITLE, {"text": "x", "style": "huge"}, "style: got 'huge', expected card"),
        (vocabulary.TITLE, {"text": "x", "colr": 1}, "got colr, expected text"),
        (vocabulary.TITLE, {}, "no text"),
        (vocabulary.TITLE, {"text": 5}, "title 5: got a value of a wrong kind"),
        (vocabulary.TITLE, {"text": "x", "size": "big"}, "title 'x': got a value of a wrong kind"),
        (vocabulary.TITLE, {"text": "x", "colour": "red"}, "colour: got 'red'"),
        (vocabulary.SOLID, {"color": [1]}, "colour"),
    ],
)
def test_generators_that_are_not_valid_are_refused(kind: str, parameters: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        vocabulary.generated(otio.schema.GeneratorReference(generator_kind=kind, parameters=parameters))


def test_colours_of_generators_are_bytes_or_parts_of_one() -> None:
    for colour in ([255, 0, 51], [1.0, 0.0, 0.2], [1.0, 0.0, 0.2, 1.0]):
        made = otio.schema.GeneratorReference(generator_kind=vocabulary.SOLID, parameters={"color": colour})
        assert vocabulary.generated(made) == (255, 0, 51)


def test_a_transition_of_ours_that_is_not_valid_is_refused() -> None:
    for facts, said in (
        ({"kind": "explode"}, "kind: got 'explode'"),
        ({"speed": 1}, "got speed"),
        ({"softness": "x"}, "number"),
    ):
        given = vocabulary.to_transition(Transition(), 1, 1, RATE)
        given.metadata["aiprod"] = facts
        with pytest.raises(InputError, match=said):
            vocabulary.transition_of(given)
