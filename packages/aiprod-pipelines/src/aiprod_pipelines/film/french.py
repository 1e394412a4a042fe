"""French said in English words, as far as `french.toml` goes: phrase by phrase, unknown words as they are.

Not a translation of prose: it brings subjects, actions, places, times, weather, cameras, moods and styles to the words
that `vocabulary` knows, and puts adjectives before their nouns. What characters say is never touched.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from aiprod_pipelines.film.vocabulary import by_phrase, ing

_FRENCH: dict[str, Any] = tomllib.loads(Path(__file__).with_name("french.toml").read_text(encoding="utf-8"))
_PHRASES, _NOUNS, _ADJECTIVES = (by_phrase(_FRENCH[name]) for name in ("phrases", "nouns", "adjectives"))
_MARKS, _PLURALS = frozenset(_FRENCH["marks"]), _FRENCH["plurals"]
_ARTICLES = ("le", "la", "un", "une", "du")


def is_french(text: str) -> bool:
    """Whether a text is more likely French than English, by its small words."""
    tokens = _tokens(text)
    marks = sum(token in _MARKS for token in tokens)
    return marks >= 1 and marks * 6 >= len(tokens) and not re.search(r"\b(?:the|an|is|of|and|with)\b", text.lower())


def in_english(text: str) -> str:
    """French words that are known, in English and in its order; the others, names among them, as they are."""
    tokens = re.findall(r"[^\W\d_]+['’]|[\w-]+|[^\w\s]", text)
    result: list[tuple[str, str]] = []
    index = 0
    while index < len(tokens):
        length, english, kind = _longest(tokens, index)
        if kind == "adjective" and result and result[-1][1] == "noun":
            result.insert(len(result) - 1, (english, kind))
        else:
            result.append((english, kind))
        index += length
    joined = " ".join(word for word, _ in result if word)
    joined = re.sub(r"\s+([,.;:!?…])", r"\1", joined)
    joined = re.sub(r"\b(waits|waiting) for(?=\s+(?:at|in|on|by|near|under|of)\b|\s*[,.]|$)", r"\1", joined)
    return re.sub(r"\ba (?=[aeiou])", "an ", joined)


def _longest(tokens: list[str], at: int) -> tuple[int, str, str]:
    """How many tokens the longest known phrase at a place takes, its English, and what kind of word it is."""
    for length in range(min(6, len(tokens) - at), 0, -1):
        said = " ".join(tokens[at : at + length]).lower().replace("’", "'")
        if said in _PHRASES:
            return length, _PHRASES[said], "phrase"
    word = tokens[at].lower()
    for candidate in (word, word.removesuffix("s"), word.removesuffix("x")):
        if candidate in _ADJECTIVES and not (candidate in _NOUNS and at and tokens[at - 1].lower() in _ARTICLES):
            return 1, _ADJECTIVES[candidate], "adjective"
        if candidate in _NOUNS:
            noun = _NOUNS[candidate]
            return 1, noun if candidate == word else _PLURALS.get(noun, f"{noun.removesuffix('s')}s"), "noun"
    if word in verbs():
        return 1, verbs()[word], "verb"
    return 1, tokens[at], "noun" if tokens[at][:1].isalpha() else "mark"


@cache
def verbs() -> dict[str, str]:
    """French forms of verbs → English ones: the present participle for -ant, the third person for all others."""
    found = {form: base for base, forms in _FRENCH["verb_forms"].items() for form in forms}
    for infinitive, base in by_phrase(_FRENCH["verbs_er"]).items():
        stem = infinitive[:-2]
        soft = f"{stem}e" if stem.endswith("g") else stem
        for ending in ("e", "es", "ent", "er", "é"):
            found.setdefault(stem + ending, base)
        for ending in ("a", "ait", "aient", "ant"):
            found.setdefault(soft + ending, base)
    return {form: _english(form, base) for form, base in found.items()}


def _english(form: str, base: str) -> str:
    first, space, rest = base.partition(" ")
    if form.endswith("ant"):
        return ing(first) + space + rest
    if first.endswith(("ch", "sh", "ss", "o")):
        return f"{first}es{space}{rest}"
    return f"{first[:-1]}ies" if first.endswith("y") and first != "play" else f"{first}s{space}{rest}"


def _tokens(text: str) -> list[str]:
    return [token.lower().replace("’", "'") for token in re.findall(r"[^\W\d_]+['’]|[\w-]+", text)]
