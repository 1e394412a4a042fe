"""Options that several commands share; `folders` has those that name folders. Only these two read the environment."""

from typing import Annotated, Any

import typer

from aiprod_core.execution import Attention
from aiprod_core.offload import Offload
from aiprod_pipelines.commands.sizes import parse_size
from aiprod_pipelines.host import usable_cores

ModelName = Annotated[str, typer.Argument(metavar="[MODEL]", help="Name of a folder of weights, or a path to one.")]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=usable_cores(),
        help="CPU threads; the same number repeats a film to the bit. Left out: as many as PyTorch sees fit.",
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option(help="What renders: cpu, or cuda:0, cuda:1 … for an accelerator.")]
Rate = Annotated[
    float,
    typer.Option(
        "--eur-per-hour", envvar="AIPROD_EUR_PER_HOUR", min=0.0, help="Price of this machine, for the receipt."
    ),
]


def _economy(*names: str, help_text: str, **more: Any) -> Any:
    """An option of the panel that holds what saves memory or time."""
    return typer.Option(*names, help=help_text, rich_help_panel="Memory and speed", **more)


Offloading = Annotated[
    Offload, _economy(help_text="Leave the weights there, and bring in a block at a time. Not a bit changes.")
]
Tiling = Annotated[
    bool, _economy("--vae-tiling", help_text="Code pictures in tiles: less memory, more time, the same within 1e-3.")
]
Cache = Annotated[
    float,
    _economy("--cache", min=0.0, max=1.0, help_text="Leave out steps that would change less than this; 0 is none."),
]
Compiling = Annotated[
    bool, _economy("--compile", help_text="Compile the transformer first: minutes once, then faster steps.")
]
AttentionKernel = Annotated[Attention, _economy(help_text="The kernel of softmax attention.")]


MaxMemory = Annotated[
    int | None,
    _economy(
        help_text="The most memory to take, such as 1GiB: adapted to, or refused. Left out: what is free here.",
        parser=parse_size,
        metavar="SIZE",
    ),
]
