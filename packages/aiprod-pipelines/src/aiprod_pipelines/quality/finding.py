"""What a technical inspection finds, and what it was told to expect. Facts and sentences; measures nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path


class Severity(StrEnum):
    """A fault fails the file; a warning may be meant; a note says what is there."""

    FAULT = "fault"
    WARNING = "warning"
    NOTE = "note"


class Code(StrEnum):
    """What can be found, by the words of a report."""

    UNREADABLE = "unreadable"
    NO_PICTURE = "no picture"
    STILL_PICTURE = "still picture"
    DAMAGED = "damaged data"
    CUT_OFF = "cut off"
    SINGLE_FRAME = "single frame"
    SEVERAL_STREAMS = "several streams"
    UNEXPECTED = "unexpected"
    VARIABLE_RATE = "variable frame rate"
    ODD_SIZE = "odd size"
    SMALL = "small picture"
    PORTRAIT = "portrait"
    NO_COLOUR_TAGS = "no colour tags"
    BLACK = "black"
    FROZEN = "frozen"
    STILL = "still shot"
    BARS = "bars"
    BLURRED = "blurred"
    CUT = "cut"
    FLASHES = "flashes"
    NO_SOUND = "no sound"
    SILENT = "silent sound"
    SILENCE = "silence"
    CLIPPING = "clipping"
    OVER = "over full scale"
    LOUDNESS = "loudness"
    DC_OFFSET = "DC offset"
    PHASE = "phase"
    NOISE = "noise"
    START_OFFSET = "start offset"
    LENGTHS_DIFFER = "lengths differ"
    OUT_OF_SYNC = "out of sync"
    UNLIKE = "unlike the reference"
    NEAR_DUPLICATE = "near duplicate"
    OVERLAY = "overlay"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found.

    `start_s`, `end_s`: where, half-open; None where it is the whole file. `value`, `limit`: what was measured and what
    is allowed, in the unit that `sentence` names. `region_px`: x, y, width, height in the picture.
    """

    code: Code
    severity: Severity
    sentence: str
    start_s: float | None = None
    end_s: float | None = None
    value: float | None = None
    limit: float | None = None
    region_px: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a file is to be; what is None is not asked. A length may differ by a frame, a loudness by 0.5 LU."""

    size_px: tuple[int, int] | None = None
    duration_s: float | None = None
    frame_rate: Fraction | None = None
    loudness_lufs: float | None = None
    codec: str | None = None
    sound: bool | None = None
    full_frame: bool = False


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A small picture of the film, PNG, at a time."""

    time_s: float
    png: bytes


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was inspected, what it is, and what was found, faults first and then in order of time.

    `facts`: names and values of what the file is. `waveform`: peaks in [0, 1] at even steps, () without sound.
    """

    path: Path
    facts: Mapping[str, str | float | int]
    findings: tuple[Finding, ...]
    duration_s: float = 0.0
    thumbnails: tuple[Thumbnail, ...] = ()
    waveform: tuple[float, ...] = field(default=(), repr=False)

    @property
    def faults(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.FAULT)


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Faults, warnings, notes; each in order of time."""
    ranks = list(Severity)
    return tuple(sorted(findings, key=lambda finding: (ranks.index(finding.severity), finding.start_s or 0.0)))


@dataclass(frozen=True)
class Row:
    """A line of a report: one finding, or all notes of one kind."""

    severity: Severity
    code: Code
    when: str
    sentence: str


def rows(findings: tuple[Finding, ...]) -> list[Row]:
    """Lines for a reader: what is found many times without being wrong, such as cuts, takes one line."""
    lines: dict[tuple[object, ...], list[Finding]] = {}
    for number, finding in enumerate(findings):
        alone = finding.severity is not Severity.NOTE or finding.start_s is None
        lines.setdefault((finding.severity, finding.code, number if alone else -1), []).append(finding)
    return [
        Row(
            same[0].severity,
            same[0].code,
            ", ".join(map(_when, same)),
            same[0].sentence if len(same) == 1 else f"{len(same)} times.",
        )
        for same in lines.values()
    ]


def _when(finding: Finding) -> str:
    if finding.start_s is None:
        return ""
    if finding.end_s is None or finding.end_s <= finding.start_s:
        return f"{finding.start_s:.2f} s"
    return f"{finding.start_s:.2f}–{finding.end_s:.2f} s"
