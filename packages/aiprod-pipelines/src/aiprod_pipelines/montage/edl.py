"""CMX 3600 edit decision lists: one picture track, cuts, dissolves, two wipes and speeds.

OpenTimelineIO's adapter reads and writes the events; what it leaves open is settled here: which line is wrong, where
the film starts, and that a transition begins at its cut, as an EDL has it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from aiprod_core.errors import InputError

REEL = 8  # characters of its name
RATE = Fraction(24)  # where nothing is said: the format has no place for it
# event, reel, channels, D or W and its code, duration, the first time code
TRANSITION = re.compile(r"^\s*\d+\s+\S+\s+\S+\s+(D|W\d+)\s+\d+\s+\d")


@dataclass(frozen=True)
class Unreadable(Exception):
    """Why an EDL cannot be read, and the first line with which it cannot."""

    reason: str
    line: int | None


def parsed(text: str, rate: Fraction) -> otio.schema.Timeline:
    """The timeline of an EDL at `rate`. Raises `Unreadable`."""
    try:
        timeline = _parse(text, rate)
    except Exception as error:  # the adapter raises what it likes
        advice = "; give its --frame-rate" if "rate" in str(error).lower() else ""
        line = _first_bad_line(text, lambda part: _parse(part, rate))
        raise Unreadable(f"{' '.join(str(error).split())}{advice}", line) from error
    if not timeline.find_clips():
        raise Unreadable("it holds no event", None)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if TRANSITION.match(line)]
    if len(lines) > len(timeline.find_children(descended_from_type=otio.schema.Transition)):
        raise Unreadable("a dissolve or wipe needs two lines of one number, the first a cut of no length", lines[0])
    for track in timeline.tracks:  # the adapter keeps the record time code as a trim: it is where the film starts
        if track.source_range is not None:
            timeline.global_start_time = timeline.global_start_time or -track.source_range.start_time
            track.source_range = None
    return timeline


def written(timeline: otio.schema.Timeline, rate: Fraction) -> str:
    """The text of an EDL of what `prepared` has made."""
    copy = timeline.deepcopy()
    if copy.global_start_time is not None:
        track = copy.tracks[0]
        track.source_range = otio.opentime.TimeRange(-copy.global_start_time, track.available_range().duration)
    text: str = otio.adapters.write_to_string(copy, "cmx_3600", rate=float(rate))
    joints = iter(copy.find_children(descended_from_type=otio.schema.Transition))
    lines = [_as_wipe(line, next(joints)) if TRANSITION.match(line) else line for line in text.splitlines()]
    count = "DROP FRAME" if any(";" in line for line in lines if not line.startswith("*")) else "NON-DROP FRAME"
    place = 1 if lines and lines[0].startswith("TITLE") else 0
    return "\n".join([*lines[:place], f"FCM: {count}", *lines[place:]]) + "\n"


def prepared(timeline: otio.schema.Timeline) -> otio.schema.Timeline:
    """The same film, as far as an EDL holds it: the bottom picture track, every transition from its cut onwards.

    A transition before the first clip is left out.

    Raises `InputError` where there is no picture.
    """
    pictures = timeline.video_tracks()
    if not pictures:
        raise InputError(f"timeline {timeline.name!r}: got no picture track, expected one for an EDL")
    single = otio.schema.Timeline(name=timeline.name, global_start_time=timeline.global_start_time)
    track = pictures[0].deepcopy()
    if opens_with_transition(timeline):
        del track[0]
    single.tracks.append(track)
    for item in track:
        if isinstance(item, otio.schema.Clip):
            item.source_range = item.trimmed_range()
            url = getattr(item.media_reference, "target_url", None) or item.name or ""
            if not re.search(r"[A-Za-z0-9]", item.name or "") or " " in Path(url).stem:
                # Else the event has no reel, or one of two words, and cannot be read.
                item.metadata["cmx_3600"] = {"reel": re.sub(r"[^A-Za-z0-9]", "", Path(url).stem)[:REEL] or "AX"}
    for place, joint in enumerate(track):
        if isinstance(joint, otio.schema.Transition) and joint.in_offset.value:
            _begin_at_cut(
                joint, track[place - 1] if place else None, track[place + 1] if place + 1 < len(track) else None
            )
    return single


def opens_with_transition(timeline: otio.schema.Timeline) -> bool:
    """Whether the film comes out of black, which an EDL has no event for."""
    first = next(iter(timeline.video_tracks()[0]), None)
    return isinstance(first, otio.schema.Transition)


def _as_wipe(line: str, joint: otio.schema.Transition) -> str:
    """The line of a transition, which the adapter always writes as a dissolve."""
    if joint.transition_type != "SMPTE_Wipe":
        return line
    code = str(joint.metadata.get("cmx_3600", {}).get("transition", "W001"))
    return re.sub(r"(\sV\s+)D(\s)", rf"\g<1>{code}\g<2>", line, count=1)


def _begin_at_cut(joint: otio.schema.Transition, before: otio.core.Item | None, after: otio.core.Item | None) -> None:
    """Move a cut to where its transition begins, which shows the same frames."""
    early = joint.in_offset
    if before is not None:
        before.source_range = before.trimmed_range().duration_extended_by(-early)
    if after is not None:
        span = after.trimmed_range()
        drawn = isinstance(getattr(after, "media_reference", None), otio.schema.GeneratorReference)
        begin = span.start_time if drawn or isinstance(after, otio.schema.Gap) else span.start_time - early
        after.source_range = otio.opentime.TimeRange(begin, span.duration + early)
    joint.in_offset, joint.out_offset = early - early, early + joint.out_offset


def _parse(text: str, rate: Fraction) -> otio.schema.Timeline:
    timeline: otio.schema.Timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=float(rate))
    return timeline


def _first_bad_line(text: str, parse: Callable[[str], object]) -> int:
    """The first line with which reading fails: found by halves, as reading goes from top to bottom."""
    lines = text.splitlines(keepends=True)
    good, bad = 0, len(lines)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            parse("".join(lines[:middle]))
            good = middle
        except Exception:
            bad = middle
    return bad
