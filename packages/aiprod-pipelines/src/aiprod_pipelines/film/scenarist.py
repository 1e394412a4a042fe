"""The scenarist by rules: a sentence, some prose or a screenplay → a storyboard. The same words give the same bytes.

Knows what moods sound and look like, how long a moment takes to be seen and a line to be said, and how shots are
joined; what a text says is told by `beats`, what is seen of it by `coverage`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from aiprod_core.errors import InputError
from aiprod_pipelines.film.beats import Beat, Telling, tell_prose, tell_screenplay
from aiprod_pipelines.film.clause import head_noun
from aiprod_pipelines.film.coverage import Take, covered
from aiprod_pipelines.film.french import verbs
from aiprod_pipelines.film.screenplay import Screenplay
from aiprod_pipelines.film.shot import Mood
from aiprod_pipelines.film.storyboard import SHOT_S, Pacing, Storyboard
from aiprod_pipelines.film.vocabulary import AT_DUSK, AT_NIGHT, FOG, RAIN, SNOW, SOUNDS_OF_PLACES, STORM, WIND
from aiprod_pipelines.speech_time import speaking_s

MOODS: tuple[str, ...] = get_args(Mood)
MAX_SHOTS = 200
SHORTEST_FILM_S = 9.0
BREATH_S = 0.3  # after a line


@dataclass(frozen=True)
class Manner:
    """How a mood is told: how fast, and in what look."""

    pacing: Pacing
    look: str


MANNERS = {
    "calm": Manner("calm", "cinema_print"),
    "happy": Manner("lively", "summer_slide"),
    "sad": Manner("slow", "faded"),
    "tense": Manner("fast", "bleach_bypass"),
    "epic": Manner("steady", "teal_orange"),
    "mysterious": Manner("slow", "verdigris"),
    "playful": Manner("lively", "vivid"),
    "neutral": Manner("steady", "cinema_print"),
}
LOOKS_OF_STYLES = {"film noir": "noir", "black and white": "silver", "vintage film": "faded", "cyberpunk": "neon"}
LOOKS_OF_TIMES = {AT_DUSK: "golden_hour", AT_NIGHT: "blue_hour"}
SKY_SOUNDS = {RAIN: "rain", STORM: "storm", WIND: "wind"}
CUTS = {
    r"DISSOLVE|FONDU ENCHAÎNÉ": "dissolve",
    r"WIPE|VOLET": "wipe",
    r"FADE TO WHITE": "dip",
    r"FADE|FONDU": "fade",
    r"CUT|MATCH": "cut",
}


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is asked for beside the text. `duration_s`: of all shots together. Raises `InputError`."""

    shots: int | None = None
    duration_s: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.shots is not None and not 1 <= self.shots <= MAX_SHOTS:
            raise InputError(f"shots: got {self.shots}, expected 1 to {MAX_SHOTS}; choose a number in that range")
        if self.duration_s is not None and not 0.5 <= self.duration_s <= 7200:
            raise InputError(f"duration: got {self.duration_s:g} s, expected 0.5 to 7200; choose one in that range")


def storyboard_of(source: str | Screenplay, wishes: Wishes = Wishes()) -> Storyboard:
    """The storyboard of a prompt or a screenplay. Raises `InputError` for one that shows nothing."""
    telling = tell_prose(source) if isinstance(source, str) else tell_screenplay(source)
    if not telling.beats:
        got = repr(source[:60]) if isinstance(source, str) else "a screenplay"
        raise InputError(f"prompt: got {got}, in which nothing is seen; say who or what does what, and where")
    takes = covered(telling.beats, wishes.shots, telling.characters)
    mood = _mood(telling.beats)
    manner = MANNERS[mood]
    film: dict[str, Any] = {"title": _title(source, telling)}
    film |= {name: value for name, value in (("style", telling.style), ("light", telling.light)) if value}
    film |= {"characters": dict(telling.characters)} if telling.characters else {}
    film |= {"seed": wishes.seed} if wishes.seed is not None else {}
    film |= {"look": _look(telling, mood), "pacing": manner.pacing, "music": mood}
    sounds = _ambience(telling.beats)
    film |= {"ambience": sounds} if sounds else {}
    if any(beat.speech for beat in telling.beats):
        film["subtitles"] = ["soft"]
        film |= {"language": telling.language} if telling.language != "en" else {}
    if telling.ends_black:
        film["ending"] = "fade"
    film |= {"credits": list(telling.credits)} if telling.credits else {}
    lengths_s = _lengths_s(takes, manner.pacing, wishes.duration_s, telling.language)
    film["shots"] = _shots(takes, lengths_s, mood, telling)
    return Storyboard.model_validate(film, by_alias=True, by_name=False)


