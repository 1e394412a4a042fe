"""OpenTimelineIO into Final Cut Pro's .fcpxml 1.8: the first picture track as the spine, all others as lanes on it.

Times are exact fractions. Titles keep their words, not their looks; what the format has no element for becomes a gap.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import opentimelineio as otio

from aiprod_pipelines.montage.media_bin import path_of
from aiprod_pipelines.montage.vocabulary import TITLE, exact_rate

VIDEO, AUDIO = otio.schema.TrackKind.Video, otio.schema.TrackKind.Audio
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n'
TITLE_UID = ".../Titles.localized/Bumper:Opener.localized/Basic Title.localized/Basic Title.moti"
FORMAT = "r1"


def written(timeline: otio.schema.Timeline, rate: Fraction) -> str:
    """The text of an .fcpxml with `timeline` as its one project, at `rate`."""
    root = Element("fcpxml", version="1.8")
    resources = SubElement(root, "resources")
    SubElement(resources, "format", id=FORMAT, frameDuration=_time(1 / rate))
    event = SubElement(SubElement(root, "library"), "event", name=timeline.name or "AIPROD")
    project = SubElement(event, "project", name=timeline.name or "film")
    start = timeline.global_start_time
    writer = _Writer(resources=resources, rate=rate)
    project.append(writer.sequence(timeline.tracks, Fraction(0) if start is None else writer.seconds(start)))
    ElementTree.indent(root)
    return HEAD + ElementTree.tostring(root, encoding="unicode") + "\n"


@dataclass(frozen=True, kw_only=True)
class _Writer:
    resources: Element
    rate: Fraction
    ids: dict[tuple[str, str], str] = field(default_factory=dict)

    def sequence(self, whole: otio.core.Composition, start: Fraction = Fraction(0)) -> Element:
        tracks = _tracks(whole)
        pictures = [items for kind, items in tracks if kind != AUDIO]
        sounds = [items for kind, items in tracks if kind == AUDIO]
        length = max((self._length(items) for _, items in tracks), default=Fraction(0))
        sequence = Element("sequence", format=FORMAT, duration=_time(length), tcStart=_time(start), tcFormat="NDF")
        spine = SubElement(sequence, "spine")
        enable = "video" if sounds else "all"
        main = list(self._elements(pictures[0] if pictures else [], enable))
        rest = length - (self._length(pictures[0]) if pictures else 0)
        if rest or not main:  # lanes hang on the spine, so it must be as long as they are
            main.append(Element("gap", name="Gap", offset=_time(length - rest), start="0s", duration=_time(rest)))
        spine.extend(main)
        anchor = next(one for one in main if one.tag != "transition")
        lanes = [(number, items, enable) for number, items in enumerate(pictures[1:], 1)]
        lanes += [(-number, items, "audio") for number, items in enumerate(sounds, 1)]
        for lane, items, shown in lanes:
            elements = list(self._elements(items, shown))
            if elements:
                SubElement(anchor, "spine", lane=str(lane), offset=anchor.get("start", "0s")).extend(elements)
        return sequence

    def _elements(self, items: list[otio.core.Composable], enable: str) -> Iterator[Element]:
        now = Fraction(0)
        for item in items:
            if isinstance(item, otio.schema.Transition):
                before, after = self.seconds(item.in_offset), self.seconds(item.out_offset)
                name = item.name or "Cross Dissolve"
                yield Element("transition", name=name, offset=_time(now - before), duration=_time(before + after))
                continue
            element = self._element(item, enable)
            element.set("offset", _time(now))
            yield element
            now += self._length([item])

    def _element(self, item: otio.core.Item, enable: str) -> Element:
        span = item.trimmed_range()
        start, duration = self.seconds(span.start_time), self.seconds(span.duration)
        facts = {"name": item.name or "Gap", "duration": _time(duration)}
        reference = item.media_reference if isinstance(item, otio.schema.Clip) else None
        if isinstance(reference, otio.schema.GeneratorReference):
            if reference.generator_kind != TITLE:
                return Element("gap", facts, start="0s")
            element = Element("title", facts, ref=self._effect(), start=_time(start))
            SubElement(SubElement(element, "text"), "text-style").text = str(reference.parameters.get("text", ""))
        elif isinstance(item, otio.schema.Clip):
            element = Element("asset-clip", facts, ref=self._asset(item, span), start=_time(start), srcEnable=enable)
        elif isinstance(item, otio.core.Composition):
            element = Element("ref-clip", facts, ref=self._compound(item), start=_time(start), srcEnable=enable)
        else:
            return Element("gap", facts, start="0s")
        if not item.enabled:
            element.set("enabled", "0")
        warp = next((effect for effect in item.effects if isinstance(effect, otio.schema.LinearTimeWarp)), None)
        if warp is not None:
            speed = Fraction(warp.time_scalar).limit_denominator(10_000)
            points = SubElement(element, "timeMap")
            SubElement(points, "timept", time=_time(start), value=_time(start), interp="linear")
            SubElement(
                points, "timept", time=_time(start + duration), value=_time(start + duration * speed), interp="linear"
            )
        return element

    def _asset(self, clip: otio.schema.Clip, span: otio.opentime.TimeRange) -> str:
        reference = clip.media_reference
        url = getattr(reference, "target_url", None) or clip.name or "clip"
        known = reference.available_range if reference is not None else None
        held = known or span
        path = path_of(url)
        kept = ("asset", f"{url} {held}")
        if kept not in self.ids:
            self.ids[kept] = self._id()
            SubElement(
                self.resources,
                "asset",
                id=self.ids[kept],
                name=path.stem,
                src=url if "://" in url or not path.is_absolute() else Path(path).as_uri(),
                start=_time(self.seconds(held.start_time)),
                duration=_time(self.seconds(held.duration)),
                hasVideo="1",
                hasAudio="1",
                format=FORMAT,
            )
        return self.ids[kept]

    def _compound(self, item: otio.core.Composition) -> str:
        sequence = self.sequence(item)
        identity = self._id()
        media = SubElement(self.resources, "media", id=identity, name=item.name or "compound")
        media.append(sequence)
        return identity

    def _effect(self) -> str:
        kept = ("effect", TITLE_UID)
        if kept not in self.ids:
            self.ids[kept] = self._id()
            SubElement(self.resources, "effect", id=self.ids[kept], name="Basic Title", uid=TITLE_UID)
        return self.ids[kept]

    def _id(self) -> str:
        return f"r{len(self.resources) + 1}"

    def _length(self, items: list[otio.core.Composable]) -> Fraction:
        lengths = (self.seconds(item.trimmed_range().duration) for item in items if isinstance(item, otio.core.Item))
        return sum(lengths, start=Fraction(0))

    def seconds(self, time: otio.opentime.RationalTime) -> Fraction:
        return Fraction(time.value).limit_denominator(1_000_000) / exact_rate(time.rate)


def _tracks(whole: otio.core.Composition) -> list[tuple[str, list[otio.core.Composable]]]:
    if isinstance(whole, otio.schema.Track):
        return [(whole.kind, list(whole))]
    tracks = []
    for child in whole:
        is_track = isinstance(child, otio.schema.Track)
        tracks.append((child.kind if is_track else VIDEO, list(child) if is_track else [child]))
    return tracks


def _time(seconds: Fraction) -> str:
    return f"{seconds.numerator}s" if seconds.denominator == 1 else f"{seconds.numerator}/{seconds.denominator}s"
