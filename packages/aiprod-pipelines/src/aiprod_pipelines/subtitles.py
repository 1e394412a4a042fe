"""Subtitles from dialogue: what is shown when, so that it can be read and comes with the voice.

Two lines of 42 characters at most, broken where phrases end; 0.83 to 7 s; 17 characters a second where there is time,
20 where there is not; two frames between one and the next. Files of them are `subtitle_files`; Netflix's Timed Text
Style Guide gives the figures.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from aiprod_core.errors import InputError
from aiprod_pipelines.speech_time import word_times_s

LINE_CHARACTERS, LINES = 42, 2
SHORTEST_MS, LONGEST_MS = 834, 7000
EASY_CPS, FASTEST_CPS = 17, 20
GAP_FRAMES = 2
MOST_CHARACTERS = LINES * LINE_CHARACTERS + 1  # the blank between two lines is not shown
FILM_RATE = Fraction(24)

SENTENCE_ENDS, CLAUSE_ENDS = ".!?…।", ",;:—–"
LINKING = """
    and but or nor so because that which who when where while if than as to of in on at with for from by
    et mais ou que qui quand parce dans avec pour sur und aber oder dass weil wenn mit für auf von
    y pero porque cuando con para por ma perché che quando per di mas com
    и но или что потому когда если с в на для और लेकिन या कि क्योंकि
"""
CLINGING = """
    a an the my your his her its our their this that no not mr mrs dr le la les un une des mon ton son ce
    der die das ein eine el los las una il lo gli o os as não не
"""
LINKS, ARTICLES = frozenset(LINKING.split()), frozenset(CLINGING.split())


@dataclass(frozen=True, kw_only=True)
class Cue:
    """What is shown from `start_s` to `end_s` (left out itself): one line or more, parted by newlines."""

    start_s: float
    end_s: float
    text: str
    speaker: str = ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Something said. `start_s`: when in the film. `duration_s`: how long it is spoken; None where no voice did yet.

    `words`: start and end of every word of `text` (what blanks part) in seconds of the film, where they are known.
    """

    text: str
    start_s: float
    duration_s: float | None = None
    words: tuple[tuple[float, float], ...] = ()
    speaker: str = ""


@dataclass(frozen=True, kw_only=True)
class _Word:
    """A word and the blank after it; what is longer than a line comes as several, without one."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Words that are shown together, before their time is settled."""

    text: str
    start_ms: int
    end_ms: int
    speaker: str


def cues_of(lines: Sequence[Line], frame_rate: Fraction = FILM_RATE, language: str = "en") -> tuple[Cue, ...]:
    """The cues of `lines`, in order of time, none over another.

    A cue begins with its first word, later only where the one before must still be read. `language`: two letters, for
    words whose time is not known. Raises `InputError` naming the line for one that is empty, at a negative time, or
    whose words do not fit its text.
    """
    gap_ms = math.ceil(GAP_FRAMES * 1000 / frame_rate)
    pieces = [piece for number, line in enumerate(lines, 1) for piece in _pieces(line, number, gap_ms, language)]
    pieces.sort(key=lambda piece: (piece.start_ms, piece.end_ms))
    cues: list[Cue] = []
    free_ms = 0
    for number, piece in enumerate(pieces):
        following = pieces[number + 1] if number + 1 < len(pieces) else None
        start_ms = max(piece.start_ms, free_ms)
        least_ms = max(SHORTEST_MS, _reading_ms(piece.text, FASTEST_CPS))
        wanted_ms = max(piece.end_ms - start_ms, _reading_ms(piece.text, EASY_CPS), least_ms)
        room_ms = LONGEST_MS if following is None else following.start_ms - gap_ms - start_ms
        end_ms = start_ms + min(max(min(wanted_ms, room_ms), least_ms), LONGEST_MS)
        cues.append(Cue(start_s=start_ms / 1000, end_s=end_ms / 1000, text=piece.text, speaker=piece.speaker))
        free_ms = end_ms + gap_ms
    return tuple(cues)


def broken(text: str) -> str:
    """`text` on one line, or on two alike in length that part where a phrase does.

    Text of more than two lines is left on one; `cues_of` never asks for it.
    """
    words = text.split(" ")
    if len(text) <= LINE_CHARACTERS:
        return text
    halves = [(" ".join(words[:place]), " ".join(words[place:])) for place in range(1, len(words))]
    fitting = [pair for pair in halves if max(map(len, pair)) <= LINE_CHARACTERS]
    if not fitting:
        return _cut(text)
    best = min(fitting, key=lambda pair: _parting(pair[0].split(" ")[-1], pair[1].split(" ")[0]) + _lean(*pair))
    return "\n".join(best)


def _cut(text: str) -> str:
    """Text without blanks where a line must end: parted by count."""
    fits = len(text) <= LINES * LINE_CHARACTERS and " " not in text
    return f"{text[:LINE_CHARACTERS]}\n{text[LINE_CHARACTERS:]}" if fits else text


def _lean(upper: str, lower: str) -> float:
    """How unlike two lines are; the lower one may be the longer."""
    difference = (len(upper) - len(lower)) / LINE_CHARACTERS
    return 2 * difference if difference > 0 else -1.5 * difference


