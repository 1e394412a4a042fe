"""Timelines in and out: OpenTimelineIO, CMX 3600 edit decision lists, Final Cut Pro XML old and new.

OpenTimelineIO is the model and its adapters read the formats. What this adds: errors that name file and line, ranges
that are checked, and the truth about what an export leaves out: every export is read back and compared.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import opentimelineio as otio

from aiprod_core.errors import AiprodError, InputError, MediaError
from aiprod_pipelines import output
from aiprod_pipelines.montage import edl, fcpxml_reader, fcpxml_writer, vocabulary
from aiprod_pipelines.montage.conform import rate_of
from aiprod_pipelines.montage.transitions import Kind
from aiprod_pipelines.montage.vocabulary import exact_rate

READABLE = (".otio", ".edl", ".fcpxml", ".xml")
WRITABLE = (".otio", ".edl", ".fcpxml")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing on a timeline, for listings and comparisons. Ranges are in frames at `rate`, transitions in offsets.

    `kind`: clip, stack, track or transition. `track`: where it lies, such as `V1` or `V1/Nested`. `how`: of a
    transition, what is drawn.
    """

    track: str
    kind: str
    name: str
    start: float
    duration: float
    rate: float
    speed: float = 1.0
    how: str = ""


@dataclass(frozen=True, kw_only=True)
class _Export:
    """A timeline as text; `held`: as far as the format holds it; `left_out`: what it does not, in words."""

    text: str
    held: otio.schema.Timeline
    left_out: tuple[str, ...] = ()


def read(path: Path, *, frame_rate: Fraction | None = None, sequence: str | None = None) -> otio.schema.Timeline:
    """The timeline in `path`. `frame_rate`: of an EDL, which does not say its own (24 where left out).

    `sequence`: the name of one of several in a file, the first where left out.
    Raises `InputError` for an ending that is not known, a sequence that is not there, and a timeline that cannot be
    (negative durations, rates of 0); `MediaError` for a file that is missing, cut off or foreign.
    """
    suffix = path.suffix.lower()
    if suffix not in READABLE:
        raise InputError(f"{path}: got the ending {path.suffix!r}, expected {', '.join(READABLE)}; export it as one")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot read it ({error}), expected a timeline; check the path") from error
    timeline = _one(path, _PARSERS[suffix](path, text, frame_rate), sequence)
    _check(path, timeline)
    return timeline


