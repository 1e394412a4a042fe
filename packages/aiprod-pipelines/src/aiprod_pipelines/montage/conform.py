"""A timeline of OpenTimelineIO into an edit: every clip on whole frames of the film, every source found and in range.

Nested stacks and tracks become edits inside the edit. Where a timeline has no sound tracks, clips keep their own sound.
Knows no file format; `timeline` reads those.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

import opentimelineio as otio

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.edit import Blend, Cue, Edit, Layer, Shot, Source, ratio
from aiprod_pipelines.montage.media_bin import Material, MediaBin
from aiprod_pipelines.montage.vocabulary import exact_rate

VIDEO, AUDIO = otio.schema.TrackKind.Video, otio.schema.TrackKind.Audio
_Row: TypeAlias = tuple[str, list[otio.core.Composable]]  # the kind of a track, and what lies on it
OVERHANG = 1  # frames past a file's end that rounding explains


def conform(
    timeline: otio.schema.Timeline, media: MediaBin, *, frame_rate: Fraction | None = None, own_sound: bool = True
) -> Edit:
    """The edit that `timeline` describes, at `frame_rate` or else at its own.

    Between rates of one name, such as 24 and 24000/1001, frames are counted; else times are kept and every cut goes to
    the nearest frame. `own_sound`: whether clips of a timeline without sound tracks are heard.
    Raises `MediaError` naming the clip for media that is missing or shorter than the clip, `InputError` for a timeline
    that cannot be played.
    """
    rate = frame_rate or rate_of(timeline)
    has_tracks = any(track.kind == AUDIO for track in timeline.find_children(descended_from_type=otio.schema.Track))
    conforming = _Conforming(media=media, rate=rate, own_sound=own_sound and not has_tracks)
    top = timeline.tracks
    edit = conforming.edit([(VIDEO, [top])] if top.source_range else _rows(top), timeline.name or "film")
    if not edit.num_frames:
        raise InputError(f"timeline {timeline.name!r}: got nothing to show, expected at least one clip")
    notes = tuple(dict.fromkeys(conforming.notes))
    return dataclasses.replace(edit, notes=notes)


def rate_of(timeline: otio.schema.Timeline) -> Fraction:
    """The frame rate that the timeline's clips are cut at. Raises `InputError` where none says one."""
    for track in [*timeline.video_tracks(), *timeline.audio_tracks()]:
        for item in track:
            if isinstance(item, otio.core.Item) and item.source_range is not None:
                return exact_rate(item.source_range.duration.rate)
    for clip in timeline.find_clips():
        span = clip.source_range or (clip.media_reference.available_range if clip.media_reference else None)
        if span is not None:
            return exact_rate(span.duration.rate)
    if timeline.global_start_time is not None:
        return exact_rate(timeline.global_start_time.rate)
    raise InputError(f"timeline {timeline.name!r}: got no frame rate, expected one; give --frame-rate")


@dataclass(frozen=True, kw_only=True)
class _Place:
    """An item of a track, from `start` for `frames` of the film, both exact."""

    item: otio.core.Item
    start: Fraction
    frames: Fraction

    @property
    def span(self) -> tuple[int, int]:
        return _nearest(self.start), _nearest(self.start + self.frames)


@dataclass(frozen=True, kw_only=True)
class _Join:
    """A transition of a track: its span, and the places on its two sides."""

    given: otio.schema.Transition
    start: int
    end: int
    before: int | None
    after: int | None


