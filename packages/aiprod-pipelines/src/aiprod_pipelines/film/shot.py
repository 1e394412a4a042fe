"""One shot of a storyboard: what is seen, how long, how it is entered, what is said and heard in it.

Knows nothing of the other shots. Times are seconds from the start of the shot.
"""

from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aiprod_core.camera import STATIC, STEERED, TAGS, CameraMove, said_in
from aiprod_pipelines.film.form import (
    LISTED,
    Decibels,
    Form,
    GivenFile,
    Length,
    Seconds,
    Text,
    exactly_one,
    near,
    problem,
)
from aiprod_pipelines.film.look_form import Look
from aiprod_pipelines.film.names import EffectName

Mood: TypeAlias = Literal["calm", "happy", "sad", "tense", "epic", "mysterious", "playful", "neutral"]
Position: TypeAlias = Literal["center", "bottom", "lower-third"]

SCENE_FIELDS = ("subject", "action", "direction", "setting", "time", "weather")


def _camera(words: str) -> str:
    name, colon, strength = words.partition(":")
    if name not in TAGS:
        raise PydanticCustomError("camera", "got '{got}'; {hint}", {"got": words, "hint": near(name, [*TAGS])})
    if not colon:
        return words
    try:
        in_range = 0 <= float(strength) <= 1
    except ValueError:
        in_range = False
    if name not in STEERED or not in_range:
        raise PydanticCustomError(
            "camera",
            "got '{got}', expected a strength from 0 to 1 after one of {steered}",
            {"got": words, "steered": ", ".join(STEERED)},
        )
    return words


class Image(Form):
    """A picture pinned into a shot."""

    short: ClassVar[str] = "path"
    path: GivenFile = Field(description="The picture, PNG or JPEG, relative to this file.")
    frame: Annotated[int, Field(strict=True, ge=0)] = Field(
        default=0, description="The frame of the shot that it stands at."
    )
    strength: Annotated[float, Field(strict=True, ge=0, le=1)] = Field(
        default=1.0, description="1 keeps it exactly, 0 ignores it."
    )


class Transition(Form):
    """How a shot takes over from the one before."""

    short: ClassVar[str] = "kind"
    kind: Literal["cut", "dissolve", "fade", "dip", "wipe", "slide", "push"] = Field(
        description="cut, dissolve, fade (through black), dip (through white), wipe, slide or push."
    )
    duration_s: Length = Field(default=0.5, description="Its length in seconds; a cut has none.")
    direction: Literal["left", "right", "up", "down"] = Field(
        default="right", description="Where a wipe, a slide or a push goes."
    )


class Title(Form):
    """Words over a shot."""

    short: ClassVar[str] = "text"
    text: Text = Field(description="What it says.")
    position: Position = Field(default="center", description="Where it stands: center, bottom or lower-third.")
    start_s: Seconds = Field(default=0.0, description="When it appears, in seconds from the start of the shot.")
    duration_s: Length | None = Field(
        default=None, description="How long it stays, in seconds; left out: to the shot's end."
    )


class Line(Form):
    """One line of dialogue."""

    short: ClassVar[str] = "line"
    who: Text | None = Field(default=None, description="Who speaks; left out: the narrator.")
    line: Text = Field(description="What is said.")
    start_s: Seconds | None = Field(
        default=None, description="When, in seconds from the start of the shot; left out: after the line before."
    )
    file: GivenFile | None = Field(default=None, description="A recording of it, relative to this file.")