def said_s(line: str, language: str) -> float:
    """About how long a line takes to be said, with a breath after it."""
    return speaking_s(line, language) + BREATH_S


def _shots(takes: Sequence[Take], lengths_s: Sequence[float], mood: str, telling: Telling) -> list[dict[str, Any]]:
    shots: list[dict[str, Any]] = []
    names: list[str] = []
    for index, (take, length_s) in enumerate(zip(takes, lengths_s, strict=True)):
        names.append(_name(take, names))
        beat = take.beat
        shot: dict[str, Any] = {"id": names[-1], "prompt": take.prompt, "duration": length_s}
        joined = index > 0 and (telling.one_take or "MATCH" in beat.cut) and take.camera != "static"
        goes_on = index > 0 and (telling.one_take or ("MATCH" in beat.cut and takes[index - 1].beat is not beat))
        if not joined and take.camera != "static":
            shot["camera"] = take.camera
        if goes_on:
            shot["continue_from"] = names[index - 1]
        transition = _transition(takes, index, goes_on)
        shot |= {"transition": transition} if transition else {}
        if beat.clause.mood is not None and beat.clause.mood != mood:
            shot["mood"] = beat.clause.mood
        if take.heard:
            shot |= {"dialogue": [_line(one.who, one.line) for one in beat.speech]} if beat.speech else {}
            shot |= {"effects": list(beat.sounds)} if beat.sounds else {}
            shot |= {"title": beat.card} if beat.card else {}
        shots.append(shot)
    return shots


def _line(who: str | None, line: str) -> dict[str, str]:
    if who is None:
        return {"line": line}
    name = re.sub(r"^(?:an?|the) ", "", who)
    return {"who": name[0].upper() + name[1:], "line": line}


def _name(take: Take, taken: Sequence[str]) -> str:
    """An id that says what the shot is: walking, closer, walking-2."""
    clause = take.beat.clause
    said = clause.action.split()[0] if clause.action else head_noun(clause.subject or "place")
    word = take.role if take.role in ("establishing", "closing") else re.sub(r"[^a-z0-9]+", "", said.lower()) or "shot"
    name, number = word, 2
    while name in taken:
        name, number = f"{word}-{number}", number + 1
    return name


def _transition(takes: Sequence[Take], index: int, goes_on: bool) -> str | None:
    """A fade from black at the start, what the writer asks for, a dissolve where place or time change; else a cut."""
    take = takes[index]
    first_of_beat = index == 0 or takes[index - 1].beat is not take.beat
    if index == 0:
        return "fade"
    if goes_on:
        return None
    if first_of_beat and take.beat.cut:
        kind = next((kind for pattern, kind in CUTS.items() if re.search(pattern, take.beat.cut)), "cut")
        return None if kind == "cut" else kind
    if takes[index - 1].role == "establishing" or takes[index - 1].beat.scene != take.beat.scene:
        return "dissolve"
    return None


