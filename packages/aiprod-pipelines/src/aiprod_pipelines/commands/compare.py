"""Say how alike two films are: PSNR, SSIM, sound SNR, and a verdict."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from aiprod_pipelines.quality.compare import EQUIVALENT_DB, Comparison, Verdict, compare

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(
    epilog="[bold]Example[/bold]: aiprod compare mine.mp4 yours.mp4",
    help=f"""Compare two films, A being the reference.

    The verdict is [bold]identical[/bold] (the same bytes), [bold]equivalent[/bold] (above {EQUIVALENT_DB:g} dB) or
    [bold]different[/bold]; the exit code is 1 where they are different.""",
)
def run(
    a: Annotated[Path, typer.Argument(metavar="A", help="The reference.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="The film to judge.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Compare two films."""
    comparison = compare(a, b)
    if as_json:
        typer.echo(json.dumps(facts(comparison)))
    else:
        show(comparison, Console())
    if comparison.verdict is Verdict.DIFFERENT:
        raise typer.Exit(1)


def facts(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON holds it: infinite decibels become the word `inf`."""
    return {
        name: str(value) if isinstance(value, float) and math.isinf(value) else value
        for name, value in dataclasses.asdict(comparison).items()
    }


def show(comparison: Comparison, console: Console) -> None:
    """Print a comparison as a table and its verdict."""
    table = Table(show_header=False, box=None)
    if comparison.shape_difference:
        table.add_row("shapes", comparison.shape_difference)
    else:
        table.add_row("same bytes", "yes" if comparison.identical_bytes else "no")
        table.add_row("PSNR", f"{comparison.psnr_db:.2f} dB")
        table.add_row("worst frame", f"{comparison.worst_frame} at {comparison.worst_psnr_db:.2f} dB")
        table.add_row("SSIM", f"{comparison.ssim:.5f}")
        snr = comparison.audio_snr_db
        table.add_row("sound SNR", "no sound to compare" if snr is None else f"{snr:.2f} dB")
    table.add_row("verdict", f"[bold]{comparison.verdict}[/bold]")
    console.print(table)
