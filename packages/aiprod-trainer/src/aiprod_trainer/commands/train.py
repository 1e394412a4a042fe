"""Train a model of the project, and release what was trained."""

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

from aiprod_core.models.rvq import CODEBOOKS_FILE
from aiprod_core.quantize import WeightFormat
from aiprod_trainer.codebooks import fit_release
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.quantization import main as quantize
from aiprod_trainer.release import export_run
from aiprod_trainer.strategies import build
from aiprod_trainer.trainer import Trainer

app = typer.Typer(help="Train a model of the project, and release what was trained.", no_args_is_help=True)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training run.")]


@app.command(
    epilog="Examples: aiprod train run configs/train/nano_hwvae.yaml --max-minutes 30 · "
    "aiprod train run configs/train/nano_shdt.yaml --set optimization.steps=2000"
)
def run(
    file: Annotated[Path, typer.Argument(help="Training file; see configs/train/.")],
    max_minutes: Annotated[float | None, typer.Option(help="Stop, with a checkpoint, after this long.")] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help="Change a key: section.key=value.")] = None,
) -> None:
    """Train to the last step, from the last checkpoint if there is one. Ctrl-C saves and stops."""
    pairs = dict(change.split("=", 1) for change in changes or [])
    config = TrainConfig.read(file, {key: yaml.safe_load(value) for key, value in pairs.items()})
    Trainer(config, build(config)).run(max_minutes=max_minutes, report=typer.echo)


@app.command(epilog="Example: aiprod train export runs/hwvae --output models/aiprod-sovereign")
def export(
    folder: Run,
    output: Annotated[Path, typer.Option(help="Folder of weights to write into.")] = Path("models/aiprod-sovereign"),
    quantization: Annotated[WeightFormat | None, typer.Option(help="Write the weights in eight bits.")] = None,
) -> None:
    """Write a run's averaged weights as checkpoints that ship, and renew the manifest and the checksums."""
    for path in export_run(folder, output, quantization):
        typer.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


app.command("quantize", epilog="Example: aiprod train quantize --input models/aiprod-sovereign --output small")(
    quantize
)


@app.command(epilog="Example: aiprod train codebooks --models models/aiprod-sovereign --codebooks 4")
def codebooks(
    models: Annotated[Path, typer.Option(help="Folder of weights that holds the sound codec.")] = Path(
        "models/aiprod-sovereign"
    ),
    scenes: Annotated[int, typer.Option(min=1, help="Training scenes to fit on.")] = 600,
    count: Annotated[int, typer.Option("--codebooks", min=1, max=255, help="How many; each adds to the bit rate.")] = 8,
    entries: Annotated[int, typer.Option(min=2, help="Of each codebook; a power of two wastes no bits.")] = 256,
) -> None:
    """Fit the codebooks that sound is stored by to the codec, and write them beside it."""
    quantiser = fit_release(models, scenes=scenes, codebooks=count, entries=entries)
    path = models / CODEBOOKS_FILE
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB, up to {quantiser.config.bits_per_s / 1000:g} kb/s")


@app.command(epilog="Example: aiprod train curve runs/hwvae")
def curve(folder: Run) -> None:
    """Print a run's validation figures, step by step."""
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["kind"] == "validation"]
    names = [name for name in (rows[0] if rows else {}) if name not in ("kind", "step", "trained_s")]
    table = Table("step", "minutes", *names)
    for row in rows:
        table.add_row(str(row["step"]), f"{row['trained_s'] / 60:.0f}", *[f"{row[name]:.4g}" for name in names])
    Console().print(table)