def _lengths_s(takes: Sequence[Take], pacing: Pacing, wished_s: float | None, language: str) -> list[float]:
    """Seconds of each shot, to a tenth: what its action takes at this pacing, and never less than its lines."""
    least = [
        0.5 + sum(said_s(one.line, language) for one in take.beat.speech) if take.heard and take.beat.speech else 0.5
        for take in takes
    ]
    usual = []
    for take, spoken_s in zip(takes, least, strict=True):
        words = len((take.beat.clause.action or "").split()) if take.role == "action" else 0
        usual.append(max(SHOT_S[pacing] + min(0.15 * max(words - 3, 0), 1.5), spoken_s))
    total = wished_s or max(sum(usual), SHORTEST_FILM_S)
    scaled = [max(length * total / sum(usual), spoken_s) for length, spoken_s in zip(usual, least, strict=True)]
    tenths = [max(round(10 * length), 1) for length in scaled]
    if wished_s is not None:
        # What rounding left over goes to the longest shot, so that the whole is as long as was asked for.
        at = tenths.index(max(tenths))
        tenths[at] = max(tenths[at] + round(10 * wished_s) - sum(tenths), round(10 * least[at]))
    return [count / 10 for count in tenths]


def _mood(beats: Sequence[Beat]) -> str:
    """The mood that most beats have; else that of the hour and the sky; else calm."""
    found = [beat.clause.mood for beat in beats if beat.clause.mood is not None]
    if found:
        return max(MOODS, key=lambda mood: (found.count(mood), -MOODS.index(mood)))
    skies = {beat.clause.weather for beat in beats}
    if STORM in skies:
        return "tense"
    if FOG in skies:
        return "mysterious"
    if skies & {RAIN, SNOW} and any(beat.clause.time == AT_NIGHT for beat in beats):
        return "sad"
    return "calm"


def _look(telling: Telling, mood: str) -> str:
    """The look of the style; else, in a calm film, of its hour, where it has one; else of the mood."""
    if telling.style in LOOKS_OF_STYLES:
        return LOOKS_OF_STYLES[telling.style]
    times = {beat.clause.time for beat in telling.beats}
    if mood == "calm" and len(times) == 1 and (time := times.pop()) in LOOKS_OF_TIMES:
        return LOOKS_OF_TIMES[time]
    return MANNERS[mood].look


def _ambience(beats: Sequence[Beat]) -> list[str]:
    """Up to two sounds of the film's place and sky, most frequent first; a room's where all of it is indoors."""
    found: list[str] = []
    for beat in beats:
        words = re.findall(r"\w+", beat.clause.setting or "")
        place = next((SOUNDS_OF_PLACES[word] for word in reversed(words) if word in SOUNDS_OF_PLACES), None)
        night = (
            "night" if beat.clause.time == AT_NIGHT and place in (None, "forest") and not beat.clause.indoors else None
        )
        sky = SKY_SOUNDS.get(beat.clause.weather or "")
        found += [sound for sound in (sky, night or place or ("room" if beat.clause.indoors else None)) if sound]
    return sorted(dict.fromkeys(found), key=lambda sound: (-found.count(sound), found.index(sound)))[:2]


def _title(source: str | Screenplay, telling: Telling) -> str:
    """The title that is given; else who the film is about, in the words of the text."""
    if telling.title:
        return telling.title
    subjects = [beat.clause.subject for beat in telling.beats if beat.clause.subject]
    main = max(subjects, key=lambda one: (subjects.count(one), -subjects.index(one)), default="")
    if main in telling.characters:
        return main
    if isinstance(source, str) and telling.language == "fr":
        return _french_title(source)
    if not main:
        setting = (telling.beats[0].clause.setting or "A film").partition(" ")[2] or "A film"
        return setting[0].upper() + setting[1:]
    words = re.sub(r"^(?:an?|the) ", "", main)
    return (words if words == main and words[0].isupper() else f"The {words}")[:80]


def _french_title(text: str) -> str:
    """Its first words up to the verb, or the fifth: "Un chat rouge marche …" → "Le chat rouge"."""
    words = re.findall(r"[^\s.,;:!?]+", next(part for part in re.split(r"[.,;:!?…]", text) if re.search(r"\w", part)))
    end = next(
        (index for index, word in enumerate(words[:6]) if index > 1 and word.lower() in verbs()), min(5, len(words))
    )
    kept = words[:end]
    kept[0] = {"un": "Le", "une": "La", "des": "Les"}.get(kept[0].lower(), kept[0].capitalize())
    title = " ".join(kept)
    return re.sub(r"^L[ea] (?=[aeiouhâéèêîôû])", "L’", title)
