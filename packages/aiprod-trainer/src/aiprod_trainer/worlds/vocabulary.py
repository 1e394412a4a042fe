"""The words of the world: what a scene may hold, how captions say it, and from which level on.

Level 1 is what a small model on two CPU cores can learn; each higher level adds words. This module knows
names only: `subjects`, `backgrounds` and `sound` know how a thing looks and sounds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from aiprod_core.camera import TAGS

WORLD_VERSION = 1


@dataclass(frozen=True)
class Word:
    """One value of an attribute. `phrases[0]` is the canonical wording, the others are synonyms."""

    name: str
    phrases: tuple[str, ...]
    level: int = 1


@dataclass(frozen=True)
class Subject(Word):
    """A thing that can be the hero of a scene. `actions` are what it can do, `kind` how it is built."""

    kind: str = "animal"  # animal | person | vehicle | object
    actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action(Word):
    """A motion. `travels`: the subject crosses the ground, so that a direction is part of the caption."""

    travels: bool = False


W = TypeVar("W", bound=Word)

_LEGS = ("stand", "walk", "run", "jump")


def _by_name(*words: W) -> dict[str, W]:
    return {word.name: word for word in words}


SUBJECTS = _by_name(
    Subject("cat", ("cat", "kitten"), kind="animal", actions=(*_LEGS, "sit")),
    Subject("dog", ("dog", "puppy"), kind="animal", actions=(*_LEGS, "sit")),
    Subject("elephant", ("elephant",), kind="animal", actions=_LEGS),
    Subject("robot", ("robot",), kind="object", actions=(*_LEGS, "dance")),
    Subject("bird", ("bird",), kind="animal", actions=("stand", "fly", "jump")),
    Subject("car", ("car",), kind="vehicle", actions=("stand", "drive")),
    Subject("ball", ("ball",), kind="object", actions=("stand", "roll", "bounce")),
    Subject("balloon", ("balloon",), kind="object", actions=("float", "bounce")),
    Subject("rabbit", ("rabbit", "bunny"), level=2, kind="animal", actions=("stand", "jump", "run", "sit")),
    Subject("fish", ("fish",), level=2, kind="animal", actions=("swim", "jump")),
    Subject("boat", ("boat", "sailing boat"), level=2, kind="vehicle", actions=("stand", "sail")),
    Subject("woman", ("woman", "lady"), level=2, kind="person", actions=(*_LEGS, "dance")),
    Subject("man", ("man",), level=2, kind="person", actions=(*_LEGS, "dance")),
    Subject("train", ("train", "locomotive"), level=2, kind="vehicle", actions=("stand", "drive")),
    Subject("rocket", ("rocket",), level=2, kind="vehicle", actions=("stand", "fly")),
    Subject("penguin", ("penguin",), level=2, kind="animal", actions=("stand", "walk", "jump")),
)

COLOURS = _by_name(
    Word("red", ("red", "scarlet")),
    Word("yellow", ("yellow", "golden")),
    Word("green", ("green", "emerald")),
    Word("blue", ("blue", "azure")),
    Word("purple", ("purple", "violet")),
    Word("white", ("white", "snow-white")),
    Word("orange", ("orange",), level=2),
    Word("pink", ("pink", "rose"), level=2),
    Word("black", ("black",), level=2),
    Word("brown", ("brown",), level=2),
)

ACTIONS = _by_name(
    Action("stand", ("standing still", "resting", "waiting")),
    Action("walk", ("walking", "strolling"), travels=True),
    Action("run", ("running", "racing"), travels=True),
    Action("jump", ("jumping", "hopping up and down")),
    Action("fly", ("flying", "flapping along"), travels=True),
    Action("drive", ("driving", "rolling along the road"), travels=True),
    Action("roll", ("rolling",), travels=True),
    Action("bounce", ("bouncing", "bouncing up and down")),
    Action("float", ("floating", "hovering in the air")),
    Action("sit", ("sitting",), level=2),
    Action("dance", ("dancing",), level=2),
    Action("swim", ("swimming",), level=2, travels=True),
    Action("sail", ("sailing",), level=2, travels=True),
)

SETTINGS = _by_name(
    Word("meadow", ("in a meadow", "on a green field")),
    Word("forest", ("in a forest", "in the woods")),
    Word("beach", ("on a beach", "at the seaside")),
    Word("city", ("in a city", "on a city street")),
    Word("desert", ("in a desert", "among the dunes")),
    Word("mountains", ("in snowy mountains", "in an alpine snowfield")),
    Word("lake", ("on a lake", "on still water"), level=2),
    Word("farm", ("on a farm", "by a red barn"), level=2),
    Word("village", ("in a village", "in an old village street"), level=2),
    Word("moon", ("on the moon", "among lunar craters"), level=2),
)

TIMES = _by_name(
    Word("day", ("by day", "in daylight")),
    Word("dusk", ("at dusk", "at sunset")),
    Word("night", ("at night", "by moonlight")),
)

WEATHERS = _by_name(
    Word("clear", ("under a clear sky", "in fine weather")),
    Word("rain", ("in the rain", "while it rains")),
    Word("snow", ("in falling snow", "while it snows")),
    Word("fog", ("in thick fog", "in the mist")),
)

CAMERAS = _by_name(*[Word(tag.name, tag.phrases, tag.level) for tag in TAGS.values() if tag.level is not None])

DIRECTIONS = _by_name(
    Word("right", ("to the right",)),
    Word("left", ("to the left",), level=2),
)

RELATIONS = _by_name(
    Word("beside", ("next to", "beside"), level=3),
    Word("behind", ("following", "coming after"), level=3),
)

# What cannot be: no snow falls on dunes or on the moon, and the moon has no rain or fog either.
IMPOSSIBLE = frozenset({("desert", "snow"), ("mountains", "rain"), ("moon", "rain"), ("moon", "snow"), ("moon", "fog")})
# Subjects that live in some settings only; all others go anywhere but onto the water.
ONLY_IN = {"fish": ("lake",), "boat": ("lake",)}
WATER = ("lake",)


def words_at(level: int, words: Mapping[str, Word]) -> tuple[str, ...]:
    """Names of an attribute's values that exist at `level`."""
    return tuple(word.name for word in words.values() if word.level <= level)
