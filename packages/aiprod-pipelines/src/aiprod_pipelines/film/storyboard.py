"""What a film is to be: its look and sound, and its shots.

The scenarist writes it, a person edits it, the build compiles it. Knows no YAML and renders nothing: `storyboard_file`
reads and writes it, `shot_prompt` puts a shot into words. Every field but `shots` may be left out; the names in YAML
have no units.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aiprod_pipelines.film.form import (
    AS_WORD,
    LISTED,
    OR_NONE,
    Decibels,
    Form,
    GivenFile,
    Text,
    exactly_one,
    near,
    problem,
)
from aiprod_pipelines.film.look_form import Look
from aiprod_pipelines.film.names import AmbienceName
from aiprod_pipelines.film.shot import Mood, Shot, Title, Transition

Pacing: TypeAlias = Literal["slow", "calm", "steady", "lively", "fast"]
SHOT_S: Mapping[Pacing, float] = {"slow": 3.4, "calm": 3.0, "steady": 2.8, "lively": 2.5, "fast": 2.0}
Subtitles: TypeAlias = Literal["soft", "burned", "file"]
Profile: TypeAlias = Literal[
    "preview", "web", "hevc10", "av1", "prores422", "prores4444", "dnxhr", "exr", "hdr10", "hlg"
]

# The rates that films are shot at and whose decimals are written short.
NTSC = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}


def _size(words: str) -> str:
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", words, re.ASCII)
    if match is None or not all(16 <= int(side) <= 8192 for side in match.groups()):
        raise PydanticCustomError(
            "size", "got '{got}', expected WIDTHxHEIGHT in pixels from 16 to 8192, e.g. 1280x720", {"got": words}
        )
    return words


def _rate(words: str) -> str:
    # The pattern keeps Fraction from numbers such as 1e999999999, which it would write out.
    written = re.fullmatch(r"\d{1,6}(\.\d{1,6}|/0*[1-9]\d{0,5})?", words, re.ASCII)
    if written is None or not 1 <= _fraction(words) <= 240:
        raise PydanticCustomError(
            "rate", "got '{got}', expected 1 to 240 frames a second, e.g. 25, 23.976 or 30000/1001", {"got": words}
        )
    return words


def _fraction(words: str) -> Fraction:
    return NTSC.get(words) or Fraction(words)


class FilmTitle(Title):
    """The film's name, and how it is shown."""

    show: Literal["over", "card", "none"] = Field(
        default="over",
        description="over the first shot, on a card of its own before it, or none: only in the file's metadata.",
    )


