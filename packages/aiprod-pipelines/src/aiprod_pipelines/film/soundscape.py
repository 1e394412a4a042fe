"""What a film sounds like: its lines, effects, ambience and music on a timeline, the steps that make them, its cues.

Knows when things happen from `timing`; the step `soundtrack` mixes what is listed here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import opentimelineio as otio

from aiprod_pipelines.film import cut
from aiprod_pipelines.film.cut import Heard
from aiprod_pipelines.film.plan import Plan
from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_pipelines.film.timing import Timing
from aiprod_pipelines.sound.file import duration_s as recorded_s
from aiprod_pipelines.sound.mix import Role
from aiprod_pipelines.subtitles import Cue, Line, cues_of

Media: TypeAlias = str | Path
CHANNELS = {"stereo": 2, "5.1": 6}
MUSIC_GAIN_DB = -4.0  # of music at -20 LUFS, to lie under a clip's own sound
AMBIENCE_GAIN_DB = -2.0  # of beds at -30 LUFS
BED_FADE_S = 0.8
EFFECT_S = 12.0  # longer than any of the library


@dataclass(frozen=True, kw_only=True)
class Soundscape:
    """The sound of a film. `task`: what mixes it. `media`: role → the task that makes it, or its file."""

    task: str
    timeline: otio.schema.Timeline
    media: Mapping[str, Media]
    cues: Sequence[Cue]

    @classmethod
    def of(cls, storyboard: Storyboard, timing: Timing, plan: Plan, clips: Mapping[str, Media]) -> "Soundscape":
        """Add the steps that make the film's sound to `plan`. `clips`: the shots that are heard, by role."""
        listing = _Listing(storyboard, timing, plan)
        heard = [*listing.lines(), *listing.effects(), *listing.beds()]
        media = dict(clips) | listing.media
        timeline = cut.sounds(timing, heard)
        width, height = storyboard.size_px
        params = {
            "timeline": cut.plain(timeline),
            "num_frames": timing.num_frames,
            "frame_rate": str(timing.rate),
            "size_px": [width, height],
            "channels": CHANNELS[storyboard.channels],
            "loudness_lufs": storyboard.loudness_lufs,
        }
        task = plan.add(
            "soundtrack",
            "film / sound",
            suffix=".wav",
            params=params,
            made={role: what for role, what in media.items() if isinstance(what, str)},
            given={role: what for role, what in media.items() if isinstance(what, Path)},
        )
        return cls(task=task, timeline=timeline, media=media, cues=_cues(storyboard, timing))


class _Listing:
    """What is heard besides the shots' own sound, and where it comes from."""

    def __init__(self, storyboard: Storyboard, timing: Timing, plan: Plan) -> None:
        self._board, self._timing, self._plan = storyboard, timing, plan
        self.media: dict[str, Media] = {}

    def lines(self) -> list[Heard]:
        """The lines of dialogue that are recorded."""
        found = []
        for spoken in self._timing.dialogue:
            file = spoken.shot.dialogue[spoken.number].file
            if file is not None:
                role = f"line {spoken.shot.id} {spoken.number + 1}"
                self.media[role] = file
                found.append(self._heard(Role.DIALOGUE, role, spoken.start_s, spoken.duration_s))
        return found

    def effects(self) -> list[Heard]:
        """Every effect of every shot."""
        found = []
        for shot in self._board.shots:
            start_s = float(self._timing.part(shot).start / self._timing.rate)
            for number, effect in enumerate(shot.effects):
                role = f"effect {shot.id} {number + 1}"
                if effect.file is not None:
                    self.media[role], duration_s = effect.file, recorded_s(effect.file)
                else:
                    facts = {"what": "effect", "name": effect.name, "seed": self._board.seed + number}
                    self.media[role], duration_s = self._synthesised(f"{shot.id} / {effect.name}", facts), EFFECT_S
                found.append(self._heard(Role.EFFECT, role, start_s + effect.at_s, duration_s, effect.gain_db))
        return found

    def beds(self) -> list[Heard]:
        """Ambience and music, from the film's beginning to its end."""
        found = []
        duration_s = float(self._timing.num_frames / self._timing.rate)
        for name in self._board.ambience:
            facts = {"what": "ambience", "name": name, "seed": self._board.seed, "duration_s": duration_s}
            self.media[f"ambience {name}"] = self._synthesised(f"film / ambience {name}", facts)
            found.append(self._bed(Role.AMBIENCE, f"ambience {name}", AMBIENCE_GAIN_DB, duration_s))
        music = self._board.music
        if music is not None:
            heard_s = duration_s
            if music.file is not None:
                self.media["music"], heard_s = music.file, min(duration_s, recorded_s(music.file))
            else:
                facts = {"what": "music", "name": music.mood, "tempo_bpm": music.tempo_bpm, "seed": self._board.seed}
                self.media["music"] = self._synthesised("film / music", facts | {"duration_s": duration_s})
            found.append(self._bed(Role.MUSIC, "music", MUSIC_GAIN_DB + music.gain_db, heard_s))
        return found

    def _synthesised(self, name: str, facts: Mapping[str, Any]) -> str:
        if name not in self._plan.tasks:
            self._plan.add("synthesised", name, suffix=".wav", params=facts)
        return name

    def _heard(self, role: Role, media: str, start_s: float, duration_s: float, gain_db: float = 0.0) -> Heard:
        start = cut.timing_frame(start_s, self._timing)
        length = min(self._timing.frames(duration_s), self._timing.num_frames - start)
        return Heard(role=role, media=media, start=start, length=length, gain_db=gain_db)

    def _bed(self, role: Role, media: str, gain_db: float, duration_s: float) -> Heard:
        length = min(self._timing.frames(duration_s), self._timing.num_frames)
        fade = min(self._timing.frames(BED_FADE_S), length // 2)
        return Heard(role=role, media=media, start=0, length=length, gain_db=gain_db, fade_in=fade, fade_out=fade)


def _cues(storyboard: Storyboard, timing: Timing) -> Sequence[Cue]:
    """The subtitles of what is said, recorded or not."""
    lines = [
        Line(
            text=spoken.shot.dialogue[spoken.number].line,
            start_s=spoken.start_s,
            duration_s=spoken.duration_s,
            speaker=spoken.shot.dialogue[spoken.number].who or "",
        )
        for spoken in timing.dialogue
    ]
    return cues_of(lines, timing.rate, storyboard.language) if lines else ()
