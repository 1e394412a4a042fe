"""A report says what is met, in strict JSON and as a table."""

import json
import math
from pathlib import Path

from rich.console import Console

from aiprod_trainer.evaluation.attributes import Share
from aiprod_trainer.evaluation.report import Figure, Report, share_figure


def test_a_bar_is_reached_or_not() -> None:
    assert share_figure("g", "n", Share(97, 100), bar=0.97).met is True
    assert share_figure("g", "n", Share(96, 100), bar=0.97).met is False
    assert Figure("g", "n", 31.0, "dB").met is None


def test_a_figure_that_must_be_like_another_is_missed_on_both_sides() -> None:
    met = [Figure("g", "n", value, "ratio", bar=0.8, most=1.2).met for value in (0.79, 0.8, 1.2, 1.21)]
    assert met == [False, True, True, False]


def test_json_is_strict_and_complete(tmp_path: Path) -> None:
    report = Report(
        {"prompts": 3},
        [share_figure("a", "none", Share(0, 0)), Figure("b", "same", math.inf, "dB", bar=30.0)],
    )
    report.write(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text(), parse_constant=lambda name: 1 / 0)
    assert read["met"] is True
    assert [row["value"] for row in read["figures"]] == [None, None]
    assert read["figures"][1]["met"] is True
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_table_shows_value_bar_and_verdict() -> None:
    figures = [
        share_figure("generated", "subject", Share(150, 300), bar=0.6),
        Figure("pictures", "flicker", 1.5, "ratio", bar=0.8, most=1.2),
        Figure("codec", "unseen", 31.25, "dB"),
    ]
    console = Console(width=100)
    with console.capture() as capture:
        console.print(Report({}, figures).table())
    text = capture.get()
    assert "50.0%" in text
    assert "≥ 60%" in text
    assert "0.8 to 1.2" in text
    assert "NO" in text
    assert "31.25 dB" in text
