"""Beats: the moments that a text or a screenplay tells, in order, each with all that a shot of it needs to know.

Knows language and continuity; how many shots a beat becomes, how long and how joined, is the scenarist's to say.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiprod_pipelines.film import screenplay as script
from aiprod_pipelines.film import vocabulary as words
from aiprod_pipelines.film.clause import Clause, read_clause, settled, take_marker
from aiprod_pipelines.film.continuity import Continuity
from aiprod_pipelines.film.french import in_english, is_french
from aiprod_pipelines.film.sentence import Speech, clauses, in_turn, sentences, speaks, uninverted, without_speech
from aiprod_pipelines.speech_time import speaking_s

_LAST_WORDS_S = 7.0


@dataclass(frozen=True, kw_only=True)
class Beat:
    """A moment. `scene`: counted from 0. `cut`: the transition into it, in the writer's words."""

    clause: Clause
    scene: int = 0
    speech: tuple[Speech, ...] = ()
    cut: str = ""
    sounds: tuple[str, ...] = ()
    card: str = ""


@dataclass(frozen=True, kw_only=True)
class Telling:
    """All that a text says: its beats, and what holds for the whole film."""

    beats: tuple[Beat, ...]
    title: str = ""
    style: str | None = None
    light: str | None = None
    characters: dict[str, str]
    credits: tuple[str, ...] = ()
    language: str = "en"
    one_take: bool = False
    ends_black: bool = True


def tell_prose(text: str) -> Telling:
    """The beats of a sentence or a few: one scene, and another wherever its place or its time changes."""
    told = _Teller(french=is_french(text))
    for sentence in sentences(text):
        told.sentence(sentence)
    told.scenes_by_place()
    return told.telling()


def tell_screenplay(screenplay: script.Screenplay) -> Telling:
    """The beats of a screenplay, scene by scene."""
    told = _Teller(french=_in_french(screenplay))
    for number, scene in enumerate(screenplay.scenes):
        told.open_scene(scene, number)
        for block in scene.blocks:
            told.block(block)
    return told.telling(title=screenplay.title, credits=screenplay.credits)


