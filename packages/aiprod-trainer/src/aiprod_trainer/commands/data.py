"""Make data: clips of the procedural world, and their latents for training."""

from pathlib import Path
from typing import Annotated

import torch
import typer
from aiprod_core.generation import AUDIO_FILE, VIDEO_FILE, load_model
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.nac import NAC
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from aiprod_trainer.data.latents import LatentsDescription, make_latents, weights_digest
from aiprod_trainer.trainer import keep_freed_memory
from aiprod_trainer.worlds.scene import NUM_FRAMES

app = typer.Typer(help="Make data for training.", no_args_is_help=True)


@app.command(
    epilog="Example: aiprod data latents --count 6000 --frames 25 --output runs/latents-clips · "
    "interrupted, the same command goes on"
)
def latents(
    output: Annotated[Path, typer.Option(help="Folder of the set; finished shards in it are kept.")],
    count: Annotated[int, typer.Option(min=1, help="Training scenes to encode, from the first.")] = 6000,
    frames: Annotated[int, typer.Option(min=1, max=NUM_FRAMES, help="Frames a clip; 1 is a picture.")] = NUM_FRAMES,
    level: Annotated[int, typer.Option(min=1, max=3, help="Of the world.")] = 1,
    size_px: Annotated[int, typer.Option(help="Width and height.")] = 128,
    models: Annotated[Path, typer.Option(help="Folder with the codecs' weights.")] = Path("models/aiprod-sovereign"),
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
) -> None:
    """Encode scenes of the world, pictures and sound, with the shipped codecs."""
    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    video = load_model(HWVAE, models / VIDEO_FILE).eval()
    audio = load_model(NAC, models / AUDIO_FILE).eval() if frames > 1 else None
    about = LatentsDescription(
        level=level,
        frames=frames,
        size_px=size_px,
        shard=64 if frames > 1 else 256,
        video_codec=weights_digest(video),
        audio_codec=weights_digest(audio) if audio else None,
    )
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress("encoding", *columns) as progress:
        task = progress.add_task("encoding", total=count)
        make_latents(output, count, about, video, audio, lambda done: progress.update(task, completed=done))
