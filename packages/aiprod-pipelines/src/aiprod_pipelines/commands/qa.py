"""Inspect films and sounds: damage, black, frozen, clipped, silent, out of sync; a report with a timeline."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aiprod_core.errors import AiprodError
from aiprod_pipelines import output
from aiprod_pipelines.quality.finding import Expected, Report, Severity, rows
from aiprod_pipelines.quality.page import render
from aiprod_pipelines.quality.technical import inspect, rejected

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLOURS = {Severity.FAULT: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
LUTS = (".cube", ".clf", ".ctf", ".spi1d", ".spi3d", ".3dl", ".csp", ".cc", ".ccc", ".cdl")
TIMELINES = (".otio", ".edl", ".fcpxml", ".xml")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
EXPECTATIONS = "size=1280x720, duration=8, rate=24, loudness=-16, codec=h264, sound=yes, bars=no"


def parse_expected(words: str) -> Expected:
    """What `--expect` says. Raises `typer.BadParameter`, a usage error."""
    found: dict[str, Any] = {}
    for part in words.split(","):
        name, _, value = part.strip().partition("=")
        if name not in EXPECTING or not value:
            raise typer.BadParameter(f"got {part.strip()!r}, expected pairs such as {EXPECTATIONS}")
        field, parse = EXPECTING[name]
        try:
            found[field] = parse(value.strip())
        except (ValueError, KeyError, ZeroDivisionError) as error:
            raise typer.BadParameter(f"{name}: got {value!r}, expected a value as in {EXPECTATIONS}") from error
    return Expected(**found)


def _size(words: str) -> tuple[int, int]:
    width, height = words.lower().replace("×", "x").split("x")
    return int(width), int(height)


YES_NO = {"yes": True, "no": False}
EXPECTING: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "size": ("size_px", _size),
    "duration": ("duration_s", float),
    "rate": ("frame_rate", Fraction),
    "loudness": ("loudness_lufs", float),
    "codec": ("codec", str),
    "sound": ("sound", YES_NO.__getitem__),
    "bars": ("full_frame", lambda words: not YES_NO[words]),
}


@app.command(
    epilog="[bold]Examples[/bold]: aiprod qa film.mp4 --html report.html\n\n"
    "aiprod qa film.mp4 --reference master.mov --expect size=1280x720,loudness=-16",
)
def run(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Films, sounds, pictures, LUTs or timelines.")],
    reference: Annotated[
        Path | None, typer.Option(help="What the films should be: PSNR, SSIM, overlays, blur, noise, A/V shift.")
    ] = None,
    expect: Annotated[
        Expected | None, typer.Option(parser=parse_expected, metavar="NAME=VALUE,…", help=f"E.g. {EXPECTATIONS}.")
    ] = None,
    json_path: Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write the report as JSON.")] = None,
    html_path: Annotated[
        Path | None, typer.Option("--html", metavar="OUT", help="Write the report as one page with pictures.")
    ] = None,
) -> None:
    """Inspect FILES. The exit code is 0 where no fault is found, 1 where one is, 2 for wrong usage.

    A [red]fault[/red] fails a file, a [yellow]warning[/yellow] may be meant, a note says what is there.
    """
    for path in (json_path, html_path):
        if path is not None:
            output.check_writable(path)
    reports = [examine(path, reference, expect) for path in files]
    written: dict[Path, bytes] = {}
    if json_path is not None:
        written[json_path] = json.dumps([facts(report) for report in reports], indent=2).encode() + b"\n"
    if html_path is not None:
        written[html_path] = render(reports).encode()
    output.save(written)
    show(reports, Console())
    if any(report.faults for report in reports):
        raise typer.Exit(1)


def examine(path: Path, reference: Path | None = None, expected: Expected | None = None) -> Report:
    """The report of any file: films and sounds are inspected, other files are read or rejected."""
    reader = READERS.get(path.suffix.lower())
    if reader is None or not path.is_file():
        return inspect(path, expected=expected, against=reference)
    try:
        said = reader(path)
    except AiprodError as error:
        return rejected(path, str(error))
    return Report(path=path, facts={"what": said, "size_bytes": path.stat().st_size}, findings=())


def _read_lut(path: Path) -> str:
    from aiprod_pipelines.color import lut

    lut.read(path)
    return "colour table or decision list"


def _read_timeline(path: Path) -> str:
    from aiprod_pipelines.montage import timeline

    return f"timeline of {len(timeline.rows(timeline.read(path)))} items"


def _read_picture(path: Path) -> str:
    from aiprod_pipelines.media import read_image

    read_image(path, 16, 16)
    return "picture"


READERS: Mapping[str, Callable[[Path], str]] = {
    **dict.fromkeys(LUTS, _read_lut),
    **dict.fromkeys(TIMELINES, _read_timeline),
    **dict.fromkeys(PICTURES, _read_picture),
}


def facts(report: Report) -> dict[str, Any]:
    """A report as JSON holds it."""
    return {
        "file": str(report.path),
        "faults": len(report.faults),
        "facts": dict(report.facts),
        "findings": [
            {name: value for name, value in dataclasses.asdict(finding).items() if value is not None}
            for finding in report.findings
        ],
    }


def show(reports: Sequence[Report], console: Console) -> None:
    """Print what was found, a table a file."""
    for report in reports:
        console.print(f"[bold]{escape(str(report.path))}[/bold]  {_summary(report)}", soft_wrap=True)
        table = Table(show_header=False, box=None, padding=(0, 1))
        for row in rows(report.findings):
            colour = COLOURS[row.severity]
            table.add_row(f"[{colour}]{row.severity}[/{colour}]", row.code, row.when, escape(row.sentence))
        if report.findings:
            console.print(table)


def _summary(report: Report) -> str:
    names = ("codec", "width_px", "height_px", "frame_rate", "duration_s", "integrated_lufs", "true_peak_dbtp", "what")
    return ", ".join(f"{name.replace('_', ' ')} {report.facts[name]}" for name in names if name in report.facts)
