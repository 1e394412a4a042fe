"""Make data to train on: clips of the procedural world."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Split: TypeAlias = Literal["train", "test"]

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


@app.callback(epilog="[bold]Example[/bold]: aiprod data synth --count 100 --level 1 --output world")
def data() -> None:
    """Make data to train on: clips of the procedural world."""


@app.command()
def synth(
    output: Annotated[Path, typer.Option(help="Folder for videos/ and manifest.jsonl.")],
    count: Annotated[int, typer.Option(help="How many clips.")] = 100,
    level: Annotated[int, typer.Option(min=1, max=3, help="Difficulty of the world.")] = 1,
    split: Annotated[Split, typer.Option(help="train, or test: combinations that train never holds.")] = "train",
    start: Annotated[int, typer.Option(help="Number of the first scene.")] = 0,
    width: Annotated[int, typer.Option(help="Pixels, even.")] = 128,
    height: Annotated[int, typer.Option(help="Pixels, even.")] = 128,
) -> None:
    """Render scenes with sound to mp4, with captions, attributes and event times as JSON lines.

    The same number is the same clip on every machine. Stopped with Ctrl-C, the same command goes on where it was.
    """
    from aiprod_trainer.commands.progress import clips_progress
    from aiprod_trainer.data.synth import MANIFEST, Order, synthesise

    order = Order(count=count, level=level, split=split, start=start, width_px=width, height_px=height)
    try:
        with clips_progress() as on_progress:
            made = synthesise(order, output, lambda done: on_progress("render", done, count))
    except KeyboardInterrupt as interrupt:
        typer.echo(f"stopped; finished clips are kept in {output}, the same command goes on from there", err=True)
        raise typer.Exit(130) from interrupt
    typer.echo(f"{output / MANIFEST}: {count} clips, {made} of them made now")
