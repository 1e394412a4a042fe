"""What editing programs call things, in our words and back: rates, transitions, wipe codes, generators, titles.

Ours travels as metadata under `aiprod` and as generators named `aiprod.…`, so that a timeline written here reads back
the same; what others call it is matched by name. Knows OpenTimelineIO's objects and no file.
"""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from aiprod_core.errors import InputError
from aiprod_pipelines.montage.edit import Colour
from aiprod_pipelines.montage.titles import Style, Title
from aiprod_pipelines.montage.transitions import BLACK, Direction, Kind, Transition

OURS = "aiprod"
TITLE = "aiprod.Title"
SOLID = "SolidColor"
NOTHING = frozenset({"slug", "black", "gap", ""})  # generators that show nothing of their own
# SMPTE ST 258 numbers its wipes; these two move a straight edge across the picture.
WIPE_CODES = {1: Direction.RIGHT, 2: Direction.DOWN}
WORDS: Mapping[str, Kind] = {  # as they stand in names of effects, the more telling first
    "dip": Kind.DIP,
    "push": Kind.PUSH,
    "slide": Kind.SLIDE,
    "wipe": Kind.WIPE,
    "fade": Kind.FADE,
    "dissolve": Kind.DISSOLVE,
}
MOST_RATE_HZ = 1000


def exact_rate(rate: float) -> Fraction:
    """The frame rate that a float means: 23.98, 23.976 and 29.97 are n · 1000/1001. Raises `InputError`."""
    if not 0 < rate <= MOST_RATE_HZ:
        raise InputError(f"rate: got {rate}, expected frames a second above 0; correct it in the program it comes from")
    whole = round(rate)
    if rate != whole:
        ntsc = Fraction(whole * 1000, 1001)
        if abs(rate - ntsc) < 0.01:
            return ntsc
    return Fraction(rate).limit_denominator(1001)


def time_at(frames: Fraction | int, rate: Fraction) -> otio.opentime.RationalTime:
    return otio.opentime.RationalTime(float(frames), float(rate))


def range_at(start: Fraction | int, frames: Fraction | int, rate: Fraction) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(time_at(start, rate), time_at(frames, rate))


def transition_of(given: otio.schema.Transition) -> tuple[Transition, str]:
    """The transition that is meant, and a remark where it is drawn as another ("" where it is not).

    Raises `InputError` for metadata of ours that is not valid.
    """
    if OURS in given.metadata:
        return _ours(given), ""
    if given.transition_type == "SMPTE_Wipe":
        code = str(given.metadata.get("cmx_3600", {}).get("transition", "W001"))
        direction = WIPE_CODES.get(int(code[1:]) if code[1:].isdigit() else 0)
        remark = "" if direction else f"wipe {code} is drawn as W001"
        return Transition(kind=Kind.WIPE, direction=direction or Direction.RIGHT), remark
    said = f"{given.name} {given.metadata.get('fcp_xml', {}).get('effectid', '')}".lower()
    kind = next((kind for word, kind in WORDS.items() if word in said), None)
    if kind is None:
        known = given.transition_type == otio.schema.TransitionTypes.SMPTE_Dissolve
        return Transition(), "" if known else f"transition {given.transition_type!r} is drawn as a dissolve"
    direction = next((way for way in Direction if way in said.split()), Direction.RIGHT)
    return Transition(kind=kind, direction=direction, colour=(255, 255, 255) if "white" in said else BLACK), ""


def to_transition(transition: Transition, before: int, after: int, rate: Fraction) -> otio.schema.Transition:
    """A transition that begins `before` frames ahead of the cut and ends `after` frames behind it."""
    types = {Kind.DISSOLVE: otio.schema.TransitionTypes.SMPTE_Dissolve, Kind.WIPE: "SMPTE_Wipe"}
    codes = {direction: f"W{code:03}" for code, direction in WIPE_CODES.items()}
    facts: dict[str, Any] = {OURS: _plain(transition)}
    if transition.kind is Kind.WIPE:
        facts["cmx_3600"] = {"transition": codes.get(transition.direction, "W001")}
    return otio.schema.Transition(
        name=str(transition.kind),
        transition_type=types.get(transition.kind, otio.schema.TransitionTypes.Custom),
        in_offset=time_at(before, rate),
        out_offset=time_at(after, rate),
        metadata=facts,
    )


