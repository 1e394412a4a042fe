"""How beats are covered: which shots show them, from which camera, in what words.

One moment alone is seen three times: its place, what happens, and once more from elsewhere. Says shots in the form of
captions, and adds what the nano model needs to be told: a place, an hour, a sky.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from aiprod_pipelines.film.beats import Beat
from aiprod_pipelines.film.clause import Clause, head_noun
from aiprod_pipelines.film.vocabulary import BY_DAY, CLEAR, DETERMINERS, NANO_SUBJECTS, PLACES, PREPOSITIONS, TRAVELLING

Role: TypeAlias = Literal["establishing", "action", "closing", "again"]

LONGEST = 52  # letters count: what the nano model's 64 tokens hold, with room for style and light
STANDING, FLOATING, NOWHERE = "standing still", "floating", "in a meadow"
DANGLING = PREPOSITIONS | DETERMINERS | {"and", "or", "but", "that", "which", "who", "as"}
AGAIN_CAMERAS = ("pan-left", "zoom-out", "static", "pan-right")


@dataclass(frozen=True, kw_only=True)
class Take:
    """One shot of a beat. `heard`: whether it is the one in which the beat's lines are said."""

    beat: Beat
    role: Role
    prompt: str
    camera: str
    heard: bool


def covered(beats: Sequence[Beat], shots: int | None, characters: Mapping[str, str]) -> list[Take]:
    """The shots of `beats` in order. `shots`: how many; None is three for one or two beats, one each for more.

    `characters`: name → what stands for it.
    """
    wanted = shots or max(len(beats), 3)
    merged = list(beats)
    while len(merged) > wanted:
        at = _best_joined(merged)
        merged[at : at + 2] = [_joined(merged[at], merged[at + 1])]
    counts = [wanted // len(merged) + (index < wanted % len(merged)) for index in range(len(merged))]
    return [take for index, beat in enumerate(merged) for take in _takes(beat, counts[index], index, characters)]


def said(clause: Clause, role: Role, characters: Mapping[str, str]) -> str:
    """What a prompt says of a clause, without its camera: subject, action, direction, setting, time, weather."""
    subject, action, direction = clause.subject, clause.action, clause.direction
    noun = head_noun(characters.get(subject or "", subject or ""))
    if noun in NANO_SUBJECTS:
        still = FLOATING if noun == "balloon" else STANDING
        action = still if action is None or role == "establishing" else action
    elif role == "establishing":
        action = None
    direction = direction if action == clause.action else None
    if action in TRAVELLING and direction is None and noun in NANO_SUBJECTS:
        direction = "to the right"
    if noun == "car" and action is not None and action.split()[0] == "running":
        action = f"driving{action.removeprefix('running')}"
    setting = clause.setting
    if setting is None and action != clause.action:
        setting = next((PLACES[word] for word in (clause.action or "").split() if PLACES.get(word)), None)
    if setting is None and noun in NANO_SUBJECTS and not _names_place(clause.action or ""):
        setting = NOWHERE
    time = clause.time or BY_DAY
    open_air = not clause.indoors and (setting is not None or noun in NANO_SUBJECTS)
    weather = clause.weather or (CLEAR if open_air else None)
    if subject is None and setting is not None:
        subject, setting = setting.partition(" ")[2], None
    ending = " ".join(filter(None, (direction, setting, time, weather)))
    return f"{_short(' '.join(filter(None, (subject, action))), LONGEST - _length(ending))} {ending}".strip()


def _names_place(action: str) -> bool:
    """Whether an action says where it is done: "sitting on a bench", "crossing the city"."""
    tokens = action.lower().split()
    return any(token in PLACES or token in ("in", "on", "at", "under", "inside") for token in tokens)


def _takes(beat: Beat, count: int, index: int, characters: Mapping[str, str]) -> list[Take]:
    roles: list[Role] = ["action"]
    if count == 2:
        roles = ["establishing", "action"] if index == 0 else ["action", "closing"]
    elif count > 2:
        again: list[Role] = ["again"] * (count - 3)
        roles = ["establishing", "action", *again, "closing"]
    return [
        Take(
            beat=beat,
            role=role,
            prompt=said(beat.clause, role, characters),
            camera=_camera(beat, role, number, index),
            heard=role == "action",
        )
        for number, role in enumerate(roles)
    ]


def _camera(beat: Beat, role: Role, number: int, index: int) -> str:
    """The camera that the text asks for in the shot of the action; else one that differs from the shot before."""
    if role == "action" and beat.clause.camera is not None:
        return beat.clause.camera
    match role:
        case "establishing":
            return "static"
        case "closing":
            return "zoom-out" if (beat.clause.camera or "").startswith("zoom-in") else "zoom-in"
        case "again":
            return AGAIN_CAMERAS[number % len(AGAIN_CAMERAS)]
        case _ if beat.clause.verb == "talk":
            return "zoom-in:0.5"
        case _ if beat.clause.action is not None and beat.clause.action.split()[0] in TRAVELLING:
            return "pan-left" if beat.clause.direction == "to the left" else "pan-right"
        case _:
            return ("static", "zoom-in", "static", "zoom-out")[index % 4]


def _best_joined(beats: Sequence[Beat]) -> int:
    """Which beat to join with the next: alike ones first, then the shortest; never a cut that is asked for."""

    def cost(index: int) -> tuple[bool, bool, bool, int]:
        one, other = beats[index], beats[index + 1]
        words = _length(f"{one.clause.action} {other.clause.action}")
        return (
            one.scene != other.scene,
            one.clause.subject != other.clause.subject,
            bool(other.cut),
            words + sum(len(speech.line) for speech in (*one.speech, *other.speech)),
        )

    return min(range(len(beats) - 1), key=cost)


def _joined(one: Beat, other: Beat) -> Beat:
    """Two beats as one: both actions where one subject does both, else both subjects at what the first does."""
    clause = one.clause
    if clause.subject == other.clause.subject and clause.action and other.clause.action:
        if other.clause.action not in clause.action:
            clause = replace(clause, action=f"{clause.action} and {other.clause.action}")
    elif one.scene == other.scene and other.clause.subject and other.clause.subject not in (clause.subject or ""):
        whole = " ".join(filter(None, (clause.action, "beside" if clause.action else "and", other.clause.subject)))
        clause = replace(clause, action=whole)
    return replace(
        one,
        clause=clause,
        speech=(*one.speech, *other.speech),
        sounds=tuple(dict.fromkeys((*one.sounds, *other.sounds))),
        card=one.card or other.card,
    )


def _length(text: str) -> int:
    """About how many tokens a text may take: one for three letters, and for every word at least one."""
    return sum(-(-len(word) // 3) for word in re.findall(r"[\w'-]+|[^\w\s]", text))


def _short(text: str, most: int) -> str:
    """A text of at most `most`, cut at a phrase where that is possible."""
    words = text.split()
    while len(words) > 3 and _length(" ".join(words)) > most:
        words.pop()
    if len(words) < len(text.split()):
        while len(words) > 3 and words[-1].lower() in DANGLING:
            words.pop()
    return " ".join(words).rstrip(",;:")