def write(timeline: otio.schema.Timeline, path: Path) -> tuple[str, ...]:
    """Write `timeline`, whole or not at all; says what the format has left out, a line for each thing.

    Raises `InputError` for an ending that is not known or a timeline that the format cannot hold.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITABLE:
        raise InputError(f"{path}: got the ending {path.suffix!r}, expected {', '.join(WRITABLE)}")
    try:
        export = _WRITERS[suffix](timeline)
        back = _one(path, _PARSERS[suffix](path, export.text, rate_of(timeline)), None)
    except AiprodError:
        raise
    except Exception as error:  # adapters raise what they like
        raise InputError(
            f"{path}: cannot write the timeline as {suffix} ({error}); export it as .otio, which holds everything"
        ) from error
    output.save({path: export.text.encode()})
    return (*export.left_out, *_differences(rows(export.held), rows(back)))


def rows(timeline: otio.schema.Timeline) -> list[Row]:
    """Everything on the timeline but empty space, in order, nested things after what holds them."""
    counts = {"V": 0, "A": 0}
    listed = []
    for child in timeline.tracks:
        letter = "A" if getattr(child, "kind", "") == otio.schema.TrackKind.Audio else "V"
        counts[letter] += 1
        listed += _rows(child, f"{letter}{counts[letter]}")
    return listed


def _rows(holder: otio.core.Composable, track: str) -> list[Row]:
    items = list(holder) if isinstance(holder, otio.core.Composition) else [holder]
    listed = []
    for item in items:
        if isinstance(item, otio.schema.Transition):
            listed.append(_transition_row(item, track))
            continue
        if isinstance(item, otio.schema.Gap):
            continue
        span = item.source_range or _available(item)
        warps = [effect for effect in item.effects if isinstance(effect, otio.schema.LinearTimeWarp)]
        listed.append(
            Row(
                track=track,
                kind=item.schema_name().lower(),
                name=item.name or "",
                start=span.start_time.value if span else 0.0,
                duration=span.duration.value if span else 0.0,
                rate=span.duration.rate if span else 0.0,
                speed=warps[0].time_scalar if warps else 1.0,
            )
        )
        if isinstance(item, otio.core.Composition):
            listed += _rows(item, f"{track}/{item.name}")
    return listed


def _transition_row(item: otio.schema.Transition, track: str) -> Row:
    drawn = vocabulary.transition_of(item)[0]
    told = {Kind.DISSOLVE: "", Kind.FADE: drawn.colour, Kind.DIP: drawn.colour}.get(drawn.kind, drawn.direction)
    return Row(
        track=track,
        kind="transition",
        name=item.name or item.transition_type,
        start=-item.in_offset.value,
        duration=(item.in_offset + item.out_offset).value,
        rate=item.out_offset.rate,
        how=f"{drawn.kind} {told}".strip(),
    )


def _available(item: otio.core.Item) -> otio.opentime.TimeRange | None:
    if isinstance(item, otio.schema.Clip) and item.media_reference is not None:
        return item.media_reference.available_range
    try:
        return item.available_range()
    except otio.exceptions.OTIOError:
        return None


def _differences(before: list[Row], after: list[Row]) -> list[str]:
    """What of `before` is not in `after`, in words. Nested tracks are what they hold."""
    found = Counter(_fact(row) for row in after)
    changed = []
    for row in before:
        if found[_fact(row)] > 0:
            found[_fact(row)] -= 1
        elif row.kind != "track":
            changed.append(f"{row.track}: {row.kind} {row.name!r} is not kept as it is")
    return changed


def _fact(row: Row) -> tuple[object, ...]:
    """What must survive; a transition's name and a clip's track need not."""
    rate, name = row.rate or 1, row.name if row.kind != "transition" else row.how
    start = 0.0 if row.kind == "transition" else round(row.start / rate, 3)
    return row.kind, name, start, round(row.duration / rate, 3), round(row.speed, 3)


def _one(path: Path, found: object, sequence: str | None) -> otio.schema.Timeline:
    """The timeline that is asked for of what a file holds."""
    things = list(found) if isinstance(found, otio.schema.SerializableCollection) else [found]
    timelines = [thing for thing in things if isinstance(thing, otio.schema.Timeline)]
    if not timelines:
        raise MediaError(f"{path}: got {type(found).__name__}, expected a timeline; export a sequence, not a bin")
    if sequence is None:
        return timelines[0]
    named = [timeline for timeline in timelines if timeline.name == sequence]
    if not named:
        names = ", ".join(repr(timeline.name) for timeline in timelines)
        raise InputError(f"{path}: got no sequence {sequence!r}, expected one of {names}")
    return named[0]


def _parse_otio(path: Path, text: str, frame_rate: Fraction | None) -> object:
    try:
        return otio.adapters.read_from_string(text, "otio_json")
    except Exception as error:  # it raises ValueError for JSON and its own kinds for schemas
        where = re.search(r"\(?line (\d+)", str(error))
        raise _foreign(path, "OpenTimelineIO", int(where[1]) if where else None, _reason(error)) from error


def _parse_xml(path: Path, text: str, frame_rate: Fraction | None) -> object:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise _foreign(path, "XML", error.position[0], error.msg) from error
    if root.tag not in ("fcpxml", "xmeml"):
        raise _foreign(path, "Final Cut Pro XML", None, f"its root is <{root.tag}>, not <fcpxml> or <xmeml>")
    try:
        return fcpxml_reader.parsed(root) if root.tag == "fcpxml" else otio.adapters.read_from_string(text, "fcp_xml")
    except Exception as error:  # a missing attribute, a reference to nothing, a time that is none
        raise _foreign(path, "Final Cut Pro XML", None, _reason(error)) from error


def _parse_edl(path: Path, text: str, frame_rate: Fraction | None) -> object:
    rate = frame_rate or edl.RATE
    try:
        return edl.parsed(text, rate)
    except edl.Unreadable as error:
        raise _foreign(path, f"an EDL at {float(rate):g} frames/s", error.line, error.reason) from error


def _check(path: Path, timeline: otio.schema.Timeline) -> None:
    """Raise `InputError` for what no timeline may hold, naming the clip."""
    for thing in timeline.find_children():
        if isinstance(thing, otio.schema.Transition):
            times = {"in offset": thing.in_offset, "out offset": thing.out_offset}
        else:
            span = thing.source_range
            times = {} if span is None else {"duration": span.duration, "start": span.start_time}
        for what, time in times.items():
            try:
                exact_rate(time.rate)
            except InputError as error:
                raise InputError(f"{path}: {thing.schema_name().lower()} {thing.name!r}: {error}") from error
            if what != "start" and not time.value >= 0:  # so that NaN fails too
                raise InputError(
                    f"{path}: {thing.schema_name().lower()} {thing.name!r}: got a {what} of {time.value:g} frames, "
                    "expected 0 or more; correct it in the program it comes from"
                )


def _write_otio(timeline: otio.schema.Timeline) -> _Export:
    return _Export(text=otio.adapters.write_to_string(timeline, "otio_json"), held=timeline)


def _write_edl(timeline: otio.schema.Timeline) -> _Export:
    held = edl.prepared(timeline)
    others = sorted({row.track for row in rows(timeline) if not row.track.startswith("V1")})
    left_out = [f"{', '.join(others)}: an EDL holds one picture track"] if others else []
    if edl.opens_with_transition(timeline):
        left_out.append("V1: the transition that opens the film; an EDL has no event for it")
    return _Export(text=edl.written(held, rate_of(timeline)), held=held, left_out=tuple(left_out))


def _write_fcpxml(timeline: otio.schema.Timeline) -> _Export:
    return _Export(text=fcpxml_writer.written(timeline, rate_of(timeline)), held=timeline)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _foreign(path: Path, kind: str, line: int | None, reason: str) -> MediaError:
    where = f"{path}" if line is None else f"{path}, line {line}"
    return MediaError(f"{where}: got a damaged or foreign file ({reason}), expected {kind}; export it again")


_PARSERS: dict[str, Callable[[Path, str, Fraction | None], object]] = {
    ".otio": _parse_otio,
    ".edl": _parse_edl,
    ".fcpxml": _parse_xml,
    ".xml": _parse_xml,
}
_WRITERS: dict[str, Callable[[otio.schema.Timeline], _Export]] = {
    ".otio": _write_otio,
    ".edl": _write_edl,
    ".fcpxml": _write_fcpxml,
}
