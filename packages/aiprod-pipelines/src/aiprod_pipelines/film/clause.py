"""What one clause says: who does what, where, when, in what weather, seen how.

What is recognised is said as captions say it; what is not stays in the user's words. Knows no other clause.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from aiprod_pipelines.film import vocabulary as words
from aiprod_pipelines.film.sentence import is_verb

_WHERE = (
    "in|on|at|through|across|along|into|onto|to|towards|toward|inside|near|by|beside|around|over|under|outside|"
    "behind|down|up"
)
_MOVING = {"through": "in", "across": "on", "into": "in", "onto": "on", "to": "in", "towards": "in", "toward": "in",
           "inside": "in", "down": "in", "up": "in", "around": "in", "over": "over"}  # fmt: skip
_MOOD_PHRASE = re.compile(
    rf",?\s*\b(?:(?:in|with)\s+)?(?:an?\s+)?(?:very\s+)?(?:{'|'.join(words.MOODS)})\s+(?:mood|atmosphere|tone)\b",
    re.IGNORECASE,
)
_AIMED = frozenset(("look", "stare", "gaze", "point", "laugh", "smile", "bark", "shout", "wave", "throw"))


@dataclass(frozen=True, kw_only=True)
class Clause:
    """What a clause says; None where it says nothing of it. `action` begins with the verb's -ing form."""

    subject: str | None = None
    action: str | None = None
    verb: str | None = None
    direction: str | None = None
    setting: str | None = None
    time: str | None = None
    weather: str | None = None
    camera: str | None = None
    mood: str | None = None
    indoors: bool = False

    @property
    def shows(self) -> bool:
        """Whether there is somebody or something to see."""
        return self.subject is not None or self.action is not None


def read_clause(text: str) -> Clause:
    """The parts of a clause. Nothing of it is lost: what is not recognised is in the subject or the action."""
    mood = mood_of(text)
    text = _MOOD_PHRASE.sub("", text)
    text, camera = _camera(text)
    text, direction = _take(text, words.DIRECTIONS)
    text, weather = _take(text, words.WEATHERS)
    text, time = _take(text, words.TIMES)
    text, sky, hour = _sky_and_hour(text)
    text, setting, indoors = _place(text)
    subject, action, verb = _subject_and_action(text)
    return Clause(
        subject=subject,
        action=action,
        verb=verb,
        direction=direction,
        setting=setting,
        time=time or hour,
        weather=weather or sky,
        camera=camera,
        mood=mood,
        indoors=indoors,
    )


def settled(text: str) -> str:
    """A text whose sky and hour are not clauses: "while it rains" → "in the rain", "as the sun sets" → "at dusk"."""
    told = words.WEATHERS | words.TIMES
    pattern = rf"\b(?:while|as|when)\s+({_phrases_of(tuple(told))})\b"
    return re.sub(pattern, lambda match: told[match.group(1).lower()], text, flags=re.IGNORECASE)


def mood_of(text: str) -> str | None:
    """The mood of the most words of a text; of the first of them where several have as many."""
    found = [words.MOODS[word] for word in re.findall(r"[\w-]+", text.lower()) if word in words.MOODS]
    return max(found, key=found.count) if found else None


def take_marker(text: str, markers: Iterable[str]) -> tuple[str, str | None]:
    """A text without the first of `markers` that it has, and that: "in the style of a watercolor" → "watercolor"."""
    phrase = _any_of(tuple(sorted(markers, key=len, reverse=True)))
    pattern = (
        rf"[,;]?\s*(?:\b(?:in|as|with|like|by|under)\s+)?(?:(?:an?|the)\s+)?(?:style of\s+)?(?:an?\s+)?\b({phrase})\b"
        r"(?:\s+style)?"
    )
    match = re.search(pattern, text, re.IGNORECASE)
    if match is None:
        return text, None
    return _without(text, match), match.group(1).lower()


def _take(text: str, phrases: Mapping[str, str]) -> tuple[str, str | None]:
    match = re.search(rf",?\s*\b({_phrases_of(tuple(phrases))})\b", text, re.IGNORECASE)
    if match is None:
        return text, None
    return _without(text, match), phrases[match.group(1).lower()]


def _camera(text: str) -> tuple[str, str | None]:
    """The camera's move, at half strength where it is slow; "drone" alone, after a comma, is a shot from one."""
    phrase = _phrases_of(tuple(words.CAMERAS))
    pattern = (
        rf"(?:[,;]\s*|\b(?:with|in|and|as)\s+)?(?:\b(?:an?|the)\s+)?(?:\bcamera\s+)?(?P<slow>\bslow(?:ly)?\s+)?"
        rf"\b(?P<move>{phrase})\b(?P<slowly>\s+slowly)?(?:\s+(?:to reveal|to show|showing|revealing|on|of|over|as)\b)?"
    )
    match = re.search(pattern, text, re.IGNORECASE)
    if match is None:
        drone = re.search(r",\s*drone\s*$", text, re.IGNORECASE)
        return (text, None) if drone is None else (_without(text, drone), "zoom-out")
    said = match["move"].lower()
    move = words.CAMERAS[said]
    slow = match["slow"] or match["slowly"] or said.startswith("slow")
    return _without(text, match), f"{move}:0.5" if slow and move.split("-")[0] in ("pan", "zoom", "tilt") else move


