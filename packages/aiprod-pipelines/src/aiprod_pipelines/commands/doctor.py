"""Say what this machine can do: processor, memory, encoders, weights, and how long a clip takes."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import av
import torch
import typer
from rich.console import Console
from rich.table import Table

from aiprod_core.errors import AiprodError
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.commands.folders import ModelsRoot
from aiprod_pipelines.machine import this_machine
from aiprod_pipelines.rendering import Setup, render
from aiprod_pipelines.sovereignty import provision

ENCODERS = ("libx264", "aac")
NEEDED_MEMORY_BYTES = 2_500_000_000
PROBE_STEPS = 2

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the diagnosis; `fine` is False where rendering cannot work."""

    name: str
    value: str
    fine: bool = True


@app.command(epilog="[bold]Example[/bold]: aiprod doctor --json")
def doctor(
    model: Annotated[
        str, typer.Option(help="Name of a folder of weights, or a path to one.")
    ] = provision.DEFAULT_MODEL,
    models_root: ModelsRoot = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.")] = False,
) -> None:
    """Look at this machine and its weights, render two denoising steps, and say how long a default clip takes.

    Exit code 1 where something is missing that `aiprod generate` needs.
    """
    findings = examine(model, models_root)
    if as_json:
        typer.echo(json.dumps({finding.name: dataclasses.asdict(finding) for finding in findings}))
    else:
        table = Table(show_header=False, box=None)
        for finding in findings:
            table.add_row("ok" if finding.fine else "[red]!![/red]", finding.name, finding.value)
        Console().print(table)
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)


def examine(model: str, models_root: str | None) -> list[Finding]:
    """Everything there is to say about this machine, cheapest first."""
    machine = this_machine()
    absent = [name for name in ENCODERS if name not in av.codecs_available]
    findings = [
        Finding("processor", f"{machine.processor} ({machine.isa}), {machine.system}"),
        Finding("threads", f"{torch.get_num_threads()} of {machine.cores} cores"),
        Finding("memory", f"{machine.memory_bytes / 1e9:.1f} GB", machine.memory_bytes >= NEEDED_MEMORY_BYTES),
        Finding("accelerators", ", ".join(machine.accelerators) or "none; the processor renders"),
        Finding("encoders", "no " + ", ".join(absent) if absent else ", ".join(ENCODERS), not absent),
    ]
    try:
        folder = provision.locate(model, environment=models_root)
        findings.append(Finding("weights", f"{folder}, {len(provision.verify(folder))} files are whole"))
        findings.append(Finding("default clip", f"about {default_clip_s(folder):.0f} s to render"))
    except AiprodError as error:
        findings.append(Finding("weights", str(error), fine=False))
    return findings


def default_clip_s(models_dir: Path) -> float:
    """Seconds a clip of `aiprod generate`'s defaults takes here, measured with fewer denoising steps."""
    whole = GenerationConfig(prompt="a red cat walking to the right on a beach by day under a clear sky")
    probe = dataclasses.replace(whole, num_inference_steps=PROBE_STEPS)
    rendered = render(probe, Setup(models_dir=models_dir), Path("out.mp4"), on_progress=_ignore)
    timings_s = rendered.receipt.timings_s
    denoise_s = timings_s.get("denoise", 0.0)
    return sum(timings_s.values()) + denoise_s * (whole.num_inference_steps / PROBE_STEPS - 1)


def _ignore(stage: str, done: int, total: int) -> None:
    """A diagnosis shows no bar."""
