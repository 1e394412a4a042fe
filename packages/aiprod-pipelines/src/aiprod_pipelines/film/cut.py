"""The cut of a film as timelines of OpenTimelineIO: one of its pictures, one of its sounds.

Media is named by role: `shot walk`, `line walk 1`, `music`; `with_media` puts files in the place of names. So a
timeline is the same wherever its media lies, and what is changed in the sound leaves the picture's as it is.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import opentimelineio as otio

from aiprod_pipelines.film import shot as boards
from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_pipelines.film.timing import Part, Timing
from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.titles import Style, Title
from aiprod_pipelines.montage.transitions import BLACK, Direction, Kind, Transition
from aiprod_pipelines.sound.mix import Role
from aiprod_pipelines.subtitles import Cue

WHITE = (255, 255, 255)
Thing = TypeVar("Thing")
TITLE_S = 2.5
TITLE_FADE_S = 0.4
STANDING_LINES, STANDING_SIZE = 4, 0.4
STYLES: Mapping[str, Style] = {"center": Style.CARD, "lower-third": Style.LOWER_THIRD, "bottom": Style.CAPTION}


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A sound that lies at film frames `[start, start + length)`. `fade_in`, `fade_out`: frames."""

    role: Role
    media: str
    start: int
    length: int
    gain_db: float = 0.0
    fade_in: int = 0
    fade_out: int = 0


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of the film by itself: a timeline of what is seen in it and of nothing else.

    Its frames are those of the timeline from `skipped` on, `num_frames` of them. `media`: names of what it shows.
    """

    timeline: otio.schema.Timeline
    skipped: int
    num_frames: int

    @property
    def media(self) -> frozenset[str]:
        references = (clip.media_reference for clip in self.timeline.find_clips())
        return frozenset(one.target_url for one in references if isinstance(one, otio.schema.ExternalReference))


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The pictures of a film, ready to be cut.

    `burned`: cues that are drawn over them. `begins`: the id of a shot → the second of its clip where its media begins.
    """

    storyboard: Storyboard
    timing: Timing
    burned: Sequence[Cue]
    begins: Mapping[str, float]

    def whole(self) -> Segment:
        """The whole film in one."""
        return self._segment(self.timing.parts, 0, self.timing.num_frames)

    def segment(self, part: Part) -> Segment:
        """One part; of its neighbours only what transitions show of them."""
        parts, place = self.timing.parts, self.timing.parts.index(part)
        following = parts[place + 1] if place + 1 < len(parts) else None
        shown = [part]
        if place and part.into is not None:
            shown.insert(0, _end_of(parts[place - 1], part.into_frames // 2))
        if following is not None and following.into is not None:
            shown.append(_beginning_of(following, following.into_frames - following.into_frames // 2))
        return self._segment(shown, part.start, part.start + part.length)

    def _segment(self, shown: Sequence[Part], first: int, last: int) -> Segment:
        timing = self.timing
        words = {
            "titles": [span for span in _titles(self.storyboard, timing) if span[0] < last and span[1] > first],
            "subtitles": [span for span in self._captions() if span[0] < last and span[1] > first],
        }
        base = min([shown[0].start, *(span[0] for spans in words.values() for span in spans)])
        timeline = _timeline(timing)
        track = otio.schema.Track("pictures", kind=otio.schema.TrackKind.Video)
        _gap(track, shown[0].start - base, timing.rate)
        for number, part in enumerate(shown):
            _join(track, part, timing.rate, opening=number == 0)
            track.append(_picture(part, self.storyboard, timing.rate, self.begins))
        if last == timing.num_frames:
            _end(track, timing)
        timeline.tracks.append(track)
        for name, spans in words.items():
            moved = [(start - base, end - base, title) for start, end, title in spans]
            for number, row in enumerate(_rows(moved)):
                timeline.tracks.append(_words_track(f"{name} {number + 1}", row, timing.rate))
        return Segment(timeline=timeline, skipped=first - base, num_frames=last - first)

    def _captions(self) -> list[tuple[int, int, Title]]:
        return [
            (timing_frame(cue.start_s, self.timing), timing_frame(cue.end_s, self.timing), _caption(cue))
            for cue in self.burned
        ]


def sounds(timing: Timing, heard: Sequence[Heard]) -> otio.schema.Timeline:
    """The tracks of sound: that of the shots, cross-faded as their pictures are, and all else that is heard."""
    timeline = _timeline(timing)
    own = otio.schema.Track("shots", kind=otio.schema.TrackKind.Audio)
    for number, part in enumerate(timing.parts):
        _join(own, part, timing.rate, opening=number == 0)
        own.append(_own_sound(part, timing.rate))
    _end(own, timing)
    timeline.tracks.append(own)
    for role in Role:
        spans = [(one.start, one.start + one.length, one) for one in heard if one.role is role]
        for number, row in enumerate(_rows(spans)):
            timeline.tracks.append(_sound_track(f"{role} {number + 1}", row, timing.rate))
    return timeline


def whole(name: str, picture: otio.schema.Timeline, sound: otio.schema.Timeline) -> otio.schema.Timeline:
    """Both in one, called `name`, to edit elsewhere."""
    both = picture.deepcopy()
    both.name = name
    both.tracks.extend([track.deepcopy() for track in sound.tracks])
    return both


def plain(timeline: otio.schema.Timeline) -> Any:
    """The plain JSON of a timeline, for the key of a step."""
    return json.loads(timeline.to_json_string())


def with_media(written: Any, files: Mapping[str, Path]) -> otio.schema.Timeline:
    """The timeline that `written`, its plain JSON, describes, with files in the place of the names of its media."""
    timeline = otio.adapters.read_from_string(json.dumps(written), "otio_json")
    for clip in timeline.find_clips():
        if isinstance(clip.media_reference, otio.schema.ExternalReference):
            clip.media_reference.target_url = str(files[clip.media_reference.target_url])
    return timeline


def timing_frame(time_s: float, timing: Timing) -> int:
    """The film frame nearest to `time_s`."""
    return round(Fraction(time_s).limit_denominator(1_000_000) * timing.rate)


def _timeline(timing: Timing) -> otio.schema.Timeline:
    timeline = otio.schema.Timeline("film")
    timeline.global_start_time = vocabulary.time_at(0, timing.rate)
    return timeline


def _end_of(part: Part, frames: int) -> Part:
    """The last frames of a part, without what leads into it. A card is kept whole, for its words come and go in it."""
    if part.shot is None:
        return dataclasses.replace(part, into=None, into_frames=0)
    skipped = part.length - frames
    return dataclasses.replace(
        part, start=part.start + skipped, length=frames, head=part.head + skipped, into=None, into_frames=0
    )


def _beginning_of(part: Part, frames: int) -> Part:
    """The first frames of a part; a card is kept whole."""
    return part if part.shot is None else dataclasses.replace(part, length=frames)


def _gap(track: otio.schema.Track, frames: int, rate: Fraction) -> None:
    if frames:
        track.append(otio.schema.Gap(source_range=vocabulary.range_at(0, frames, rate)))


def _join(track: otio.schema.Track, part: Part, rate: Fraction, *, opening: bool) -> None:
    """The transition into a part, over the cut before it; the part that opens the film has nothing to overlap."""
    if part.into is None:
        return
    before = 0 if opening else part.into_frames // 2
    kind = Kind.FADE if opening and part.into.kind in ("fade", "dissolve") else _kind(part.into)
    transition = Transition(
        kind=kind,
        direction=Direction(part.into.direction),
        colour=WHITE if part.into.kind == "dip" else BLACK,
    )
    track.append(vocabulary.to_transition(transition, before, part.into_frames - before, rate))


def _kind(transition: boards.Transition) -> Kind:
    """Between two pictures, a fade goes through black: a dip, in the words of the cutting room."""
    return Kind.DIP if transition.kind == "fade" else Kind(transition.kind)


def _end(track: otio.schema.Track, timing: Timing) -> None:
    if timing.ending_frames:
        track.append(vocabulary.to_transition(Transition(kind=Kind.FADE), timing.ending_frames, 0, timing.rate))


def _picture(part: Part, storyboard: Storyboard, rate: Fraction, begins: Mapping[str, float]) -> otio.schema.Clip:
    if part.shot is not None:
        return _clip(f"shot {part.name}", part, rate, begins[part.shot.id])
    if part.name == "credits":
        return vocabulary.to_title(_credits(storyboard.credits), part.length, rate)
    assert storyboard.title is not None
    title = Title(text=storyboard.title.text, fade_in_s=TITLE_FADE_S, fade_out_s=TITLE_FADE_S)
    return vocabulary.to_title(title, part.length, rate)


def _credits(lines: Sequence[str]) -> Title:
    """Many lines roll; a few stand."""
    if len(lines) > STANDING_LINES:
        return Title(text="\n".join(lines), style=Style.CREDITS)
    return Title(text="\n".join(lines), size=STANDING_SIZE, fade_in_s=TITLE_FADE_S, fade_out_s=TITLE_FADE_S)


def _own_sound(part: Part, rate: Fraction) -> otio.schema.Clip | otio.schema.Gap:
    if part.shot is None or part.shot.sound.use == "mute":
        return otio.schema.Gap(source_range=vocabulary.range_at(0, part.length, rate))
    clip = _clip(f"shot {part.name}", part, rate, 0.0)
    clip.metadata[vocabulary.OURS] = {"role": str(Role.CLIP), "gain_db": part.shot.sound.gain_db}
    return clip


def _clip(media: str, part: Part, rate: Fraction, begins_s: float) -> otio.schema.Clip:
    """A shot on a track. Its media begins with the frames that only the transition into it shows."""
    assert part.shot is not None
    speed = Fraction(part.shot.speed).limit_denominator(10_000)
    begin = Fraction((part.shot.start_s or 0.0) - begins_s).limit_denominator(1_000_000) * rate + part.head * speed
    clip = otio.schema.Clip(
        name=part.name,
        media_reference=otio.schema.ExternalReference(target_url=media),
        source_range=vocabulary.range_at(begin, part.length, rate),
    )
    if speed != 1:
        clip.effects.append(otio.schema.LinearTimeWarp(name="speed", time_scalar=float(speed)))
    return clip


def _titles(storyboard: Storyboard, timing: Timing) -> list[tuple[int, int, Title]]:
    """Every title that lies over shots: first frame, last frame (left out itself), and what it says."""
    found = []
    wanted = [(shot.title, timing.part(shot)) for shot in storyboard.shots if shot.title is not None]
    if storyboard.title is not None and storyboard.title.show == "over":
        wanted.append((storyboard.title, timing.part(storyboard.shots[0])))
    for title, part in wanted:
        start = min(part.start + timing_frame(title.start_s, timing), part.start + part.length - 1)
        if title.duration_s is not None:
            end = start + timing.frames(title.duration_s)
        elif title is storyboard.title:
            end = start + timing.frames(TITLE_S)
        else:
            end = part.start + part.length
        end = min(end, timing.num_frames)
        fade_s = min(TITLE_FADE_S, float((end - start) / timing.rate) / 3)
        drawn = Title(text=title.text, style=STYLES[title.position], fade_in_s=fade_s, fade_out_s=fade_s)
        found.append((start, end, drawn))
    return found


def _caption(cue: Cue) -> Title:
    return Title(text=cue.text, style=Style.CAPTION)


def _rows(spans: Sequence[tuple[int, int, Thing]]) -> list[list[tuple[int, int, Thing]]]:
    """Spans on as few tracks as hold them without overlapping."""
    rows: list[list[tuple[int, int, Thing]]] = []
    for span in sorted(spans, key=lambda span: span[:2]):
        row = next((row for row in rows if row[-1][1] <= span[0]), None)
        if row is None:
            rows.append([span])
        else:
            row.append(span)
    return rows


def _words_track(name: str, row: Sequence[tuple[int, int, Title]], rate: Fraction) -> otio.schema.Track:
    track, now = otio.schema.Track(name, kind=otio.schema.TrackKind.Video), 0
    for start, end, title in row:
        _gap(track, start - now, rate)
        track.append(vocabulary.to_title(title, end - start, rate))
        now = end
    return track


def _sound_track(name: str, row: Sequence[tuple[int, int, Heard]], rate: Fraction) -> otio.schema.Track:
    track, now = otio.schema.Track(name, kind=otio.schema.TrackKind.Audio), 0
    for start, end, one in row:
        _gap(track, start - now, rate)
        if one.fade_in:
            track.append(vocabulary.to_transition(Transition(kind=Kind.FADE), 0, one.fade_in, rate))
        clip = otio.schema.Clip(
            name=one.media,
            media_reference=otio.schema.ExternalReference(target_url=one.media),
            source_range=vocabulary.range_at(0, one.length, rate),
        )
        clip.metadata[vocabulary.OURS] = {"role": str(one.role), "gain_db": one.gain_db}
        track.append(clip)
        if one.fade_out:
            track.append(vocabulary.to_transition(Transition(kind=Kind.FADE), one.fade_out, 0, rate))
        now = end
    return track