def _sky_and_hour(text: str) -> tuple[str, str | None, str | None]:
    """What "on a rainy night", "a sunny morning" and "a moonlit beach" say of the weather and the time."""
    adjectives = _any_of((*words.SKY_ADJECTIVES, *words.HOUR_ADJECTIVES))
    match = re.search(
        rf",?\s*\b(?:on|in|during|at)?\s*\b(?:an?|one|the|this)?\s*\b((?:(?:{adjectives}),?\s+)+)({_any_of(words.HOURS)})\b",
        text,
        re.IGNORECASE,
    )
    if match is not None:
        said = re.findall(r"[\w-]+", match.group(1).lower())
        skies = [words.SKY_ADJECTIVES[word] for word in said if word in words.SKY_ADJECTIVES]
        return _without(text, match), skies[0] if skies else None, words.HOURS[match.group(2).lower()]
    sky = hour = None
    places = _any_of(words.PLACES)
    for word, place_after in re.findall(rf"\b({adjectives})\s+(?=((?:[\w-]+\s+)?(?:{places})\b))", text, re.IGNORECASE):
        if word.lower() == "snowy" and "mountain" in place_after.lower():
            continue  # snow lies there, and need not fall
        sky = sky or words.SKY_ADJECTIVES.get(word.lower())
        hour = hour or words.HOUR_ADJECTIVES.get(word.lower())
        text = re.sub(rf"\b{word}\s+(?={re.escape(place_after)})", "", text, count=1)
    return text, sky, hour


def _place(text: str) -> tuple[str, str | None, bool]:
    """The place: as captions name it, with the user's adjectives; and whether it is indoors."""
    pattern = (
        rf"(?:,\s*)?\b(?P<where>{_WHERE})\s+(?:(?P<article>an?|the|some|his|her|its|their)\s+)?"
        rf"(?P<adjectives>(?:(?!(?:{_WHERE}|of|and|with|an?|the)\b)[\w'’-]+\s+){{0,3}}?)(?P<noun>{_any_of(words.PLACES)})\b"
        rf"(?!\s+(?:of|keeper|door|{_any_of(words.PLACES)})\b)"
    )
    # "looking at the sea" is not at sea.
    match = next(
        (
            found
            for found in re.finditer(pattern, text, re.IGNORECASE)
            if not (found["where"].lower() == "at" and _base_before(text, found.start()) in _AIMED)
        ),
        None,
    )
    if match is None:
        return text, None, False
    where, noun = match["where"].lower(), match["noun"].lower()
    adjectives = " ".join(match["adjectives"].lower().split())
    indoors = noun in words.INDOORS
    canonical = words.PLACES[noun]
    if canonical is not None and not adjectives:
        return _without(text, match), canonical, indoors
    if canonical is not None:
        preposition, _, rest = canonical.partition(" ")
        noun = rest.split()[-1]
        where, article = preposition, "" if noun == "mountains" else _article(adjectives)
    else:
        where = _MOVING.get(where, where)
        where = (
            "on" if where == "in" and noun in words.ON else "in" if where == "on" and noun not in words.ON else where
        )
        article = (match["article"] or "").lower()
        article = (
            _article(f"{adjectives} {noun}".strip())
            if article in ("the", "some") and noun not in ("moon", "sea", "ocean")
            else article
        )
    return _without(text, match), " ".join(filter(None, (where, article, adjectives, noun))), indoors


def _base_before(text: str, at: int) -> str | None:
    """The base form of the word before a place in a text, where that is a verb."""
    before = text[:at].split()
    return words.base_of(before[-1]) if before else None


def _subject_and_action(text: str) -> tuple[str | None, str | None, str | None]:
    """Who does what: (subject, action, base form of the verb), from what is left of a clause."""
    tokens = re.findall(r"[^\s,;:]+", text.strip(" .,;:"))
    at = next((index for index in range(len(tokens)) if is_verb(_bare(tokens), index)), None)
    if at is None:
        return _no_verb(tokens)
    base = words.base_of(_bare(tokens)[at])
    after = at + 1
    if (base in words.ASPECTS and base not in words.VERBS) or base in ("stop", "start", "begin", "continue", "keep"):
        skipped = after + 1 if tokens[after : after + 1] == ["to"] else after
        inner = words.base_of(tokens[skipped]) if skipped < len(tokens) else None
        if inner is not None:
            base, after = inner, skipped + 1
    before = [token for token in tokens[:at] if token.lower() not in words.AUXILIARIES]
    adverbs: list[str] = []
    while len(before) > 1 and before[-1].lower().endswith("ly") and before[-1].lower() not in words.SUBJECTS:
        adverbs.insert(0, before.pop().lower())
    rest = [*adverbs, *tokens[after:]]
    action = " ".join([words.action_of(base or ""), *rest])
    return subject_of(" ".join(before)), action, base


