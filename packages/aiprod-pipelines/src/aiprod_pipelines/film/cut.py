"""The cut of a film as timelines of OpenTimelineIO: one of its pictures, one of its sounds.

Media is named by role: `shot walk`, `line walk 1`, `music`; `with_media` puts files in the place of names. So a
timeline is the same wherever its media lies, and what is changed in the sound leaves the picture's as it is.
"""

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
STANDING_LINES, STANDING_SIZE = 4, 0.5
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


def pictures(
    storyboard: Storyboard, timing: Timing, burned: Sequence[Cue], begins: Mapping[str, float]
) -> otio.schema.Timeline:
    """The tracks of pictures: the parts with their transitions, and over them titles and burned-in subtitles.

    `begins`: the id of a shot → the second of its clip that its media begins at.
    """
    timeline = _timeline(timing)
    track = otio.schema.Track("pictures", kind=otio.schema.TrackKind.Video)
    for part in timing.parts:
        _join(track, part, timing.rate)
        track.append(_picture(part, storyboard, timing, begins))
    _end(track, timing)
    timeline.tracks.append(track)
    over = _titles(storyboard, timing)
    captions = [(timing_frame(cue.start_s, timing), timing_frame(cue.end_s, timing), _caption(cue)) for cue in burned]
    for name, words in (("titles", over), ("subtitles", captions)):
        for number, row in enumerate(_rows(words)):
            timeline.tracks.append(_words_track(f"{name} {number + 1}", row, timing.rate))
    return timeline


def sounds(timing: Timing, heard: Sequence[Heard]) -> otio.schema.Timeline:
    """The tracks of sound: that of the shots, cross-faded as their pictures are, and all else that is heard."""
    timeline = _timeline(timing)
    own = otio.schema.Track("shots", kind=otio.schema.TrackKind.Audio)
    for part in timing.parts:
        _join(own, part, timing.rate)
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


def _join(track: otio.schema.Track, part: Part, rate: Fraction) -> None:
    """The transition into a part, over the cut before it; the first part has nothing before it to overlap."""
    if part.into is None:
        return
    before = part.into_frames // 2 if part.start else 0
    kind = Kind.FADE if part.into.kind in ("fade", "dissolve") and not part.start else _kind(part.into)
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


def _picture(part: Part, storyboard: Storyboard, timing: Timing, begins: Mapping[str, float]) -> otio.schema.Clip:
    if part.shot is not None:
        return _clip(f"shot {part.name}", part, timing.rate, begins[part.shot.id])
    if part.name == "credits":
        title = _credits(storyboard.credits)
    else:
        assert storyboard.title is not None
        title = Title(text=storyboard.title.text, fade_in_s=TITLE_FADE_S, fade_out_s=TITLE_FADE_S)
    return vocabulary.to_title(title, part.length, timing.rate)


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
        if start > now:
            track.append(otio.schema.Gap(source_range=vocabulary.range_at(0, start - now, rate)))
        track.append(vocabulary.to_title(title, end - start, rate))
        now = end
    return track


def _sound_track(name: str, row: Sequence[tuple[int, int, Heard]], rate: Fraction) -> otio.schema.Track:
    track, now = otio.schema.Track(name, kind=otio.schema.TrackKind.Audio), 0
    for start, end, one in row:
        if start > now:
            track.append(otio.schema.Gap(source_range=vocabulary.range_at(0, start - now, rate)))
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