def to_title(title: Title, frames: int, rate: Fraction) -> otio.schema.Clip:
    """A clip that shows a title."""
    reference = otio.schema.GeneratorReference(generator_kind=TITLE, parameters=_plain(title))
    return otio.schema.Clip(name=title.text[:40], media_reference=reference, source_range=range_at(0, frames, rate))


def generated(reference: otio.schema.GeneratorReference) -> Title | Colour | None:
    """What a generator draws; None for what shows nothing, and for what is not known.

    Raises `InputError` for a title of ours that is not valid.
    """
    parameters = dict(reference.parameters)
    if reference.generator_kind == TITLE:
        wrong = sorted(set(parameters) - {field.name for field in dataclasses.fields(Title)})
        if wrong or "text" not in parameters:
            raise InputError(
                f"title: got {', '.join(wrong) or 'no text'}, expected text and any of "
                f"{', '.join(field.name for field in dataclasses.fields(Title))}"
            )
        parameters["style"] = _choice(Style, parameters.get("style", Style.CARD), "title: style")
        parameters["colour"] = _colour(parameters.get("colour", (255, 255, 255)))
        try:
            return Title(**parameters)
        except (TypeError, AttributeError) as error:  # a number where words are expected, or words for a number
            raise InputError(f"title {parameters['text']!r:.40}: got a value of a wrong kind ({error})") from error
    if reference.generator_kind == SOLID:
        return _colour(parameters.get("colour", parameters.get("color", BLACK)))
    return None


def is_blank(reference: otio.schema.GeneratorReference) -> bool:
    """Whether a generator is meant to show nothing: a slug, in the language of Final Cut."""
    return reference.generator_kind.lower() in NOTHING


def _ours(given: otio.schema.Transition) -> Transition:
    facts = dict(given.metadata[OURS])
    wrong = sorted(set(facts) - {field.name for field in dataclasses.fields(Transition)})
    if wrong:
        known = "kind, direction, colour, softness"
        raise InputError(f"transition {given.name!r}: got {', '.join(wrong)}, expected {known}")
    return Transition(
        kind=_choice(Kind, facts.get("kind", Kind.DISSOLVE), f"transition {given.name!r}: kind"),
        direction=_choice(Direction, facts.get("direction", Direction.RIGHT), f"transition {given.name!r}: direction"),
        colour=_colour(facts.get("colour", BLACK)),
        softness=_part(facts.get("softness", 0), f"transition {given.name!r}: softness"),
    )


def _choice(choices: Any, value: object, what: str) -> Any:
    if value not in list(choices):
        raise InputError(f"{what}: got {value!r}, expected {', '.join(choices)}")
    return choices(value)


def _part(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{what}: got {value!r}, expected a number from 0 to 1")
    return float(value)


def _colour(value: Any) -> Colour:
    """Three values of 0 to 255; OpenTimelineIO and others also write 0.0 to 1.0. Raises `InputError`."""
    try:
        parts = [float(part) for part in value]
    except (TypeError, ValueError):
        parts = []
    if len(parts) not in (3, 4):
        raise InputError(f"colour: got {value!r}, expected three values of 0 to 255")
    unit = any(isinstance(part, float) for part in value) and max(parts) <= 1
    red, green, blue = (round(part * 255 if unit else part) for part in parts[:3])
    return red, green, blue


def _plain(thing: Title | Transition) -> dict[str, Any]:
    """A dataclass as JSON holds it."""
    facts = dataclasses.asdict(thing)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}