def _parting(before: str, after: str) -> float:
    """How wrong it is to part two words: 0 at the end of a sentence, 1 inside a phrase."""
    if before[-1] in SENTENCE_ENDS:
        return 0.0
    if before[-1] in CLAUSE_ENDS:
        return 0.2
    if before.lower() in ARTICLES or before.lower() in LINKS:
        return 1.4
    return 0.5 if after.lower() in LINKS else 1.0


def _reading_ms(text: str, characters_per_s: int) -> int:
    return math.ceil(len(text) * 1000 / characters_per_s)


def _pieces(line: Line, number: int, gap_ms: int, language: str) -> list[_Piece]:
    """What a line is shown as, one after the other: the cheapest of all ways to part it."""
    words = _words(line, number, language)
    costs, cuts = [0.0], [0]
    for last in range(1, len(words) + 1):
        cost, cut = min(_ways(words, last, costs, gap_ms))
        costs.append(cost)
        cuts.append(cut)
    ends = [len(words)]
    while cuts[ends[-1]]:
        ends.append(cuts[ends[-1]])
    ends.reverse()
    return [
        _Piece(
            text=broken(_text(words[first:last])),
            start_ms=words[first].start_ms,
            end_ms=words[last - 1].end_ms,
            speaker=line.speaker,
        )
        for first, last in zip([0, *ends], ends, strict=False)
    ]


def _text(words: Sequence[_Word]) -> str:
    return "".join(word.text for word in words).strip()


def _ways(words: Sequence[_Word], last: int, costs: Sequence[float], gap_ms: int) -> Iterator[tuple[float, int]]:
    """Every way to part before word `last`: what all up to there costs then, and the first word of the last piece."""
    text = ""
    for first in range(last - 1, -1, -1):
        text = words[first].text + text
        shown, lasts_ms = text.strip(), words[last - 1].end_ms - words[first].start_ms
        if first < last - 1 and (len(shown) > MOST_CHARACTERS or lasts_ms > LONGEST_MS):
            return
        if first == last - 1 or _fits(shown):
            yield costs[first] + _cost(words, first, last, shown, gap_ms), first


def _fits(text: str) -> bool:
    """Whether `broken` can show it: the rest after as many words as a line holds must be no longer than a line."""
    blank = text.rfind(" ", 0, LINE_CHARACTERS + 1)
    return len(text) <= LINE_CHARACTERS or len(text) - blank - 1 <= LINE_CHARACTERS or _cut(text) != text


def _cost(words: Sequence[_Word], first: int, last: int, text: str, gap_ms: int) -> float:
    """How bad it is to show words `first` to `last` (left out itself) together as `text`, and to part after them."""
    cost = 1.0 + 0.5 * (len(text) / (LINES * LINE_CHARACTERS)) ** 2 + 0.5 * (len(text) < 12)
    if last < len(words):
        pause_ms = words[last].start_ms - words[last - 1].end_ms
        cost += 0.0 if pause_ms > 600 else _parting(words[last - 1].text.strip(), words[last].text.strip())
        available_ms = words[last].start_ms - gap_ms - words[first].start_ms
        missing_ms = max(SHORTEST_MS, _reading_ms(text, FASTEST_CPS)) - available_ms
        cost += 4 * max(missing_ms, 0) / 1000  # what comes next would be late by this
    return cost


def _words(line: Line, number: int, language: str) -> list[_Word]:
    """The words of a line with their times, those longer than a line cut up."""
    named = f"line {number} ({' '.join(line.text.split())[:30]!r})"
    texts = line.text.split()
    if not texts:
        raise InputError(f"line {number}: got no text, expected something said; leave the line out")
    if line.start_s < 0 or (line.duration_s is not None and line.duration_s <= 0):
        raise InputError(
            f"{named}: got {line.duration_s} s from {line.start_s:g} s, expected a start of 0 s or later and a "
            "duration above 0"
        )
    times_s = list(line.words) or _shared_out(texts, line, language)
    if len(times_s) != len(texts):
        raise InputError(f"{named}: got the times of {len(times_s)} words, expected {len(texts)}; time every word")
    flat_s = [at_s for start_end in times_s for at_s in start_end]
    if flat_s[0] < 0 or any(later < earlier for earlier, later in pairwise(flat_s)):
        wrong = next((n for n in range(1, len(flat_s)) if flat_s[n] < flat_s[n - 1]), 0) // 2
        raise InputError(f"{named}: got the time of {texts[wrong]!r} before that of the word before; put them in order")
    return [part for text, span in zip(texts, times_s, strict=True) for part in _cut_up(text, *span)]


def _shared_out(texts: Sequence[str], line: Line, language: str) -> list[tuple[float, float]]:
    """The time of each word, from what words take to say, within the line's own duration where it has one."""
    takes_s = word_times_s(texts, language)
    scale = 1.0 if line.duration_s is None else line.duration_s / sum(takes_s)
    starts_s = [line.start_s + scale * sum(takes_s[:number]) for number in range(len(takes_s) + 1)]
    return list(pairwise(starts_s))


def _cut_up(text: str, start_s: float, end_s: float) -> list[_Word]:
    parts = re.findall(f".{{1,{LINE_CHARACTERS}}}", text)
    edges_s = [start_s + (end_s - start_s) * place / len(parts) for place in range(len(parts) + 1)]
    edges_ms = [round(edge_s * 1000) for edge_s in edges_s]
    return [
        _Word(text=part + " " * (place == len(parts)), start_ms=edges_ms[place - 1], end_ms=edges_ms[place])
        for place, part in enumerate(parts, 1)
    ]
