"""Train a model of the project, and release what was trained."""

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

from aiprod_core.errors import InputError
from aiprod_core.models.rvq import CODEBOOKS_FILE
from aiprod_core.quantize import WeightFormat
from aiprod_trainer.averaging import average_runs
from aiprod_trainer.codebooks import fit_release
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.quantization import main as quantize
from aiprod_trainer.release import config_of, export_run
from aiprod_trainer.strategies import build
from aiprod_trainer.trainer import LOG_FILE, Trainer

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


@app.command(epilog="Example: aiprod train average runs/shdt runs/shdt-b --output runs/shdt-mean")
def average(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN RUN…", help="Folders of runs that began as one.")],
    output: Annotated[Path, typer.Option(help="Folder of the run that they become.")],
) -> None:
    """Make one of several runs that began as one and trained on different draws: the mean of their weights."""
    typer.echo(average_runs(folders, output))


@app.command(epilog="Example: aiprod train validate runs/shdt-mean")
def validate(folder: Run) -> None:
    """Measure a run's last checkpoint on its frozen set, and draw its samples, as training itself does."""
    config = config_of(folder)
    trainer = Trainer(config, build(config))
    trainer.resume(typer.echo)
    for name, value in trainer.validate().items():
        typer.echo(f"{name} {value:.4f}")


@app.command(epilog="Example: aiprod train curve runs/hwvae")
def curve(folder: Run) -> None:
    """Print a run's validation figures, step by step."""
    log = folder / LOG_FILE
    if not log.exists():
        raise InputError(f"run: got no {LOG_FILE} in {folder}, expected the folder of a training run; name one")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    rows = [row for row in rows if row["kind"] == "validation"]
    names = [name for name in (rows[0] if rows else {}) if name not in ("kind", "step", "trained_s")]
    table = Table("step", "minutes", *names)
    for row in rows:
        table.add_row(str(row["step"]), f"{row['trained_s'] / 60:.0f}", *[f"{row[name]:.4g}" for name in names])
    Console().print(table)
