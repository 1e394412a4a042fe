"""The gates of subtitles: the rules of reading and the onsets of words on 200 generated dialogues; files both ways.

Words are drawn from a list, said at 10 to 17 characters a second with pauses between lines; half the dialogues come
with the time of every word. Prints a table and writes build/benchmarks/subtitles.json.
"""

import csv
import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from aiprod_pipelines.sound.file import read_sound_file
from aiprod_pipelines.speech_time import speaking_s
from aiprod_pipelines.subtitle_files import parse_subtitles, to_srt, to_vtt
from aiprod_pipelines.subtitles import Cue, Line, cues_of

MEDIA = Path(__file__).parents[2] / "shared" / "media"
SPEECH = """
    the a of and but I you it was is not where when because light river morning city nobody remember yesterday slowly
    extraordinary walk talk quiet door window never always understand electricity, well, perhaps, home. go! why? again…
"""
RATES = (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(12))
DIALOGUES, LINES = 200, 12
CONSOLE = Console(width=120)


def main() -> None:
    figures = {name: _judged(timed) for name, timed in (("estimated", False), ("word times", True))}
    ratios = _estimates()
    table = Table("figure", *figures, "bar", title=f"{DIALOGUES} dialogues of {LINES} lines")
    bars = {
        "cues": "",
        "characters in a line, most": "42",
        "lines, most": "2",
        "characters a second, most": "20",
        "share of cues at 17 or less": "where time allows",
        "shortest, s": "0.83",
        "longest, s": "7",
        "gap in frames, least": "2",
        "onset error, 95 % within, ms": "40 with word times",
        "onset error, most, ms": "",
        "SRT to VTT to SRT the same": "all",
    }
    for name, bar in bars.items():
        table.add_row(name, *(f"{figures[kind][name]:g}" for kind in figures), bar)
    CONSOLE.print(table)
    if ratios:
        CONSOLE.print(
            f"speaking time estimated over true, LJ Speech: mean {np.mean(ratios):.2f}, "
            f"from {min(ratios):.2f} to {max(ratios):.2f}, over {len(ratios)} clips"
        )
    path = Path("build/benchmarks/subtitles.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures | {"estimates": ratios}, indent=2) + "\n")


def _judged(timed: bool) -> dict[str, float]:
    cues: list[Cue] = []
    gaps, errors_ms, same = [], [], 0
    for seed in range(DIALOGUES):
        lines, rate = _dialogue(seed), RATES[seed % len(RATES)]
        shown = lines if timed else [Line(text=x.text, start_s=x.start_s, duration_s=x.duration_s) for x in lines]
        found = cues_of(shown, rate)
        onsets_s, words = [start_s for line in lines for start_s, _ in line.words], 0
        for cue in found:
            errors_ms.append(1000 * abs(cue.start_s - onsets_s[words]))
            words += len(cue.text.split())
        gaps += [(later.start_s - cue.end_s) * float(rate) for cue, later in pairwise(found)]
        srt = to_srt(found)
        same += to_srt(parse_subtitles(to_vtt(parse_subtitles(srt)))) == srt
        cues += found
    speeds = [len(cue.text) / (cue.end_s - cue.start_s) for cue in cues]
    lengths_s = [cue.end_s - cue.start_s for cue in cues]
    return {
        "cues": len(cues),
        "characters in a line, most": max(len(row) for cue in cues for row in cue.text.split("\n")),
        "lines, most": max(len(cue.text.split("\n")) for cue in cues),
        "characters a second, most": round(max(speeds), 3),
        "share of cues at 17 or less": round(float(np.mean(np.asarray(speeds) <= 17.005)), 3),
        "shortest, s": round(min(lengths_s), 3),
        "longest, s": round(max(lengths_s), 3),
        "gap in frames, least": round(min(gaps), 3),
        "onset error, 95 % within, ms": round(float(np.percentile(errors_ms, 95)), 1),
        "onset error, most, ms": round(max(errors_ms), 1),
        "SRT to VTT to SRT the same": same,
    }


def _dialogue(seed: int) -> list[Line]:
    generator, made, now_s = np.random.default_rng(seed), [], 0.0
    for _ in range(LINES):
        words = [str(word) for word in generator.choice(SPEECH.split(), int(generator.integers(1, 41)))]
        now_s += float(generator.uniform(0.3, 3))
        start_s, per_s, times = now_s, float(generator.uniform(10, 17)), []
        for word in words:
            times.append((now_s, now_s + (len(word) + 1) / per_s))
            now_s = times[-1][1]
        now_s = max(now_s, start_s + 0.5)
        made.append(Line(text=" ".join(words), start_s=start_s, duration_s=now_s - start_s, words=tuple(times)))
    return made


def _estimates() -> list[float]:
    transcripts = MEDIA / "speech" / "transcripts.csv"
    if not transcripts.exists():
        return []
    with transcripts.open(encoding="utf-8") as rows:
        known = [(row["path"], row["text"]) for row in csv.DictReader(rows) if "LJ001" in row["path"]]
    return [speaking_s(text) / read_sound_file(MEDIA / path).duration_s for path, text in known]


if __name__ == "__main__":
    main()
