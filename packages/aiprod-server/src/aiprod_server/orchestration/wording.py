"""What a prompt names of the world that the judge knows: attributes and their classes. Pure.

Words beyond that world name nothing; an attribute of which several classes are named is left out, since nobody can say
which of them a clip should be judged by.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from aiprod_pipelines.film.vocabulary import base_of
from aiprod_trainer.worlds.vocabulary import ACTIONS, CAMERAS, COLOURS, SETTINGS, SUBJECTS, TIMES, WEATHERS, Word

TABLES: Mapping[str, Mapping[str, Word]] = {
    "subject": SUBJECTS,
    "colour": COLOURS,
    "action": ACTIONS,
    "setting": SETTINGS,
    "time": TIMES,
    "weather": WEATHERS,
    "camera": CAMERAS,
}
ARTICLES = re.compile(r"\b(?:an?|the) ")


def named_in(prompt: str, classes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Attribute → the class that `prompt` names, of the `classes` that the judge tells apart."""
    words = f" {ARTICLES.sub('', ' '.join(prompt.lower().split()))} "
    found: dict[str, set[str]] = {}
    for phrase, attribute, name in _phrases():
        if name in classes.get(attribute, ()) and re.search(rf"\b{re.escape(phrase)}\b", words):
            found.setdefault(attribute, set()).add(name)
            words = re.sub(rf"\b{re.escape(phrase)}\b", " ", words)  # "on a green field" names no colour
    for word in re.findall(r"[a-z-]+", words):
        if (base := base_of(word)) in classes.get("action", ()):
            found.setdefault("action", set()).add(str(base))
    return {attribute: names.pop() for attribute, names in found.items() if len(names) == 1}


@cache
def _phrases() -> tuple[tuple[str, str, str], ...]:
    """Phrase without articles, attribute and class, the longest phrase first."""
    told = [
        (ARTICLES.sub("", phrase), attribute, name)
        for attribute, words in TABLES.items()
        for name, word in words.items()
        for phrase in word.phrases
    ]
    return tuple(sorted(told, key=lambda one: -len(one[0])))
