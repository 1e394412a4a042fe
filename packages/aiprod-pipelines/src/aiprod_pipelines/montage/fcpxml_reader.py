"""Final Cut Pro's .fcpxml into OpenTimelineIO: storylines, connected clips, compound clips, speeds and transitions.

Written for what OpenTimelineIO's adapter of this format passes over: transitions, and rates of n · 1000/1001, which it
takes for whole numbers. Times are exact fractions. Knows the elements of FCPXML 1.8 to 1.11 that carry a cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from xml.etree.ElementTree import Element

import opentimelineio as otio

from aiprod_pipelines.montage.vocabulary import TITLE, range_at, time_at

VIDEO, AUDIO = otio.schema.TrackKind.Video, otio.schema.TrackKind.Audio
CLIPS = frozenset({"clip", "asset-clip", "ref-clip", "sync-clip", "video", "audio", "title"})
RESOURCES = frozenset({"format", "asset", "media", "effect"})
WHOLE = frozenset({"asset-clip", "ref-clip"})  # picture and sound in one, unless `srcEnable` says otherwise


def parsed(root: Element) -> otio.schema.SerializableCollection:
    """The projects of a file, in its order. Raises `ValueError` for what refers to nothing, `KeyError` likewise."""
    reader = _Reader({one.attrib["id"]: one for one in root.iter() if one.tag in RESOURCES})
    collection = otio.schema.SerializableCollection()
    for project in root.iter("project"):
        sequence = project.find("sequence")
        if sequence is None:
            raise ValueError(f"project {project.get('name')!r} has no sequence")
        timeline = otio.schema.Timeline(name=project.get("name", ""))
        timeline.tracks = reader.stack(sequence, "")
        start = seconds(sequence.get("tcStart"))
        if start:
            rate = reader.rate(sequence)
            timeline.global_start_time = time_at(start * rate, rate)
        collection.append(timeline)
    return collection


def seconds(text: str | None) -> Fraction:
    """A time such as `1001/30000s` or `5s`; 0 where there is none."""
    return Fraction(text.removesuffix("s")) if text else Fraction(0)


@dataclass(frozen=True, kw_only=True)
class _Item:
    """Something on a lane, from `start` in seconds of the sequence."""

    lane: int
    kind: str
    start: Fraction
    duration: Fraction
    item: otio.core.Item | None  # None for empty space
    enters: Fraction | None = None  # where a transition begins, for an item that is one


@dataclass(frozen=True)
class _Reader:
    resources: dict[str, Element]

    def rate(self, sequence: Element) -> Fraction:
        return 1 / seconds(self.resources[sequence.attrib["format"]].attrib["frameDuration"])

    def stack(self, sequence: Element, name: str) -> otio.schema.Stack:
        """A sequence as a stack of tracks: pictures from the lowest lane up, then sound from the highest down."""
        rate = self.rate(sequence)
        spine = sequence.find("spine")
        found = [] if spine is None else list(self._storyline(spine, 0, Fraction(0), rate))
        if any(one.kind == AUDIO for one in found):
            found += [twin for one in list(found) if (twin := self._own_sound(one)) is not None]
        stack = otio.schema.Stack(name=name)
        lanes = sorted({(one.kind == AUDIO, one.lane if one.kind == VIDEO else -one.lane) for one in found})
        for is_sound, order in lanes:
            kind, lane = (AUDIO, -order) if is_sound else (VIDEO, order)
            items = sorted((one for one in found if (one.kind, one.lane) == (kind, lane)), key=lambda one: one.start)
            stack.append(_track(str(lane), kind, items, rate))
        return stack

    def _storyline(self, spine: Element, lane: int, start: Fraction, rate: Fraction) -> Iterator[_Item]:
        """What lies in a spine and what is connected to it; `start`: of the spine, on the sequence."""
        now = first = None
        for element in spine:
            duration = seconds(element.get("duration"))
            if element.tag == "transition":
                joint = otio.schema.Transition(
                    name=element.get("name", ""), transition_type=otio.schema.TransitionTypes.SMPTE_Dissolve
                )
                begin = start + seconds(element.get("offset")) - (first or 0)
                yield _Item(lane=lane, kind=VIDEO, start=begin, duration=duration, item=joint, enters=begin)
            elif element.tag in CLIPS or element.tag == "gap":
                offset = seconds(element.get("offset")) if element.get("offset") else now or Fraction(0)
                first = (offset if lane else Fraction(0)) if first is None else first
                yield from self._placed(element, lane, start + offset - first, rate)
                now = offset + duration

    def _placed(self, element: Element, lane: int, start: Fraction, rate: Fraction) -> Iterator[_Item]:
        """An element, and whatever is connected to it in lanes of its own."""
        made = None if element.tag == "gap" else self._item(element, rate)
        yield _Item(
            lane=lane,
            kind=AUDIO if made is not None and self._is_sound(element) else VIDEO,
            start=start,
            duration=seconds(element.get("duration")),
            item=made,
        )
        local = seconds(element.get("start"))
        for child in element:
            if child.get("lane") is None or (element.tag == "gap" and child.tag == "audio"):
                continue
            begin = start + seconds(child.get("offset")) - local
            if child.tag == "spine":
                yield from self._storyline(child, int(child.attrib["lane"]), begin, rate)
            elif child.tag in CLIPS:
                yield from self._placed(child, int(child.attrib["lane"]), begin, rate)

    def _item(self, element: Element, rate: Fraction) -> otio.core.Item:
        start, speed = self._start(element)
        span = range_at(_frames(start, rate), _frames(seconds(element.get("duration")), rate), rate)
        name = element.get("name", "")
        if element.tag == "ref-clip":
            media = self.resources[element.attrib["ref"]]
            sequence = media.find("sequence")
            if sequence is None:
                raise ValueError(f"compound clip {name!r} has no sequence")
            item: otio.core.Item = self.stack(sequence, name)
            item.source_range = span
        else:
            item = otio.schema.Clip(name=name, source_range=span, media_reference=self._reference(element, rate))
        if speed != 1:
            item.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(speed)))
        item.enabled = element.get("enabled", "1") != "0"
        item.metadata["fcpx_xml"] = {"tag": element.tag, "srcEnable": element.get("srcEnable", "all")}
        return item

    def _start(self, element: Element) -> tuple[Fraction, Fraction]:
        """Where an element's source stands as it begins, and its speed; a clip's own time may be mapped."""
        asset = self._asset(element)
        start = seconds(element.get("start") or (asset.get("start") if asset is not None else None))
        points = element.findall("timeMap/timept")
        if len(points) < 2:
            return start, Fraction(1)
        (time, value), (later, last) = ((seconds(p.get("time")), seconds(p.get("value"))) for p in points[:2])
        speed = (last - value) / (later - time) if later != time else Fraction(1)
        return value + (start - time) * speed, speed

    def _reference(self, element: Element, rate: Fraction) -> otio.core.MediaReference:
        if element.tag == "title":
            words = "".join(text for style in element.iter("text-style") for text in style.itertext())
            parameters = {"text": words or element.get("name", "")}
            return otio.schema.GeneratorReference(generator_kind=TITLE, parameters=parameters)
        asset = self._asset(element)
        if asset is None:
            return otio.schema.MissingReference()
        media = asset.find("media-rep")
        return otio.schema.ExternalReference(
            target_url=asset.get("src") or (media.get("src", "") if media is not None else ""),
            available_range=range_at(
                _frames(seconds(asset.get("start")), rate), _frames(seconds(asset.get("duration")), rate), rate
            ),
        )

    def _asset(self, element: Element) -> Element | None:
        """The file behind a clip: its own, or that of the picture or sound inside."""
        inside = next((one for one in element.iter() if one.tag in ("video", "audio") and one.get("ref")), None)
        ref = element.get("ref") or (inside.get("ref") if inside is not None else None)
        found = self.resources.get(ref or "")
        return found if found is not None and found.tag == "asset" else None

    def _is_sound(self, element: Element) -> bool:
        if element.tag == "audio" or element.get("srcEnable") == "audio":
            return True
        if element.tag in ("clip", "sync-clip"):
            own = [one for one in element if one.get("lane") is None]
            inside = [one for part in own for one in part.iter() if one.tag in ("video", "audio", "asset-clip")]
            return bool(inside) and all(one.tag == "audio" for one in inside)
        asset = self._asset(element)
        return asset is not None and asset.get("hasAudio") == "1" and asset.get("hasVideo") != "1"

    def _own_sound(self, one: _Item) -> _Item | None:
        """The sound that a whole clip brings along, where other sound lies on lanes of its own."""
        if one.item is None or one.kind == AUDIO:
            return None
        facts = one.item.metadata.get("fcpx_xml", {})
        if facts.get("tag") not in WHOLE or facts.get("srcEnable") != "all":
            return None
        return _Item(lane=one.lane, kind=AUDIO, start=one.start, duration=one.duration, item=one.item.deepcopy())


def _track(name: str, kind: str, found: list[_Item], rate: Fraction) -> otio.schema.Track:
    """A track of what lies on one lane; empty space between becomes gaps, transitions go to the nearest cut."""
    track = otio.schema.Track(name=name, kind=kind)
    now = 0
    cuts = {0: 0}  # frame → place on the track
    for one in found:
        if one.item is None or one.enters is not None:
            continue
        start, length = _frames(one.start, rate), _frames(one.duration, rate)
        if start > now:
            track.append(otio.schema.Gap(source_range=range_at(0, start - now, rate)))
            cuts[start] = len(track)
        track.append(one.item)
        now = max(now, start) + length
        cuts[now] = len(track)
    joins = []
    for one in found:
        if one.enters is not None and one.item is not None:
            begin, end = _frames(one.start, rate), _frames(one.start + one.duration, rate)
            cut = min(cuts, key=lambda frame: abs(frame - (begin + end) / 2))
            one.item.in_offset, one.item.out_offset = time_at(cut - begin, rate), time_at(end - cut, rate)
            joins.append((cuts[cut], one.item))
    for place, joint in sorted(joins, key=lambda pair: pair[0], reverse=True):
        track.insert(place, joint)
    return track


def _frames(time: Fraction, rate: Fraction) -> int:
    return round(time * rate)
