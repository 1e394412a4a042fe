"""Technical QA on real and damaged media: planted, found, false alarms, a row a file.

Reads ../shared/media: `derived/ground_truth.csv` says what was planted, `corrupt/expected.csv` what a sound reader
does; everything else is clean but for `TRUE_FAULTS`. Prints a table and writes build/benchmarks/qa.json; the exit code
is 1 where a planted fault is missed or a clean file fails.
"""

import csv
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from aiprod_pipelines.commands.qa import examine
from aiprod_pipelines.quality.finding import Code, Finding, Report, Severity

MEDIA = Path(__file__).parents[2] / "shared" / "media"
FRAME_S = 0.041  # a frame of the derived clips
CLEAN_FOLDERS = ("video", "talking", "audio", "speech", "image", "lut", "timeline")
SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".wav", ".ogg", ".mp3", ".flac", ".png", ".jpg"}
SUFFIXES |= {".cube", ".3dl", ".clf", ".spi1d", ".spi3d", ".csp", ".cc", ".ccc", ".cdl", ".otio", ".edl", ".fcpxml"}
NOTHING_HEARD = "every decoded sample is zero"
TRUE_FAULTS: Mapping[str, tuple[Code, str]] = {
    "video/all_black_with_audio.mp4": (Code.BLACK, "manifest: nine seconds of completely black picture"),
    "video/car_from_above.mp4": (Code.SILENT, "manifest: silent stereo track"),
    "video/dog_trick_woman.mp4": (Code.SILENT, "manifest: audio track is digital silence"),
    "video/flower_timelapse.mp4": (Code.SILENT, "manifest: audio track is digital silence"),
    "video/alphabet_blocks_topdown.mp4": (Code.SILENT, NOTHING_HEARD),
    "video/alpha_red_ball.webm": (Code.SILENT, NOTHING_HEARD),
}
REFUSED = {Code.UNREADABLE, Code.NO_PICTURE, Code.STILL_PICTURE}
DAMAGED = {Code.DAMAGED, Code.CUT_OFF}
# By the words of corrupt/expected.csv.
EXPECTED: Mapping[str, set[Code]] = {
    "reject": REFUSED,
    "reject as video": REFUSED,
    "reject as video or report one frame": REFUSED | {Code.SINGLE_FRAME},
    "reject or report damage": REFUSED | DAMAGED,
    "report decode errors": {Code.DAMAGED},
    "report damage": DAMAGED,
    "decode what is there, report short duration": {Code.CUT_OFF},
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file, what was planted in it in words, and how to see that it was found."""

    path: Path
    planted: str
    found: Callable[[Report], bool]
    codes: frozenset[Code] = field(default_factory=frozenset)  # faults that are meant
    reference: Path | None = None


def of(report: Report, code: Code) -> list[Finding]:
    return [finding for finding in report.findings if finding.code is code]


def near(got: list[tuple[float, ...]], wanted: list[tuple[float, ...]], within: float) -> bool:
    """Whether every wanted one is there, and no other."""
    return len(got) == len(wanted) and all(
        abs(a - b) <= within for x, y in zip(got, wanted, strict=True) for a, b in zip(x, y, strict=True)
    )


def spans(report: Report, code: Code) -> list[tuple[float, ...]]:
    return sorted((finding.start_s or 0.0, finding.end_s or 0.0) for finding in of(report, code))


def values(report: Report, code: Code) -> list[tuple[float, ...]]:
    return [(finding.value or 0.0,) for finding in of(report, code)]


def _watermark(report: Report) -> bool:
    """At the right and lower side, 16 and 12 px off, to a block of 8 px."""
    regions = [finding.region_px for finding in of(report, Code.OVERLAY) if finding.region_px]
    width, height = int(report.facts["width_px"]), int(report.facts["height_px"])
    return any(near([(x + w, y + h)], [(width - 16, height - 12)], 8) for x, y, w, h in regions)


def _active(report: Report, wanted: list[float]) -> bool:
    return near([tuple(f.region_px or ()) for f in of(report, Code.BARS)], [tuple(wanted)], 2)


def _size(report: Report, truth: Mapping[str, Any]) -> bool:
    """The size is told, and what is unusual in it."""
    width, height = truth["w"], truth["h"]
    told = (report.facts["width_px"], report.facts["height_px"]) == (width, height)
    code = Code.PORTRAIT if height > width else Code.ODD_SIZE if width % 2 else Code.SMALL
    return told and bool(of(report, code))


# By the first word of a truth: whether it was found, and the faults that are meant.
TRUTHS: Mapping[str, tuple[Callable[[Report, Mapping[str, Any]], bool], Code | None]] = {
    "cuts_s": (
        lambda r, t: near([(f.start_s or 0,) for f in of(r, Code.CUT)], [(s,) for s in t["cuts_s"]], FRAME_S),
        None,
    ),
    "black_s": (lambda r, t: near(spans(r, Code.BLACK), [tuple(s) for s in t["black_s"]], FRAME_S), Code.BLACK),
    "gblur_sigma": (lambda r, _: bool(of(r, Code.BLURRED)), Code.BLURRED),
    "frozen_s": (lambda r, t: near(spans(r, Code.FROZEN), [tuple(t["frozen_s"])], FRAME_S), Code.FROZEN),
    "vfr": (lambda r, _: bool(of(r, Code.VARIABLE_RATE)), None),
    "watermark": (lambda r, _: _watermark(r), Code.OVERLAY),
    "active": (lambda r, t: _active(r, t["active"]), None),
    "duplicate_of": (lambda r, _: bool(of(r, Code.NEAR_DUPLICATE)), None),
    "frames": (lambda r, _: bool(of(r, Code.SINGLE_FRAME)), Code.SINGLE_FRAME),
    "audio_shift_s": (
        lambda r, t: near(values(r, Code.OUT_OF_SYNC), [(t["audio_shift_s"],)], 0.01),
        Code.OUT_OF_SYNC,
    ),
    "clipped": (lambda r, _: bool(of(r, Code.CLIPPING)), Code.CLIPPING),
    "silent": (lambda r, _: bool(of(r, Code.SILENT)), Code.SILENT),
    "snr_db": (lambda r, t: near(values(r, Code.NOISE), [(t["snr_db"],)], 0.5), Code.NOISE),
    "h": (_size, None),
}
REFERENCES = ("sharp_reference", "clean_reference", "duplicate_of", "in_sync_reference")


def cases(media: Path) -> list[Case]:
    """Every file that is inspected, planted ones first."""
    with (media / "derived" / "ground_truth.csv").open() as file:
        planted = [_derived(media, row["path"], json.loads(row["truth_json"])) for row in csv.DictReader(file)]
    with (media / "corrupt" / "expected.csv").open() as file:
        damaged = [_damaged(media, row["path"], row["a_sound_reader_should"]) for row in csv.DictReader(file)]
    clean = [
        _clean(path, str(path.relative_to(media)))
        for folder in CLEAN_FOLDERS
        for path in sorted((media / folder).rglob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    return planted + damaged + clean


def _derived(media: Path, name: str, truth: Mapping[str, Any]) -> Case:
    found, code = next(TRUTHS[key] for key in TRUTHS if key in truth)
    reference = next((media / truth[key] for key in REFERENCES if key in truth), None)
    return Case(
        path=media / name,
        planted=", ".join(f"{key} {value}" for key, value in truth.items()),
        found=lambda report: found(report, truth),
        codes=frozenset({code} if code else ()),
        reference=reference,
    )


def _damaged(media: Path, name: str, words: str) -> Case:
    wanted = EXPECTED[words]
    return Case(
        path=media / name,
        planted=words,
        found=lambda report: any(fault.code in wanted for fault in report.faults),
        codes=frozenset(Code),
    )


def _clean(path: Path, name: str) -> Case:
    if name not in TRUE_FAULTS:
        return Case(path=path, planted="", found=lambda _: True)
    code, why = TRUE_FAULTS[name]
    return Case(path=path, planted=why, found=lambda report: bool(of(report, code)), codes=frozenset({code}))


def false_alarms(case: Case, report: Report) -> list[str]:
    """Faults that nobody planted."""
    return [fault.code for fault in report.faults if fault.code not in case.codes]


def main() -> None:
    table = Table("file", "planted or true", "found", "false alarms", "warnings", "s", title="technical QA")
    rows = []
    for case in cases(MEDIA):
        started_s = time.perf_counter()
        report = examine(case.path, case.reference)
        alarms, found = false_alarms(case, report), case.found(report)
        warnings = sorted({f.code for f in report.findings if f.severity is Severity.WARNING})
        name = str(case.path.relative_to(MEDIA))
        elapsed_s = time.perf_counter() - started_s
        verdict = ("yes" if found else "[red]NO[/red]") if case.planted else ""
        table.add_row(name, case.planted, verdict, ", ".join(alarms), ", ".join(warnings), f"{elapsed_s:.1f}")
        rows.append(
            {
                "file": name,
                "planted": case.planted,
                "found": found,
                "false_alarms": alarms,
                "warnings": warnings,
                "s": elapsed_s,
            }
        )
    console = Console(width=170)
    console.print(table)
    planted = [row for row in rows if row["planted"]]
    missed = [row for row in planted if not row["found"]]
    alarmed = [row for row in rows if row["false_alarms"]]
    console.print(f"planted or true: {len(planted) - len(missed)} of {len(planted)} files found")
    console.print(f"false alarms: {len(alarmed)} of {len(rows)} files, {len(rows) - len(planted)} of them clean")
    path = Path("build/benchmarks/qa.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")
    sys.exit(1 if missed or alarmed else 0)


if __name__ == "__main__":
    main()
