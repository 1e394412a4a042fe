"""What a scene is called: long, medium and short captions from a small grammar with synonyms.

A long caption says everything that a level-1 scene leaves to chance; shorter ones leave things out.
"""

import random
from collections.abc import Mapping
from typing import Literal, TypeAlias

from aiprod_trainer.worlds.scene import Scene
from aiprod_trainer.worlds.vocabulary import (
    ACTIONS,
    CAMERAS,
    COLOURS,
    DIRECTIONS,
    RELATIONS,
    SETTINGS,
    SUBJECTS,
    TIMES,
    WEATHERS,
    Word,
)

Form: TypeAlias = Literal["long", "medium", "short"]

CANONICAL_SHARE = 0.6  # how often the first phrase of a word is taken
FORM_SHARES: dict[Form, float] = {"long": 0.7, "medium": 0.2, "short": 0.1}
_OPENINGS = ("", "", "", "a video of ", "an animation of ")


def caption(scene: Scene, form: Form = "long", rng: random.Random | None = None) -> str:
    """The scene in words; without `rng`, in the canonical ones."""

    def say(words: Mapping[str, Word], name: str) -> str:
        phrases = words[name].phrases
        canonical = rng is None or rng.random() < CANONICAL_SHARE
        return phrases[0] if canonical else rng.choice(phrases)  # type: ignore[union-attr]

    who = _with_article(f"{say(COLOURS, scene.colour)} {say(SUBJECTS, scene.subject)}")
    does = say(ACTIONS, scene.action)
    if ACTIONS[scene.action].travels and form == "long":
        does += f" {say(DIRECTIONS, scene.direction)}"
    if scene.companion is not None and form != "short":
        other = scene.companion
        does += f" {say(RELATIONS, other.relation)} " + _with_article(f"{other.colour} {say(SUBJECTS, other.subject)}")
    where = say(SETTINGS, scene.setting)
    when, sky = say(TIMES, scene.time), say(WEATHERS, scene.weather)
    opening = rng.choice(_OPENINGS) if rng is not None else ""
    match form:
        case "long":
            return f"{opening}{who} {does} {where} {when} {sky}, {say(CAMERAS, scene.camera)}"
        case "medium":
            shot = "" if scene.camera == "static" else f", {say(CAMERAS, scene.camera)}"
            weather = "" if scene.weather == "clear" else f" {sky}"
            return f"{opening}{who} {does} {where} {when}{weather}{shot}"
        case "short":
            return f"{who} {does} {where}"


def sampled_caption(scene: Scene, rng: random.Random) -> str:
    """A caption of random form and wording, in the shares that training uses."""
    form = rng.choices([*FORM_SHARES], weights=[*FORM_SHARES.values()])[0]
    return caption(scene, form, rng)


def known_words(level: int) -> frozenset[str]:
    """Every word that captions up to `level` can hold, in lower case."""
    tables: tuple[Mapping[str, Word], ...] = (
        SUBJECTS, COLOURS, ACTIONS, SETTINGS, TIMES, WEATHERS, CAMERAS, DIRECTIONS, RELATIONS,
    )  # fmt: skip
    phrases = [phrase for table in tables for word in table.values() if word.level <= level for phrase in word.phrases]
    return frozenset(" ".join([*phrases, *_OPENINGS, "a an"]).split())


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