class Effect(Form):
    """A sound at a moment of a shot."""

    short: ClassVar[str] = "name"
    name: EffectName | None = Field(default=None, description="A sound of the effects library, such as thunder.")
    file: GivenFile | None = Field(default=None, description="Or a sound file, relative to this file.")
    at_s: Seconds = Field(default=0.0, description="When it begins, in seconds from the start of the shot.")
    gain_db: Decibels = Field(default=0.0, description="How much louder (or, below 0, softer) than it is, in dB.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        return exactly_one(self, "name", "file")


class OwnSound(Form):
    """What becomes of the sound that a shot's picture comes with."""

    short: ClassVar[str] = "use"
    use: Literal["keep", "mute"] = Field(default="keep", description="keep or mute.")
    gain_db: Decibels = Field(default=0.0, description="How much louder (or, below 0, softer) than it is, in dB.")


class Shot(Form):
    """One shot: words for a model, or a film of one's own; a bare sentence is its prompt."""

    short: ClassVar[str] = "prompt"
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)] = Field(
        default="", description="Its name, of letters, digits, _ and -; left out: shot1, shot2, …"
    )
    prompt: Text | None = Field(default=None, description="What is seen, in a sentence; or say it in the fields below.")
    subject: Text | None = Field(default=None, description="Who or what, such as: a red cat.")
    action: Text | None = Field(default=None, description="What it does, such as: walking.")
    direction: Text | None = Field(default=None, description="Where to, such as: to the right.")
    setting: Text | None = Field(default=None, description="Where, such as: on a beach.")
    time: Text | None = Field(default=None, description="When, such as: at dusk.")
    weather: Text | None = Field(default=None, description="The weather, such as: in the rain.")
    mood: Mood | None = Field(default=None, description="The mood of the shot.")
    negative_prompt: str = Field(default="", description="What to stay away from.")
    duration_s: Length | None = Field(
        default=None,
        description="Its length in seconds; left out: that of its clip; of a rendered shot by the film's pacing.",
    )
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**63)] | None = Field(
        default=None,
        description="The same seed gives the same shot; left out: one of the film's seed and the shot's id.",
    )
    camera: Annotated[str, AfterValidator(_camera)] | None = Field(
        default=None,
        description=f"How the camera moves, with a strength from 0 to 1, such as pan-left:0.6: {', '.join(TAGS)}.",
    )
    transition: Transition | None = Field(
        default=None, description="How it takes over from the shot before; left out: a cut."
    )
    continue_from: Text | None = Field(
        default=None, description="The id of a shot whose last frame is this one's first."
    )
    images: Annotated[tuple[Image, ...], LISTED] = Field(default=(), description="Pictures pinned into the shot.")
    clip: GivenFile | None = Field(default=None, description="A film of one's own in place of a rendered one.")
    start_s: Seconds | None = Field(default=None, description="Where to begin in the clip, in seconds.")
    end_s: Length | None = Field(default=None, description="Where to stop in the clip, in seconds.")
    speed: Annotated[float, Field(strict=True, ge=0.1, le=10)] = Field(default=1.0, description="2 is twice as fast.")
    look: Look | None = Field(default=None, description="A grade of its own, on top of the film's look.")
    title: Title | None = Field(default=None, description="Words over the shot.")
    dialogue: Annotated[tuple[Line, ...], LISTED] = Field(default=(), description="What is said in it.")
    effects: Annotated[tuple[Effect, ...], LISTED] = Field(default=(), description="Sounds at moments of it.")
    sound: OwnSound = Field(default=OwnSound(), description="What becomes of its own sound: keep, mute, or a gain.")

    @property
    def move(self) -> CameraMove | None:
        """The move that the clip is steered by; None where there is none, or only the prompt can say it."""
        name, _, strength = (self.camera or STATIC.name).partition(":")
        move = CameraMove(name, float(strength or 1.0))
        return move if name in STEERED and move.moves else None

    @property
    def described(self) -> bool:
        """Whether it says anything that can be rendered."""
        return self.prompt is not None or self.subject is not None or self.setting is not None

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        if self.clip is None and not self.described:
            raise problem("got nothing to show, expected a prompt, a subject, a setting or a clip; add one")
        if self.clip is not None and self.described:
            raise problem("got a clip and words to render, expected one of them; leave the other out", "clip")
        for name in SCENE_FIELDS:
            if self.prompt is not None and getattr(self, name) is not None:
                raise problem(f"got {name} beside a prompt, expected one way to say it; put it into the prompt", name)
        for name in ("start_s", "end_s"):
            if self.clip is None and getattr(self, name) is not None:
                raise problem("got a place in a clip, but no clip; add one, or leave this out", name[:-2])
        if self.end_s is not None and self.end_s <= (self.start_s or 0.0):
            raise problem(f"got {self.end_s:g} s, expected after start, {self.start_s or 0:g} s; move one", "end")
        said = said_in(self.prompt or "")
        if said is not None and self.camera is not None and self.camera.partition(":")[0] != said[0].name:
            raise problem(f"got {self.camera} for a prompt that says {said[1]!r}; leave one of them out", "camera")
        if self.continue_from is not None and self.move is not None:
            raise problem(
                f"got {self.camera} for a shot that goes on from another, whose frame would not stay in place; "
                "leave one of them out",
                "camera",
            )
        return self
