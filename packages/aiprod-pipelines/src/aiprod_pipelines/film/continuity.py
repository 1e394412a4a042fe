"""What holds from one clause to the next: who is meant, where, when, in what weather, until the text says otherwise.

Knows who is who by name and by noun, so that "it", "the cat" and "MIA" become what a model can draw.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from aiprod_pipelines.film.clause import Clause, head_noun
from aiprod_pipelines.film.vocabulary import PREPOSITIONS, PRONOUNS, SUBJECTS, TRAVELLING

_NAMED = re.compile(r"\b(?P<name>[A-Z][\w'’-]+)\s*(?:,|\(|\bis\b)\s*(?P<what>an?\s[^,.()]+?)\s*(?:,|\)|(?=\.|$))")
_CALLED = re.compile(r"\b(?P<what>an?\s[\w\s-]+?)\s+(?:named|called|nommée?)\s+(?P<name>[A-Z][\w'’-]+)", re.IGNORECASE)
_OBJECT = re.compile(
    rf"^\w+ing (?:at |for |to |with )?(?P<what>(?:an?|the)(?: (?!(?:{'|'.join(sorted(PREPOSITIONS))})\b)[\w-]+){{1,3}})"
)


@dataclass
class Continuity:
    """The state of the telling. `characters`: name → what stands for it in prompts."""

    setting: str | None = None
    time: str | None = None
    weather: str | None = None
    indoors: bool = False
    subject: str | None = None
    companion: str | None = None
    characters: dict[str, str] = field(default_factory=dict)
    _met: dict[str, str] = field(default_factory=dict)  # noun → the subject as it was described at first

    def introduce(self, text: str) -> str:
        """A text without the descriptions of characters that it introduces: "MIA, a red cat, walks" → "MIA walks"."""
        for pattern in (_CALLED, _NAMED):
            for match in [*pattern.finditer(text)]:
                name, what = match["name"], " ".join(match["what"].split())
                if head_noun(what) not in SUBJECTS:
                    continue
                name = name.capitalize() if name.isupper() else name
                self.characters.setdefault(name, what[0].lower() + what[1:])
                stays = " is" if re.search(r"\bis\b", match.group()) and pattern is _NAMED else ""
                text = text.replace(match.group(), f"{name}{stays}" if stays else name)
        return re.sub(r"\b(?:[A-Z][\w'’-]+) is\s*(?=\.|$)", "", text)

    def open_scene(self, *, setting: str | None, time: str | None, weather: str | None, indoors: bool) -> None:
        """A new scene: its place replaces the last one; a time that is left out stays, and so does weather outdoors."""
        self.setting = setting or self.setting
        self.time = time or self.time
        self.weather = weather or self.weather
        self.indoors = indoors
        self.subject = self.companion = None

    def foresee(self, clauses: Sequence[Clause]) -> None:
        """What is not known yet holds from the start of a sentence: "a cat walks and sleeps on a beach".

        A place that one of the clauses travels to does not.
        """
        found = next((clause for clause in clauses if clause.setting is not None), None)
        if self.setting is None and found is not None and (found.action or "none").split()[0] not in TRAVELLING:
            self.setting, self.indoors = found.setting, found.indoors
        self.time = self.time or next((clause.time for clause in clauses if clause.time), None)
        self.weather = self.weather or next((clause.weather for clause in clauses if clause.weather), None)

    def follow(self, clause: Clause) -> Clause:
        """A clause with all that earlier ones said of it filled in, and remembered for later ones."""
        if clause.setting is not None:
            self.setting, self.indoors = clause.setting, clause.indoors
        self.time = clause.time or self.time
        self.weather = clause.weather or self.weather
        subject = self._who(clause.subject) or (self.subject if clause.action is not None else None)
        action = clause.action and self._of_whom(clause.action)
        if subject is not None and subject not in PRONOUNS:
            self.subject = subject
            self._met.setdefault(head_noun(subject), subject)
        other = _OBJECT.search(action or "")
        if other is not None:
            self.companion = self._who(other["what"])
            self._met.setdefault(head_noun(other["what"]), other["what"])
        return replace(
            clause,
            subject=subject,
            action=action,
            setting=self.setting,
            time=self.time,
            weather=None if self.indoors else self.weather,
            indoors=self.indoors,
        )

    def met(self, noun: str) -> str | None:
        """The subject of that noun, as it was described at first; None for one that has not been met."""
        return self._met.get(noun)

    def _who(self, subject: str | None) -> str | None:
        """A subject by its full description, where it has one: "it" and "the cat" → "a red cat"."""
        if subject is None:
            return None
        words = subject.split()
        if words[0].lower() in PRONOUNS and len(words) == 1:
            return self.subject or subject
        if words[0].lower() in PRONOUNS and self.subject is not None:
            return " ".join([self.subject, *words[1:]])
        noun = head_noun(subject)
        bare = len(words) <= 2 and words[0].lower() in ("a", "an", "the")
        return self._met.get(noun, subject) if bare else subject

    def _of_whom(self, action: str) -> str:
        """An action whose last pronoun names somebody: "chasing it" → "chasing a yellow ball"."""
        match = re.search(r"\b(it|him|her|them)$", action)
        return action if match is None or self.companion is None else action[: match.start()] + self.companion
