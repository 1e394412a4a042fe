"""Options that several commands share; the environment is read here and nowhere else."""

from typing import Annotated

import typer

from aiprod_pipelines.machine import usable_cores

ModelName = Annotated[str, typer.Argument(metavar="[MODEL]", help="Name of a folder of weights, or a path to one.")]
ModelsRoot = Annotated[
    str | None,
    typer.Option(
        "--models-root", envvar="AIPROD_MODELS", help="A folder of folders of weights, asked before the usual places."
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=usable_cores(),
        help="CPU threads; the same number repeats a film to the bit. Left out: as many as PyTorch sees fit.",
        show_default=False,
    ),
]
Rate = Annotated[
    float,
    typer.Option(
        "--eur-per-hour", envvar="AIPROD_EUR_PER_HOUR", min=0.0, help="Price of this machine, for the receipt."
    ),
]
