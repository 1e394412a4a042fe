"""Prose taken apart: paragraphs into sentences, sentences into clauses in the order in which they happen.

Each clause is what one shot can show. Knows verbs, so that "a cat and a dog" stays whole and "a cat walks and sleeps"
does not; what a clause says is `clause`'s to read.
"""

import re
from dataclasses import dataclass

from aiprod_pipelines.film.vocabulary import DETERMINERS, PREPOSITIONS, PRONOUNS, SPEAKING, base_of

ABBREVIATIONS = ("mr", "mrs", "ms", "dr", "st", "prof", "vs", "etc", "no", "m", "mme", "e.g", "i.e")
QUOTED = re.compile(r"[\"“«]\s*([^\"”»]+?)\s*[\"”»]")
THEN = (
    "and then",
    "then",
    "and after that",
    "after that",
    "afterwards",
    "and finally",
    "finally",
    "and later",
    "later",
)
WHILE = ("while", "and while", "meanwhile", "until", "as soon as", "when", "whereas")
AND = ("and", "but", "as", ",")
_JOINTS = sorted((*THEN, *WHILE, *AND, "before", "after", ";"), key=len, reverse=True)
_JOINT = re.compile(
    r"(?:\s*,)?\s+(?P<word>" + "|".join(re.escape(j) for j in _JOINTS if j[0].isalpha()) + r")\s+|\s*(?P<mark>[,;])\s+",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(?P<word>after|before|while|when|as soon as|as)\s+", re.IGNORECASE)
_FIRST = re.compile(rf"(?:{'|'.join(sorted(THEN, key=len, reverse=True))}|meanwhile|suddenly)\b,?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Speech:
    """What somebody says; `who` is None where the prose does not tell."""

    line: str
    who: str | None = None


def sentences(text: str) -> list[str]:
    """The sentences of a text, without the marks at their ends; what stands in quotation marks stays whole."""
    found, start = [], 0
    quoted = [match.span() for match in QUOTED.finditer(text)]
    for mark in re.finditer(r"[.!?…]+[\"”»]?(?=\s|$)|\n\s*\n", text):
        if any(first < mark.start() < last - 1 for first, last in quoted):
            continue
        words = text[start : mark.start()].split()
        if mark.group() == "." and words and words[-1].lower() in ABBREVIATIONS:
            continue
        closes = mark.group()[-1] in '"”»'
        found.append(text[start : mark.end() if closes else mark.start()])
        start = mark.end()
    found.append(text[start:])
    return [" ".join(sentence.split()) for sentence in found if re.search(r"\w", sentence)]


def without_speech(sentence: str) -> tuple[str, tuple[Speech, ...]]:
    """A sentence without what is said in it in quotation marks, and that."""
    said = tuple(
        Speech(match.group(1).strip().rstrip(","))
        for match in QUOTED.finditer(sentence)
        if re.search(r"\w", match.group(1))
    )
    rest = QUOTED.sub(" ", sentence)
    rest = re.sub(r"\s*[,:]\s*(?=$|,)", "", " ".join(rest.split())).strip(" ,:")
    return rest, said


def uninverted(words: str) -> str:
    """Who speaks, then the verb: "asks the robot", as it stands after what is said → "the robot asks"."""
    first, _, who = words.partition(" ")
    return f"{who} {first}" if who and base_of(first) in SPEAKING and not has_verb(who) else words


def speaks(clause: str) -> bool:
    """Whether a clause has a verb of speaking."""
    return any(base_of(word) in SPEAKING for word in re.findall(r"[\w'-]+", clause))


def clauses(sentence: str) -> list[str]:
    """The clauses of a sentence, in the order in which they happen: "X after Y" is Y, then X."""
    sentence = _FIRST.sub("", sentence, count=1) if _FIRST.match(sentence) else sentence
    opening = _OPENING.match(sentence)
    if opening is not None and "," in sentence:
        first, _, second = sentence[opening.end() :].partition(",")
        if has_verb(first) and has_verb(second):
            inner = clauses(first.strip()), clauses(second.strip())
            return inner[1] + inner[0] if opening["word"].lower() == "before" else inner[0] + inner[1]
    for joint in _JOINT.finditer(sentence):
        left, right = sentence[: joint.start()].strip(), sentence[joint.end() :].strip()
        word = (joint["word"] or joint["mark"]).lower()
        if has_verb(left) and _begins_clause(right, word):
            return [*clauses(right), left] if word == "after" else [left, *clauses(right)]
    return [sentence] if sentence else []


def in_turn(sentence: str) -> bool:
    """Whether a sentence says that one thing comes after another."""
    return re.search(rf"\b(?:{'|'.join((*THEN, *WHILE, 'before', 'after'))})\b", sentence, re.IGNORECASE) is not None


def has_verb(words: str) -> bool:
    """Whether some word can be the verb of a clause."""
    tokens = re.findall(r"[\w'’-]+", words)
    return any(is_verb(tokens, index) for index in range(len(tokens)))


def is_verb(tokens: list[str], index: int) -> bool:
    """Whether a word of a clause is its verb, by its form and the words around it."""
    word = tokens[index].lower()
    base = base_of(word)
    if base is None or word in DETERMINERS:
        return False
    before = tokens[index - 1].lower() if index else ""
    if before in DETERMINERS or (before in PREPOSITIONS and not (before == "to" and word == base)):
        return before in ("after", "before", "while") and word.endswith("ing")
    after = tokens[index + 1].lower() if index + 1 < len(tokens) else ""
    # Of two in a row the first is a noun: "waves crash"; but not in "goes swimming".
    return not (base_of(after) is not None and not after.endswith("ing") and after not in PREPOSITIONS)


def _begins_clause(words: str, joint: str) -> bool:
    tokens = re.findall(r"[\w'’-]+", words)
    verb = next((index for index in range(len(tokens)) if is_verb(tokens, index)), None)
    if verb is None:
        return False
    if joint not in AND:
        return True
    if verb == 0:
        return joint == "and" or not tokens[0].lower().endswith("ing")
    subject = [token.lower() for token in tokens[:verb]]
    if tokens[verb].lower().endswith("ing") and subject[-1] not in ("is", "are", "was", "were"):
        return False
    if subject[0] in PRONOUNS or (len(subject) == 1 and subject[0].endswith("ly")):
        return True
    starts_noun = subject[0] in DETERMINERS or tokens[0][0].isupper()
    return starts_noun and not any(token in PREPOSITIONS for token in subject) and len(subject) <= 5
