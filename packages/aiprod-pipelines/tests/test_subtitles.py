"""Subtitles: the rules of reading on generated dialogues, words on time, and lines that part where phrases do."""

import csv
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.sound.file import read_sound_file
from aiprod_pipelines.speech_time import SYLLABLES_PER_S, speaking_s
from aiprod_pipelines.subtitles import Cue, Line, broken, cues_of

SPEECH = """
    the a of and but I you it was is not where when because light river morning city nobody remember yesterday
    extraordinary walk talk slowly quiet door window never always understand electricity, well, perhaps, home.
    go! why? again… internationally responsible
"""
WORDS = SPEECH.split()
RATES = (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(12))


@cache
def dialogues(timed: bool) -> tuple[tuple[list[Line], Fraction, tuple[Cue, ...]], ...]:
    """Two hundred, each with the frame rate of its film and its cues."""
    spoken = [(dialogue(seed, timed=timed), RATES[seed % 4]) for seed in range(200)]
    return tuple((lines, rate, cues_of(lines, frame_rate=rate)) for lines, rate in spoken)


def dialogue(seed: int, lines: int = 6, timed: bool = False) -> list[Line]:
    """Lines of 1 to 40 words, said at 10 to 17 characters a second with pauses between them."""
    generator, made, now_s = np.random.default_rng(seed), [], 0.0
    for _ in range(lines):
        words = [str(word) for word in generator.choice(WORDS, int(generator.integers(1, 41)))]
        now_s += float(generator.uniform(0.3, 3))
        per_s, times = float(generator.uniform(10, 17)), []
        start_s = now_s
        for word in words:
            end_s = now_s + (len(word) + 1) / per_s
            times.append((now_s, end_s))
            now_s = end_s
        least_s = 0.5  # nobody says a word in less
        now_s = max(now_s, start_s + least_s)
        made.append(
            Line(
                text=" ".join(words),
                start_s=start_s,
                duration_s=now_s - start_s,
                words=tuple(times) if timed else (),
            )
        )
    return made


def characters_per_s(cue: Cue) -> float:
    return len(cue.text) / (cue.end_s - cue.start_s)


def check(cues: tuple[Cue, ...], frame_rate: Fraction) -> None:
    for cue in cues:
        rows = cue.text.split("\n")
        assert len(rows) <= 2
        assert max(map(len, rows)) <= 42
        assert 0.833 <= cue.end_s - cue.start_s <= 7
        assert characters_per_s(cue) <= 20.01
    for cue, following in pairwise(cues):
        assert following.start_s - cue.end_s >= float(2 / frame_rate) - 1e-9


@pytest.mark.parametrize("timed", [False, True])
def test_two_hundred_dialogues_keep_the_rules(timed: bool) -> None:
    easy, count = 0, 0
    for lines, rate, cues in dialogues(timed):
        check(cues, rate)
        said = " ".join(line.text for line in lines)
        assert " ".join(cue.text.replace("\n", " ") for cue in cues) == said, "no word is lost"
        easy += sum(characters_per_s(cue) <= 17.05 for cue in cues)
        count += len(cues)
    assert easy / count > 0.9


def test_cues_begin_with_their_first_word() -> None:
    errors_s = []
    for lines, _, cues in dialogues(True):
        onsets_s = [start_s for line in lines for start_s, _ in line.words]
        words = 0
        for cue in cues:
            errors_s.append(abs(cue.start_s - onsets_s[words]))
            words += len(cue.text.split())
    assert np.percentile(errors_s, 95) <= 0.04


def test_a_line_without_word_times_fills_the_time_it_is_given() -> None:
    text = "It was late, and nobody was left in the street, but the lamps went on burning all night as if they knew."
    cues = cues_of([Line(text=text, start_s=10.0, duration_s=7.5)])
    assert cues[0].start_s == 10.0
    assert cues[-1].end_s == pytest.approx(17.5, abs=0.6)
    assert len(cues) == 2
    assert cues[0].text.endswith(","), "parted where the phrase is"


@pytest.mark.parametrize("language", SYLLABLES_PER_S)
def test_longer_text_takes_longer_in_every_language(language: str) -> None:
    short, long = ("नमस्ते दोस्त", "नमस्ते दोस्त, आप कैसे हैं आज?") if language == "hi" else ("Oh la", "Oh la, ma bella casa!")
    assert 0.15 < speaking_s(short, language) < speaking_s(long, language) < 6


def test_estimates_lie_near_how_long_real_speech_is(media: Path) -> None:
    ratios = []
    with (media / "speech" / "transcripts.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if "LJ001" in row["path"]:
                ratios.append(speaking_s(row["text"]) / read_sound_file(media / row["path"]).duration_s)
    assert len(ratios) >= 10
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)
    assert max(abs(ratio - 1) for ratio in ratios) < 0.35


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("Nobody comes here any more.", 1),
        ("When the rain began, she was still standing at the gate.", 2),
        ("I told you, and I will tell you again and again", 2),
    ],
)
def test_lines_part_at_phrases(text: str, rows: int) -> None:
    parted = broken(text).split("\n")
    assert len(parted) == rows
    assert " ".join(parted) == text
    assert rows == 1 or parted[0].endswith(",")


def test_an_article_stays_with_its_noun() -> None:
    assert (
        not broken("We never found the house where all of the children lived").split("\n")[0].endswith((" the", " of"))
    )


def test_two_who_speak_at_once_come_one_after_the_other() -> None:
    lines = [Line(text="I said no!", start_s=1, speaker="Ann"), Line(text="But you must!", start_s=1.1, speaker="Ben")]
    cues = cues_of(lines)
    assert [cue.speaker for cue in cues] == ["Ann", "Ben"]
    check(cues, Fraction(24))


def test_a_word_longer_than_a_line_is_cut_and_a_long_one_shown() -> None:
    cues = cues_of([Line(text="A" * 100, start_s=0), Line(text="我" * 42, start_s=20)])
    check(cues, Fraction(24))
    assert "".join(cue.text for cue in cues).replace("\n", "") == "A" * 100 + "我" * 42


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (Line(text=" \n ", start_s=0), "line 2: got no text"),
        (Line(text="Oh no", start_s=-1), r"line 2 \('Oh no'\): .* from -1"),
        (Line(text="Oh no", start_s=1, duration_s=0), "line 2 .*0 s"),
        (Line(text="Oh no", start_s=1, words=((1, 2),)), "line 2 .*1 words, expected 2"),
        (Line(text="Oh no", start_s=1, words=((1, 2), (1.5, 3))), "line 2 .*'no' before"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_its_line(line: Line, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cues_of([Line(text="Well", start_s=0), line])


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(InputError, match="'xx'"):
        speaking_s("hello", "xx")
    with pytest.raises(InputError, match="'xx'"):
        cues_of([Line(text="hello", start_s=0)], language="xx")


def test_no_lines_are_no_cues() -> None:
    assert cues_of([]) == ()