@dataclass(frozen=True, kw_only=True)
class _Conforming:
    """One pass over a timeline: what it needs to know, and what it remarks."""

    media: MediaBin
    rate: Fraction
    own_sound: bool
    notes: list[str] = field(default_factory=list)

    def edit(self, rows: list[_Row], name: str) -> Edit:
        """The edit of tracks, the bottom one first."""
        layers: list[Layer] = []
        cues: list[Cue] = []
        end = 0
        for kind, items in rows:
            places, joins = self._walk(items)
            end = max([end, *(place.span[1] for place in places)])
            if kind != AUDIO:
                layers.append(self._layer(places, joins))
            if kind == AUDIO or self.own_sound:
                cues += self._cues(places, joins)
        kept = tuple(dict.fromkeys(cues))  # two channels of one sound often lie on two tracks
        if len(kept) < len(cues):
            self.notes.append("sound that lies the same on several tracks, as channels of one sound do, is heard once")
        return Edit(name=name, frame_rate=self.rate, num_frames=end, layers=tuple(layers), cues=kept)

    def _walk(self, items: list[otio.core.Composable]) -> tuple[list[_Place], list[_Join]]:
        """Where the items of a track stand. Raises `InputError` for transitions that do not fit."""
        places: list[_Place] = []
        waiting: list[tuple[otio.schema.Transition, int | None, int | None, Fraction]] = []
        now = Fraction(0)
        for previous, item, following in zip([None, *items], items, [*items[1:], None], strict=False):
            if not isinstance(item, otio.schema.Transition):
                places.append(_Place(item=item, start=now, frames=self._length(item)))
                now += places[-1].frames
                continue
            # Two transitions in a row are a way out of one clip and a way into the next.
            sides = [isinstance(one, otio.core.Item) for one in (previous, following)]
            number = len(places)
            waiting.append((item, number - 1 if sides[0] else None, number if sides[1] else None, now))
        joins: list[_Join] = []
        for given, before, after, cut in waiting:
            start = _nearest(cut - self._frames(given.in_offset))
            end = _nearest(cut + self._frames(given.out_offset))
            join = _Join(given=given, start=start, end=end, before=before, after=after)
            _check_room(join, places, joins[-1] if joins else None)
            if start < end:
                joins.append(join)
        return places, joins

    def _layer(self, places: list[_Place], joins: list[_Join]) -> Layer:
        shots = [self._shot(place) for place in places]
        blends = []
        for join in joins:
            transition, remark = vocabulary.transition_of(join.given)
            if remark:
                self.notes.append(remark)
            before = None if join.before is None else shots[join.before]
            after = None if join.after is None else shots[join.after]
            if before is not None or after is not None:
                blends.append(Blend(transition=transition, start=join.start, end=join.end, before=before, after=after))
        return Layer(shots=tuple(shot for shot in shots if shot and shot.start < shot.end), blends=tuple(blends))

    def _shot(self, place: _Place) -> Shot | None:
        source = self._source(place.item, VIDEO)
        if source is None:
            return None
        shot = Shot(
            **self._stretch(place, source, source.path if isinstance(source, Material) else source),
            opacity=min(max(_number(place.item, "opacity", 1.0), 0.0), 1.0),
        )
        if isinstance(source, Material):
            self._check_reach(shot, source)
        return shot

    def _cues(self, places: list[_Place], joins: list[_Join]) -> Iterator[Cue]:
        for number, place in enumerate(places):
            source = self._source(place.item, AUDIO)
            if source is None or (isinstance(source, Material) and not source.has_sound):
                continue
            cue = Cue(
                **self._stretch(place, source, source.path if isinstance(source, Material) else source),
                gain_db=_number(place.item, "gain_db", 0.0),
                role=str(_ours(place.item).get("role", "clip")),
            )
            if cue.step and cue.start < cue.end:
                yield _faded(cue, [j for j in joins if j.before == number], [j for j in joins if j.after == number])

    def _source(self, item: otio.core.Item, kind: str) -> Material | Source | None:
        """What an item shows or sounds. Raises `MediaError` for media that is not here."""
        if not item.enabled or isinstance(item, otio.schema.Gap):
            return None
        for effect in item.effects:
            if not isinstance(effect, otio.schema.LinearTimeWarp):
                self.notes.append(f"clip {item.name!r}: effect {effect.effect_name or effect.name!r} is not applied")
        if isinstance(item, otio.core.Composition):
            return self._nested(item, kind)
        reference = item.media_reference
        if isinstance(reference, otio.schema.GeneratorReference):
            if kind == AUDIO:
                return None
            drawn = vocabulary.generated(reference)
            if drawn is None and not vocabulary.is_blank(reference):
                self.notes.append(f"clip {item.name!r}: generator {reference.generator_kind!r} is not drawn")
            return drawn
        material = self._material(item)
        if kind == VIDEO and material.footage is None:
            raise MediaError(
                f"clip {item.name!r}: got {material.path}, a sound, expected a picture; move it to a sound track"
            )
        return material

    def _nested(self, item: otio.core.Composition, kind: str) -> Edit | None:
        """An edit of the tracks of one kind; nothing where there are none."""
        inner = self.edit(_rows(item), item.name or "nested")
        inner = dataclasses.replace(inner, layers=() if kind == AUDIO else inner.layers)
        return inner if inner.layers or inner.cues else None

    def _material(self, clip: otio.schema.Clip) -> Material:
        path = self.media.find(clip)
        if path is None:
            raise MediaError(
                f"clip {clip.name!r}: got no file for {wanted(clip)!r}, expected it where it is said to be, beside the "
                "timeline, or in a --media folder; aiprod montage --check lists all that is missing"
            )
        return self.media.open(path)

    def _stretch(self, place: _Place, source: Material | Source, kept: Source) -> dict[str, Any]:
        """The fields of a `Stretch` for an item: where its source stands, and how fast it goes."""
        item, (start, end) = place.item, place.span
        span = self._range(item)
        rate = exact_rate(span.start_time.rate if span.start_time.value else span.duration.rate)
        speed = _speed(item)
        step = speed * ratio(rate, self.rate)
        at = Fraction(span.start_time.value).limit_denominator(1_000_000)
        if isinstance(source, Material):
            at -= self._first_frame(item, source, rate)
        if speed < 0:  # backwards from the end of what the range holds
            at -= step * place.frames
        at += (start - place.start) * step
        place_on_film = {"name": item.name or "", "source": kept, "start": start, "end": end}
        return place_on_film | {"rate": rate, "at": at, "step": step}

    def _first_frame(self, clip: otio.schema.Clip, source: Material, rate: Fraction) -> Fraction:
        """The number that the timeline gives the file's first frame, at `rate`."""
        available = clip.media_reference.available_range
        if available is not None:
            begin = available.start_time
            return Fraction(begin.value).limit_denominator(1_000_000) * ratio(rate, exact_rate(begin.rate))
        return source.first_frame(rate)

    def _check_reach(self, shot: Shot, source: Material) -> None:
        """Raise `MediaError` where a clip asks for frames that its file does not have. A still has any frame."""
        footage = source.footage
        if footage is None or footage.num_frames == 1 or shot.start >= shot.end:
            return
        numbers = sorted(shot.picture(frame, footage.frame_rate) for frame in (shot.start, shot.end - 1))
        if numbers[0] < -OVERHANG or numbers[1] >= footage.num_frames + OVERHANG:
            raise MediaError(
                f"clip {shot.name!r}: got frames {numbers[0]} to {numbers[1]} of {source.path.name}, which has "
                f"{footage.num_frames}; trim the clip, or correct the file's time code or its available range"
            )

    def _range(self, item: otio.core.Item) -> otio.opentime.TimeRange:
        """What an item uses of its source: as it says, else all that is available, else all there is."""
        if item.source_range is not None:
            return item.source_range
        if isinstance(item, otio.core.Composition):
            return vocabulary.range_at(0, self._natural(item), self.rate)
        reference = item.media_reference
        if reference is not None and reference.available_range is not None:
            return reference.available_range
        material = self._material(item)
        footage = material.footage
        if footage is None:
            raise MediaError(f"clip {item.name!r}: got a sound without a range, expected source_range; trim it")
        rate = footage.frame_rate
        return vocabulary.range_at(material.first_frame(rate), footage.num_frames, rate)

    def _length(self, item: otio.core.Item) -> Fraction:
        frames = self._frames(self._range(item).duration)
        if frames < 0:
            raise InputError(f"clip {item.name!r}: got a duration of {frames} frames, expected 0 or more; correct it")
        return frames

    def _natural(self, whole: otio.core.Composition) -> Fraction:
        """Film frames of a stack or track that nothing trims."""
        lengths = [self._length(item) for item in whole if isinstance(item, otio.core.Item)]
        if isinstance(whole, otio.schema.Track):
            return sum(lengths, start=Fraction(0))
        return max(lengths, default=Fraction(0))

    def _frames(self, time: otio.opentime.RationalTime) -> Fraction:
        return Fraction(time.value).limit_denominator(1_000_000) * ratio(self.rate, exact_rate(time.rate))