def _no_verb(tokens: list[str]) -> tuple[str | None, str | None, str | None]:
    """A clause that names something: "a running dog" runs, "a cat is on the beach" stands there."""
    for index, token in enumerate(tokens[1:-1], 1):
        base = words.base_of(token) if token.lower().endswith("ing") else None
        if base is not None and tokens[index - 1].lower() in words.DETERMINERS:
            named = " ".join([*tokens[:index], *tokens[index + 1 :]])
            return subject_of(named), words.action_of(base), base
    for index, token in enumerate(tokens[1:], 1):
        if _unknown_verb(tokens, index):
            action = token if token.endswith("ing") else words.ing(_singular(token))
            return subject_of(" ".join(tokens[:index])), " ".join([action, *tokens[index + 1 :]]), _singular(token)
    left = " ".join(token for token in tokens if token.lower() not in words.AUXILIARIES)
    subject = subject_of(re.sub(r"^there\s+", "", left, flags=re.IGNORECASE))
    return subject, None, None


def _unknown_verb(tokens: list[str], index: int) -> bool:
    """Whether a word that is not known is a verb, by its ending and its place: "a cat meditates", "a cup steams on"."""
    token, before = tokens[index], tokens[index - 1].lower()
    if not re.fullmatch(r"[a-z-]{3,}(?:[^su]s|ing)", token) or _singular(token) in words.SUBJECTS | set(words.PLACES):
        return False
    follows = tokens[index + 1].lower() if index + 1 < len(tokens) else ""
    alone = tokens[0].lower() in ("a", "an", "the") and index > 1 and before not in words.PREPOSITIONS
    return before in words.SUBJECTS or (alone and follows in words.PREPOSITIONS)


def _singular(verb: str) -> str:
    """The likely base form of an unknown verb: meditates → meditate, polishes → polish."""
    return verb[:-2] if re.search(r"(?:s|x|z|ch|sh)es$", verb) else verb.removesuffix("s")


def subject_of(phrase: str) -> str | None:
    """A subject as captions name it: "the Red kitty" → "a red cat". None for nothing."""
    tokens = [token for token in phrase.split() if token]
    while tokens and tokens[0].lower() in (
        "and",
        "then",
        "but",
        "so",
        "suddenly",
        "to",
        "with",
        "of",
        "as",
        "in",
        "on",
    ):
        tokens = tokens[1:]
    if not tokens or not re.search(r"\w", " ".join(tokens)):
        return None
    tokens = [_same(token) for token in tokens]
    first, noun = tokens[0].lower(), head_noun(" ".join(tokens))
    if first in words.DETERMINERS | words.PRONOUNS | words.INDEFINITE:
        tokens[0] = first
    if noun in words.SUBJECTS:
        if first in ("the", "a", "an", "this", "that") and len(tokens) > 1:
            tokens = tokens[1:]
        elif first in words.DETERMINERS:
            return " ".join(tokens)
        tokens[0] = tokens[0] if tokens[0].isupper() else tokens[0].lower()
        return " ".join(filter(None, (_article(tokens[0]), *tokens)))
    return " ".join(tokens)


def head_noun(phrase: str) -> str:
    """The noun that a phrase is about: "a red cat with a hat" → "cat"."""
    core = re.split(r"\s+(?:of|with|in|on|at|and|who|that|which|named|called)\s+", phrase.lower())[0]
    return core.split()[-1] if core.split() else ""


def _same(token: str) -> str:
    return words.SAME_NOUN.get(token.lower()) or words.SAME_COLOUR.get(token.lower()) or token


def _bare(tokens: list[str]) -> list[str]:
    return [token.strip("()!?.'’\"") or token for token in tokens]


def _article(following: str) -> str:
    return "an" if following[:1].lower() in "aeiou" else "a"


def _without(text: str, match: re.Match[str]) -> str:
    left, right = text[: match.start()].rstrip(" ,;"), text[match.end() :].lstrip()
    return f"{left}{'' if right.startswith((',', ';')) else ' '}{right}".strip(" ,;")


def _any_of(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


@cache
def _phrases_of(phrases: tuple[str, ...]) -> str:
    return _any_of(phrases)