class _Teller:
    """Goes through a text once, from its start to its end."""

    def __init__(self, *, french: bool) -> None:
        self._french = french
        self._state = Continuity()
        self._beats: list[Beat] = []
        self._scene = 0
        self._cut = ""
        self._waiting: list[Speech] = []  # said off screen before anything is seen
        self._style: str | None = None
        self._light: str | None = None
        self._one_take = False

    def telling(self, *, title: str = "", credits: Sequence[str] = ()) -> Telling:
        if not self._beats and (self._state.setting or self._state.weather):
            self._add(self._state.follow(Clause()))
        if self._waiting and self._beats:
            self._say(self._waiting)
        return Telling(
            beats=tuple(self._beats),
            title=title,
            style=self._style,
            light=self._light,
            characters={name: what for name, what in self._state.characters.items() if self._names(name)},
            credits=tuple(credits),
            language="fr" if self._french else "en",
            one_take=self._one_take,
            ends_black="CUT" not in self._cut.upper(),
        )

    def open_scene(self, scene: script.Scene, number: int) -> None:
        """A heading: where and when."""
        self._scene = number
        if not scene.place:
            return
        place = self._english(scene.place.lower())
        place = re.sub(r"^(?:(?:in|on|at)\s+)?(?:the\s+)?", "", place)
        heading = read_clause(f"in the {place}")
        when = read_clause(_hour(self._english(scene.time.lower())))
        indoors = heading.indoors if scene.interior is None else scene.interior
        setting = heading.setting or (f"in {place}" if place.startswith(("a ", "an ")) else f"in the {place}")
        weather = heading.weather or when.weather or (None if indoors else self._state.weather)
        self._state.open_scene(setting=setting, time=heading.time or when.time, weather=weather, indoors=indoors)

    def block(self, block: script.Block) -> None:
        """What happens next in a scene."""
        match block:
            case script.Action():
                for sentence in sentences(block.text):
                    self.sentence(sentence)
            case script.Dialogue():
                self._dialogue(block)
            case script.Cut():
                self._cut = block.text.upper()
            case script.Card():
                if self._beats:
                    self._beats[-1] = replace(self._beats[-1], card=block.text)

    def sentence(self, sentence: str) -> None:
        """The beats of one sentence; what is said in it goes with the beat that tells of it."""
        rest, said = without_speech(sentence)
        rest = self._english(rest)
        rest = settled(self._markers(self._state.introduce(uninverted(rest) if said else rest)))
        told_in_turn = [(clause, read_clause(clause)) for clause in clauses(self._names_as_prose(rest))]
        if not in_turn(rest):
            self._state.foresee([read for _, read in told_in_turn if read.shows])
        for clause, read in told_in_turn:
            told = self._state.follow(read)
            if told.shows:
                speech = said if speaks(clause) else ()
                said = () if speaks(clause) else said
                self._add(told, speech=tuple(Speech(one.line, told.subject) for one in speech), text=clause)
            elif self._beats and clause:
                self._weather_turns(told, clause)
        if said:
            self._say([Speech(one.line, self._state.subject) for one in said])

    def scenes_by_place(self) -> None:
        """Prose has no headings: a scene begins where the place or the time is another."""
        scene = 0
        for index, beat in enumerate(self._beats):
            before = self._beats[index - 1].clause if index else beat.clause
            scene += (before.setting, before.time) != (beat.clause.setting, beat.clause.time)
            self._beats[index] = replace(beat, scene=scene)

    def _english(self, text: str) -> str:
        return in_english(text) if self._french else text

    def _markers(self, text: str) -> str:
        text, style = take_marker(text, words.STYLES)
        text, light = take_marker(text, words.LIGHTS)
        text, take = take_marker(text, words.ONE_TAKE)
        self._style, self._light = self._style or style, self._light or light
        self._one_take = self._one_take or take is not None
        return text

    def _names_as_prose(self, text: str) -> str:
        """Screenplays write names in capitals: characters get theirs back, other words become small."""

        def lower(match: re.Match[str]) -> str:
            name = script.name_of(match.group())
            return name if name in self._state.characters else match.group().lower()

        return re.sub(r"\b[A-ZÀ-Ý][A-ZÀ-Ý'’-]+\b", lower, text)

    def _add(self, clause: Clause, *, speech: tuple[Speech, ...] = (), text: str = "") -> None:
        sounds = tuple(name for pattern, name in words.EFFECTS.items() if re.search(pattern, text, re.IGNORECASE))
        beat = Beat(clause=clause, scene=self._scene, speech=speech, cut=self._cut, sounds=sounds)
        self._beats.append(beat)
        self._cut = ""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._say(waiting)

    def _dialogue(self, said: script.Dialogue) -> None:
        """Into the beat before where its speaker is seen in it, or is not to be seen; else a beat of its own."""
        speech = Speech(said.text, said.who)
        who = None if said.who is None else self._speaker(said.who)
        last = self._beats[-1] if self._beats and self._beats[-1].scene == self._scene else None
        if said.off_screen or who is None:
            (self._waiting.append if last is None else lambda one: self._say([one]))(speech)
        elif last is not None and last.clause.subject == who and _spoken_s(last.speech) < _LAST_WORDS_S:
            self._say([speech])
        else:
            manner = said.manner.lower() if re.fullmatch(r"[A-Za-z]+ly", said.manner) else ""
            clause = self._state.follow(Clause(subject=who, action=f"talking {manner}".strip(), verb="talk"))
            self._add(clause, speech=(speech,))

    def _speaker(self, name: str) -> str:
        if name in self._state.characters:
            return name
        noun = self._english(name.lower())
        met = self._state.met(noun)
        if met is not None:
            return met
        return f"a {noun}" if noun in words.SUBJECTS else name

    def _say(self, speech: Sequence[Speech]) -> None:
        if self._beats:
            last = self._beats[-1]
            self._beats[-1] = replace(last, speech=(*last.speech, *speech))
        else:
            self._waiting.extend(speech)

    def _weather_turns(self, clause: Clause, text: str) -> None:
        """ "It starts to rain": the last beat goes on, in other weather or at another time."""
        last = self._beats[-1].clause
        if (clause.weather, clause.time, clause.setting) != (last.weather, last.time, last.setting):
            kept = replace(last, weather=clause.weather, time=clause.time, setting=clause.setting, camera=clause.camera)
            self._add(kept, text=text)
        elif clause.camera is not None:
            self._beats[-1] = replace(self._beats[-1], clause=replace(last, camera=clause.camera))

    def _names(self, name: str) -> bool:
        told = (
            f"{beat.clause.subject} {beat.clause.action} {[one.who for one in beat.speech]}" for beat in self._beats
        )
        return any(re.search(rf"\b{re.escape(name)}\b", one) for one in told)


def _in_french(screenplay: script.Screenplay) -> bool:
    """Whether most of what is seen is told in French; where nothing is, most of what is said."""
    blocks = [block for scene in screenplay.scenes for block in scene.blocks]
    texts = [block.text for block in blocks if isinstance(block, script.Action)]
    texts = texts or [block.text for block in blocks if isinstance(block, script.Dialogue)]
    return sum(is_french(text) for text in texts) * 2 > len(texts)


def _hour(time: str) -> str:
    """The time of a heading as prose says it: "night" → "at night"; one that says nothing, such as "later", is none."""
    for prefix in ("", "at ", "in the ", "by "):
        if f"{prefix}{time}" in words.TIMES:
            return f"{prefix}{time}"
    return next((phrase for hour, phrase in words.HOURS.items() if re.search(rf"\b{hour}\b", time)), time)


def _spoken_s(speech: Sequence[Speech]) -> float:
    return sum(speaking_s(one.line) for one in speech)
