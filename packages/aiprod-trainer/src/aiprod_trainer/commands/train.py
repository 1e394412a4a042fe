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
