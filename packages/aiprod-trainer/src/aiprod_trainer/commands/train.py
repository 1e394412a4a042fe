"""`aiprod train FILE.yaml`: train any model of the project, from its training file."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train a model.", no_args_is_help=True)


@app.command(
    epilog="Examples: aiprod train run configs/train/nano_hwvae.yaml --max-minutes 30 · "
    "aiprod train run configs/train/nano_shdt.yaml --set optimization.steps=2000"
)
def run(
    file: Annotated[Path, typer.Argument(help="Training file; see configs/train/.")],
    max_minutes: Annotated[float | None, typer.Option(help="Stop, with a checkpoint, after this long.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a key: section.key=value.")] = None,
) -> None:
    """Train to the last step, from the last checkpoint if there is one. Ctrl-C saves and stops."""
    import yaml

    from aiprod_trainer.config import TrainConfig
    from aiprod_trainer.strategies import build
    from aiprod_trainer.trainer import Trainer

    overrides = dict(item.split("=", 1) for item in set_ or [])
    config = TrainConfig.read(file, {key: yaml.safe_load(value) for key, value in overrides.items()})
    Trainer(config, build(config)).run(max_minutes=max_minutes, report=typer.echo)


@app.command(epilog="Example: aiprod train export runs/hwvae --output models/aiprod-sovereign")
def export(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training run.")],
    output: Annotated[Path, typer.Option(help="Folder of weights to write into.")] = Path("models/aiprod-sovereign"),
) -> None:
    """Write a run's averaged weights as checkpoints that ship, and renew the manifest and the checksums."""
    from aiprod_trainer.release import export_run

    for path in export_run(run_folder, output):
        typer.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


@app.command(epilog="Example: aiprod train curve runs/hwvae")
def curve(run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training run.")]) -> None:
    """Print a run's validation figures, step by step."""
    import json

    from rich.console import Console
    from rich.table import Table

    rows = [json.loads(line) for line in (run_folder / "log.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["kind"] == "validation"]
    names = [name for name in (rows[0] if rows else {}) if name not in ("kind", "step", "trained_s")]
    table = Table("step", "minutes", *names)
    for row in rows:
        table.add_row(str(row["step"]), f"{row['trained_s'] / 60:.0f}", *[f"{row[name]:.4g}" for name in names])
    Console().print(table)