class Music(Form):
    """The music under the film: a file, or composed from a mood and a tempo."""

    short: ClassVar[str] = "mood"
    mood: Mood | None = Field(default=None, description="The mood to compose for.")
    tempo_bpm: Annotated[float, Field(strict=True, ge=40, le=200)] | None = Field(
        default=None, description="Beats a minute; left out: the mood's."
    )
    file: GivenFile | None = Field(default=None, description="Or a sound file, relative to this file.")
    gain_db: Decibels = Field(default=0.0, description="How much louder (or, below 0, softer) than usual, in dB.")
    on_beat: bool = Field(
        default=False, description="Whether cuts move to its nearest beat; in a file, to where something begins."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        return exactly_one(self, "mood", "file")


class Storyboard(Form):
    """A film: its look, its sound, and its shots in order."""

    title: FilmTitle | None = Field(default=None, description="The film's name, shown over its first shot.")
    style: Text | None = Field(default=None, description="A style for every shot, such as: flat illustration.")
    light: Text | None = Field(default=None, description="The light of every shot, such as: golden.")
    characters: dict[Text, Text] = Field(
        default={}, description="Who is in it: a name, and what stands for it in every prompt, such as Mia: a red cat."
    )
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**62)] = Field(
        default=0, description="The same seed gives the same film. Each shot has one of its own, from this and its id."
    )
    size: Annotated[str, AfterValidator(_size)] = Field(default="512x512", description="Width and height in pixels.")
    frame_rate: Annotated[str, AfterValidator(_rate)] = Field(
        default="30", description="Frames a second: a number, or a fraction such as 30000/1001."
    )
    model: Text = Field(default="aiprod-sovereign", description="What renders: a folder of weights, by name or path.")
    quality: Literal["draft", "standard", "fine"] = Field(default="standard", description="draft, standard or fine.")
    look: Look | None = Field(default=None, description="The grade of the whole film.")
    hdr: Literal["none", "pq", "hlg"] = Field(default="none", description="High dynamic range: none, pq or hlg.")
    pacing: Pacing = Field(
        default="steady", description="slow, calm, steady, lively or fast: how long shots are that do not say it."
    )
    music: Annotated[Music | None, OR_NONE] = Field(
        default=None, description="A mood, a file, or none; left out: none."
    )
    ambience: Annotated[tuple[AmbienceName, ...], LISTED] = Field(
        default=(), description="Sounds of the place under the whole film, such as rain; left out: none."
    )
    loudness_lufs: Annotated[float, Field(strict=True, ge=-40, le=-8)] = Field(
        default=-16.0, description="Integrated loudness in LUFS (EBU R 128): -23 for broadcast, -16 or -14 for the web."
    )
    channels: Annotated[Literal["stereo", "5.1"], AS_WORD] = Field(default="stereo", description="stereo or 5.1.")
    subtitles: Annotated[tuple[Subtitles, ...], LISTED] = Field(
        default=("soft",),
        description="Of the dialogue: soft (a track), burned (into the picture), file (.srt, .vtt), or none.",
    )
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = Field(
        default="en", description="Of the dialogue, such as fr."
    )
    delivery: Annotated[tuple[Profile, ...], LISTED] = Field(default=("web",), description="Profiles to deliver in.")
    ending: Transition = Field(default=Transition(kind="cut"), description="How the film ends: cut, or fade to black.")
    credits: Annotated[tuple[Text, ...], LISTED] = Field(default=(), description="Lines that roll at the end.")
    shots: Annotated[tuple[Shot, ...], Field(min_length=1)] = Field(description="The shots, in order.")

    @model_validator(mode="before")
    @classmethod
    def _name_shots(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("shots"), list | tuple):
            return given
        return {**given, "shots": [_named(shot, f"shot{n}") for n, shot in enumerate(given["shots"], 1)]}

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        by_id: dict[str, int] = {}
        for index, shot in enumerate(self.shots):
            if shot.id in by_id:
                raise problem(
                    f"got {shot.id!r} again, expected every id once; rename one",
                    ("shots", index, "id"),
                    also=[("shots", by_id[shot.id], "id")],
                )
            by_id[shot.id] = index
        for index, name, other in self._references():
            if other not in by_id:
                raise problem(f"got {other!r}, no such shot; {near(other, [*by_id])}", ("shots", index, *name))
            if by_id[other] == index:
                raise problem(f"got {other!r}, the shot itself; name another", ("shots", index, *name))
        self._no_cycle(by_id)
        return self

    def _references(self) -> Iterator[tuple[int, tuple[str, ...], str]]:
        for index, shot in enumerate(self.shots):
            if shot.continue_from is not None:
                yield index, ("continue_from",), shot.continue_from
            if shot.look is not None and shot.look.match_shot is not None:
                yield index, ("look", "match_shot"), shot.look.match_shot

    def _no_cycle(self, by_id: dict[str, int]) -> None:
        for index, shot in enumerate(self.shots):
            seen, at = [index], shot.continue_from
            while at is not None and by_id[at] not in seen:
                seen.append(by_id[at])
                at = self.shots[by_id[at]].continue_from
            if at is not None:
                circle = seen[seen.index(by_id[at]) :]
                names = " → ".join(self.shots[i].id for i in [*circle, circle[0]])
                raise problem(
                    f"got a circle, {names}, expected a shot that begins by itself; leave one of them out",
                    ("shots", circle[0], "continue_from"),
                    also=[("shots", i, "continue_from") for i in circle[1:]],
                )

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self.size.split("x")
        return int(width), int(height)

    @property
    def rate(self) -> Fraction:
        """Frames a second, exact."""
        return _fraction(self.frame_rate)

    def seed_of(self, index: int) -> int:
        """The seed of shot `index`, from 0: its own, or one from the film's seed and the shot's id.

        So a shot that is put between others leaves theirs alone.
        """
        shot = self.shots[index]
        return self.seed + zlib.crc32(shot.id.encode()) if shot.seed is None else shot.seed

    def index_of(self, shot_id: str) -> int:
        """Where the shot of that id stands, from 0. Raises `ValueError` where none has it."""
        return [shot.id for shot in self.shots].index(shot_id)


def _named(shot: Any, name: str) -> Any:
    if isinstance(shot, dict):
        return shot if "id" in shot else {"id": name, **shot}
    return {"id": name, "prompt": shot} if isinstance(shot, str) else shot