def wanted(clip: otio.schema.Clip) -> str:
    """The name under which a clip's file is looked for."""
    return getattr(clip.media_reference, "target_url", None) or clip.name or ""


def _faded(cue: Cue, ends: Any, begins: Any) -> Cue:
    """A cue that runs on under the transitions at its two ends, with equal-power fades over them."""
    start = min([cue.start, *(join.start for join in begins)])
    end = max([cue.end, *(join.end for join in ends)])
    fade_in = max([join.end - join.start for join in begins], default=0)
    fade_out = max([join.end - join.start for join in ends], default=0)
    at = cue.at + (start - cue.start) * cue.step
    return dataclasses.replace(cue, start=start, end=end, at=at, fade_in=fade_in, fade_out=fade_out)


def _check_room(join: _Join, places: list[_Place], earlier: _Join | None) -> None:
    """Raise `InputError` for a transition longer than the clips it joins, or over another."""
    name = join.given.name or join.given.transition_type
    first = 0 if join.before is None else places[join.before].span[0]
    last = join.end if join.after is None else places[join.after].span[1]
    if join.start > join.end or join.start < first or join.end > last:
        raise InputError(
            f"transition {name!r}: got frames {join.start} to {join.end}, expected inside {first} to {last}, the clips "
            "that it joins; shorten it"
        )
    if earlier is not None and join.start < earlier.end:
        raise InputError(f"transition {name!r}: got one over the transition before it, expected none; shorten either")


