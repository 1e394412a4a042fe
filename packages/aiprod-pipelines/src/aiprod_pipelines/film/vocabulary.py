"""The words that the scenarist knows, from `english.toml`: verbs and their forms, places, weather, cameras, moods.

What stands for each in a prompt are the phrases of the captions that the nano model was trained on, where it knows the
thing. Knows no sentences.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_ENGLISH: dict[str, Any] = tomllib.loads(Path(__file__).with_name("english.toml").read_text(encoding="utf-8"))


def by_phrase(table: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """A table of what is said → phrases for it, the other way round."""
    return {phrase: said for said, phrases in table.items() for phrase in phrases}


NANO_SUBJECTS = tuple(_ENGLISH["nano_subjects"])
SUBJECTS = frozenset((*NANO_SUBJECTS, *_ENGLISH["subjects"]))
SAME_NOUN, SAME_COLOUR = by_phrase(_ENGLISH["same_noun"]), by_phrase(_ENGLISH["same_colour"])

VERBS = dict.fromkeys(_ENGLISH["verbs"], "") | by_phrase(_ENGLISH["verbs_as"])  # base form → what a prompt says
ASPECTS = frozenset(_ENGLISH["aspects"])
SPEAKING = frozenset(_ENGLISH["speaking"])
TRAVELLING = frozenset(_ENGLISH["travelling"])
AUXILIARIES = frozenset(_ENGLISH["auxiliaries"])
_IRREGULAR, _DOUBLING = by_phrase(_ENGLISH["irregular"]), frozenset(_ENGLISH["doubling"])

PLACES: dict[str, str | None] = dict.fromkeys(_ENGLISH["other_places"]) | by_phrase(_ENGLISH["places"])
INDOORS, ON = frozenset(_ENGLISH["indoors"]), frozenset(_ENGLISH["on"])
SOUNDS_OF_PLACES = by_phrase(_ENGLISH["sounds_of_places"])

BY_DAY, AT_DUSK, AT_NIGHT = "by day", "at dusk", "at night"
CLEAR, RAIN, SNOW, FOG = "under a clear sky", "in the rain", "in falling snow", "in thick fog"
STORM, WIND = "in a storm", "in the wind"
TIMES, HOURS = by_phrase(_ENGLISH["times"]), by_phrase(_ENGLISH["hours"])
WEATHERS = by_phrase(_ENGLISH["weathers"])
SKY_ADJECTIVES, HOUR_ADJECTIVES = by_phrase(_ENGLISH["sky_adjectives"]), by_phrase(_ENGLISH["hour_adjectives"])

CAMERAS, DIRECTIONS = by_phrase(_ENGLISH["cameras"]), by_phrase(_ENGLISH["directions"])
MOODS = by_phrase(_ENGLISH["moods"])
EFFECTS = by_phrase(_ENGLISH["effects"])  # pattern → effect
STYLES, LIGHTS, ONE_TAKE = (tuple(_ENGLISH[name]) for name in ("styles", "lights", "one_take"))
PRONOUNS, INDEFINITE, DETERMINERS, PREPOSITIONS = (
    frozenset(_ENGLISH[name]) for name in ("pronouns", "indefinite", "determiners", "prepositions")
)


@cache
def base_of(word: str) -> str | None:
    """The base form of a verb that is known: walks, walking, walked → walk."""
    word = word.lower()
    if word in _IRREGULAR:
        return _IRREGULAR[word] if known(_IRREGULAR[word]) else None
    return next((base for base in _bases(word) if known(base)), None)


def known(base: str) -> bool:
    """Whether a verb is known by its base form."""
    return base in VERBS or base in ASPECTS


def _bases(word: str) -> list[str]:
    found = [word]
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            stem = word.removesuffix(ending)
            found.append(stem)
            if ending in ("ing", "ed"):
                found += [f"{stem}e", stem[:-1]] if len(stem) > 2 and stem[-1] == stem[-2] else [f"{stem}e"]
            if ending in ("ed", "es") and stem.endswith("i"):
                found.append(f"{stem[:-1]}y")
    return found


def action_of(base: str) -> str:
    """What a prompt says for a verb: the caption's word where it is one of hers, else the verb's -ing form."""
    return VERBS.get(base) or ing(base)


def ing(base: str) -> str:
    """walk → walking, drive → driving, run → running, lie → lying."""
    if base.endswith("ie"):
        return f"{base[:-2]}ying"
    if base.endswith("e") and not base.endswith(("ee", "oe", "ye")):
        return f"{base[:-1]}ing"
    return f"{base}{base[-1]}ing" if base in _DOUBLING else f"{base}ing"
