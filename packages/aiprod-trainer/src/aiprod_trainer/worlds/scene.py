"""A scene: everything that decides one clip of the world, sampled from (version, level, index).

The same index is the same scene on every machine. A scene knows no pixels and no samples.
"""

import hashlib
import random
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from aiprod_core.errors import InputError
from aiprod_trainer.worlds.vocabulary import (
    ACTIONS,
    CAMERAS,
    COLOURS,
    DIRECTIONS,
    IMPOSSIBLE,
    ONLY_IN,
    RELATIONS,
    SETTINGS,
    SUBJECTS,
    TIMES,
    WATER,
    WEATHERS,
    WORLD_VERSION,
    words_at,
)

Split: TypeAlias = Literal["train", "test"]

MAX_LEVEL = 3
HOLD_OUT_ONE_IN = 16
FRAME_RATE_HZ = 10.0
NUM_FRAMES = 25


@dataclass(frozen=True, kw_only=True)
class Companion:
    """A second subject, doing what the hero does (or standing, where it cannot)."""

    subject: str
    colour: str
    relation: str


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One clip of the world. Lengths are in frame heights, time in seconds.

    `size`: height of the hero, [0.40, 0.55]. `offset`: where it starts, from the middle, [-0.06, 0.06].
    `jitter`: seed of everything that the caption leaves open; constant at level 1, where nothing is.
    """

    version: int
    level: int
    index: int
    subject: str
    colour: str
    action: str
    direction: str
    setting: str
    time: str
    weather: str
    camera: str
    size: float
    offset: float
    jitter: int
    companion: Companion | None = None
    num_frames: int = NUM_FRAMES
    frame_rate_hz: float = FRAME_RATE_HZ

    @property
    def duration_s(self) -> float:
        return self.num_frames / self.frame_rate_hz

    @property
    def attributes(self) -> dict[str, str]:
        """The labels that a judge can be asked for."""
        names = ("subject", "colour", "action", "setting", "time", "weather", "camera")
        return {name: getattr(self, name) for name in names}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def sample_scene(index: int, *, level: int = 1, split: Split = "train") -> Scene:
    """Scene number `index` of a split: `train` never holds a held-out combination, `test` holds nothing else.

    Raises `InputError` for a level outside [1, 3].
    """
    if not 1 <= level <= MAX_LEVEL:
        raise InputError(f"level: got {level}, expected 1 to {MAX_LEVEL}; level 1 is what the nano model learns")
    random_state = random.Random(f"aiprod-world {WORLD_VERSION} {level} {split} {index}")
    while True:
        scene = _draw(random_state, index, level)
        if is_held_out(scene) == (split == "test"):
            return scene


def is_held_out(scene: Scene) -> bool:
    """Whether the (subject, setting, colour, action) of this scene is kept from training."""
    combination = f"{scene.subject} {scene.setting} {scene.colour} {scene.action}"
    return hashlib.sha256(combination.encode()).digest()[0] % HOLD_OUT_ONE_IN == 0


def is_possible(scene: Scene) -> bool:
    """Whether the world holds this combination: who can do what, where, in which weather, filmed how."""
    return (
        scene.action in SUBJECTS[scene.subject].actions
        and scene.setting in _settings_for(scene.subject, scene.level)
        and (scene.setting, scene.weather) not in IMPOSSIBLE
        and (scene.camera != "tracking" or ACTIONS[scene.action].travels)
    )


def _draw(rng: random.Random, index: int, level: int) -> Scene:
    subject = rng.choice(words_at(level, SUBJECTS))
    action = rng.choice([name for name in SUBJECTS[subject].actions if ACTIONS[name].level <= level])
    setting = rng.choice(_settings_for(subject, level))
    weather = rng.choice([name for name in words_at(level, WEATHERS) if (setting, name) not in IMPOSSIBLE])
    cameras = [name for name in words_at(level, CAMERAS) if name != "tracking" or ACTIONS[action].travels]
    return Scene(
        version=WORLD_VERSION,
        level=level,
        index=index,
        subject=subject,
        colour=rng.choice(words_at(level, COLOURS)),
        action=action,
        direction=rng.choice(words_at(level, DIRECTIONS)) if ACTIONS[action].travels else "right",
        setting=setting,
        time=rng.choice(words_at(level, TIMES)),
        weather=weather,
        camera=rng.choice(cameras),
        size=round(rng.uniform(0.44, 0.52), 4),
        offset=round(rng.uniform(-0.04, 0.04), 4),
        jitter=0 if level == 1 else rng.randrange(2**31),
        companion=_companion(rng, subject, level),
    )


def _settings_for(subject: str, level: int) -> list[str]:
    names = words_at(level, SETTINGS)
    return [name for name in ONLY_IN.get(subject, names) if name in names and (subject in ONLY_IN or name not in WATER)]


def _companion(rng: random.Random, hero: str, level: int) -> Companion | None:
    relations = words_at(level, RELATIONS)
    if not relations or rng.random() < 0.5:
        return None
    others = [name for name in words_at(level, SUBJECTS) if name != hero and (name in ONLY_IN) == (hero in ONLY_IN)]
    return Companion(
        subject=rng.choice(others), colour=rng.choice(words_at(level, COLOURS)), relation=rng.choice(relations)
    )
