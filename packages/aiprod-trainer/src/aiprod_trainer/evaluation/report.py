"""The report of an evaluation: figures beside their bars, as a table for people and as JSON for programs."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rich.table import Table

from aiprod_trainer.evaluation.attributes import Share

Unit: TypeAlias = Literal["share", "dB", "ratio"]


@dataclass(frozen=True)
class Figure:
    """One line of a report. `bar`: what it has to reach, None where it is only printed; `most`: what it must not exceed
    besides. `low`, `high`: its 95 % interval."""

    group: str
    name: str
    value: float
    unit: Unit
    bar: float | None = None
    low: float | None = None
    high: float | None = None
    count: int | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        if self.bar is None:
            return None
        return self.bar <= self.value <= (math.inf if self.most is None else self.most)


def share_figure(group: str, name: str, share: Share, *, bar: float | None = None) -> Figure:
    """A share with its interval."""
    low, high = share.interval
    return Figure(group, name, share.value, "share", bar, low, high, share.count)


@dataclass(frozen=True)
class Report:
    """Figures in order, and what they were measured on."""

    about: dict[str, Any]
    figures: Sequence[Figure]

    @property
    def met(self) -> bool:
        """Whether every figure that has a bar reaches it."""
        return all(figure.met is not False for figure in self.figures)

    def to_json(self) -> str:
        """Values that are not numbers become null: strict JSON."""
        rows = [{**asdict(figure), "met": figure.met} for figure in self.figures]
        clean = [{key: _finite(value) for key, value in row.items()} for row in rows]
        return json.dumps({"about": self.about, "met": self.met, "figures": clean}, indent=2, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Write the JSON, whole or not at all."""
        partial = path.with_suffix(".tmp")
        partial.write_text(self.to_json())
        partial.replace(path)

    def table(self) -> Table:
        """figure | value | bar | met, for a terminal."""
        table = Table("figure", "value", "bar", "met", box=None, title_justify="left")
        group = ""
        for figure in self.figures:
            if figure.group != group:
                group = figure.group
                table.add_row(f"[bold]{group}[/bold]", "", "", "")
            met = {True: "[green]yes[/green]", False: "[red]NO[/red]", None: ""}[figure.met]
            table.add_row(f"  {figure.name}", _value(figure), _bar(figure), met)
        return table


def _value(figure: Figure) -> str:
    match figure.unit:
        case "share":
            if figure.low is None or figure.high is None:
                return f"{figure.value:.1%}"
            return f"{figure.value:6.1%}  [{figure.low:.1%}, {figure.high:.1%}] of {figure.count}"
        case "dB":
            return f"{figure.value:.2f} dB"
        case "ratio":
            return f"{figure.value:.2f} ×"


def _bar(figure: Figure) -> str:
    if figure.bar is None:
        return ""
    if figure.most is not None:
        return f"{figure.bar:g} to {figure.most:g}"
    return f"≥ {figure.bar:.0%}" if figure.unit == "share" else f"≥ {figure.bar:g} {figure.unit}"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