def _rows(whole: otio.core.Composition) -> list[_Row]:
    """The tracks of a stack, and for a track itself alone; what is no plain track becomes the one item of a track."""
    if isinstance(whole, otio.schema.Track):
        return [(whole.kind, list(whole))]
    rows: list[_Row] = []
    for child in whole:
        if not child.enabled:
            continue
        track = isinstance(child, otio.schema.Track)
        plain = track and child.source_range is None and not child.effects
        rows.append((child.kind if track else VIDEO, list(child) if plain else [child]))
    return rows


def _speed(item: otio.core.Item) -> Fraction:
    """How fast an item plays: the product of its time warps."""
    warps = [effect for effect in item.effects if isinstance(effect, otio.schema.LinearTimeWarp)]
    return math.prod((Fraction(warp.time_scalar).limit_denominator(10_000) for warp in warps), start=Fraction(1))


def _ours(item: otio.core.Item) -> dict[str, Any]:
    return dict(item.metadata.get(vocabulary.OURS, {}))


def _number(item: otio.core.Item, name: str, otherwise: float) -> float:
    """A number among what is ours of an item's metadata. Raises `InputError` for what is none."""
    value = _ours(item).get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"clip {item.name!r}: got {value!r} for {name}, expected a number")
    return float(value)


def _nearest(frames: Fraction) -> int:
    return math.floor(frames + Fraction(1, 2))
