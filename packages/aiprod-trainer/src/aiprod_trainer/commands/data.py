"""Make data to train on: clips of the procedural world, their latents, and what a transformer makes of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

if TYPE_CHECKING:  # torch takes seconds to import
    from aiprod_core.family import SovereignModels
    from aiprod_trainer.evaluation.renders import OnProgress

Split: TypeAlias = Literal["train", "test"]
Output: TypeAlias = Annotated[Path, typer.Option(help="Folder of the set; finished shards in it are kept.")]
Start: TypeAlias = Annotated[int, typer.Option(min=0, help="Number of the first, to share the work.")]
Model: TypeAlias = Annotated[Path, typer.Option(help="Folder of the model's weights.")]
Guidance: TypeAlias = Annotated[float, typer.Option("--guidance-scale", min=1.0, help="As clips will be generated.")]
Bf16: TypeAlias = Annotated[bool, typer.Option("--bf16/--fp32", help="Faster where the processor has bf16 units.")]
Device: TypeAlias = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where the transformer runs.")]
Threads: TypeAlias = Annotated[int | None, typer.Option(min=1, help="CPU threads.")]
SOVEREIGN = Path("models/aiprod-sovereign")

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


@app.callback(epilog="[bold]Example[/bold]: aiprod data synth --count 100 --level 1 --output world")
def data() -> None:
    """Make data to train on: clips of the procedural world, their latents, and what a transformer makes of them."""


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
    with kept_when_stopped(output), clips_progress() as on_progress:
        made = synthesise(order, output, lambda done: on_progress("render", done, count))
    typer.echo(f"{output / MANIFEST}: {count} clips, {made} of them made now")


@app.command(epilog="[bold]Example[/bold]: aiprod data latents --count 6016 --output runs/latents-clips")
def latents(
    output: Output,
    count: Annotated[int, typer.Option(min=1, help="Training scenes to encode, from the first.")] = 6016,
    frames: Annotated[int, typer.Option(min=1, help="Frames a clip; 1 is a picture.")] = 25,
    level: Annotated[int, typer.Option(min=1, max=3, help="Difficulty of the world.")] = 1,
    size_px: Annotated[int, typer.Option(help="Width and height.")] = 128,
    sound: Annotated[bool, typer.Option("--sound/--no-sound", help="Sound can be added to a set later.")] = True,
    view: Annotated[
        Literal["clips", "edges", "relit"],
        typer.Option(help="The clips; or references for an in-context LoRA: edges, or the clips at another time."),
    ] = "clips",
    models: Annotated[Path, typer.Option(help="Folder with the codecs' weights.")] = SOVEREIGN,
    threads: Threads = None,
) -> None:
    """Encode scenes with the codecs, pictures and sound, once for many trainings.

    Stopped with Ctrl-C, the same command goes on where it was.
    """
    import torch

    from aiprod_core.checkpoint import weights_digest
    from aiprod_core.family import AUDIO_FILE, VIDEO_FILE, load_model
    from aiprod_core.models.hwvae import HWVAE
    from aiprod_core.models.nac import NAC
    from aiprod_trainer.commands.progress import clips_progress
    from aiprod_trainer.data.latents import LatentsDescription, make_latents
    from aiprod_trainer.trainer import keep_freed_memory

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    video = load_model(HWVAE, models / VIDEO_FILE).eval()
    audio = load_model(NAC, models / AUDIO_FILE).eval() if sound and frames > 1 else None
    about = LatentsDescription(
        level=level,
        frames=frames,
        size_px=size_px,
        shard=64 if frames > 1 else 256,
        video_codec=weights_digest(video, without="decoder."),
        audio_codec=weights_digest(audio, without="decoder.") if audio else None,
        view=view,
    )
    with kept_when_stopped(output), clips_progress() as on_progress:
        make_latents(output, count, about, video, audio, lambda done: on_progress("encode", done, count))
    typer.echo(f"{output}: {count} clips")


@app.command(epilog="[bold]Example[/bold]: aiprod data trajectories --count 1024 --output runs/trajectories")
def trajectories(
    output: Output,
    count: Annotated[int, typer.Option(min=1, help="Runs of the teacher.")] = 1024,
    start: Start = 0,
    models: Model = SOVEREIGN,
    guidance: Guidance = 2.0,
    bf16: Bf16 = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Let the model generate clips of training prompts and keep the way it went, for a student of few steps.

    Stopped with Ctrl-C, the same command goes on where it was.
    """
    from aiprod_trainer.data.trajectories import TrajectoriesDescription, make_trajectories, teacher_digest

    teacher = loaded(models, device, threads)
    about = TrajectoriesDescription(teacher=teacher_digest(teacher), guidance_scale=guidance)
    with drawing(teacher, output, bf16) as on_progress:
        runs = range(start, start + count)
        make_trajectories(output, runs, about, teacher, lambda done: on_progress("walk", done, count))
    typer.echo(f"{output}: {count} runs")


@app.command(epilog="[bold]Example[/bold]: aiprod data redrawn --count 1024 --output runs/redrawn")
def redrawn(
    output: Output,
    latents: Annotated[Path, typer.Option(help="Latents of the clips, with sound.")] = Path("runs/latents-clips"),
    count: Annotated[int, typer.Option(min=1, help="Clips to redraw.")] = 1024,
    start: Start = 0,
    models: Model = SOVEREIGN,
    guidance: Guidance = 2.0,
    bf16: Bf16 = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Give clips noise and let the model draw them again, for a decoder that is to forgive the model's errors.

    Stopped with Ctrl-C, the same command goes on where it was.
    """
    from aiprod_core.checkpoint import weights_digest
    from aiprod_trainer.data.latents import LatentSet
    from aiprod_trainer.data.redrawn import RedrawnDescription, make_redrawn
    from aiprod_trainer.data.trajectories import teacher_digest

    artist = loaded(models, device, threads)
    about = RedrawnDescription(
        transformer=teacher_digest(artist),
        video_codec=weights_digest(artist.video, without="decoder."),
        guidance_scale=guidance,
    )
    held = LatentSet(latents, start + count)
    with drawing(artist, output, bf16) as on_progress:
        clips = range(start, start + count)
        make_redrawn(output, clips, about, held, artist, lambda done: on_progress("redraw", done, count))
    typer.echo(f"{output}: {count} clips")


def loaded(models: Path, device: str, threads: int | None) -> "SovereignModels":
    """The models, where they are to work for long."""
    import torch

    from aiprod_core.family import SovereignModels
    from aiprod_trainer.trainer import keep_freed_memory, pick_device

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    return SovereignModels.load(models, device=str(pick_device(device)))


@contextmanager
def drawing(models: "SovereignModels", output: Path, bf16: bool) -> "Iterator[OnProgress]":
    """Within it the models draw, progress is shown, and a stop says what is kept."""
    import torch

    from aiprod_trainer.commands.progress import clips_progress

    fast = torch.autocast(models.device.type, dtype=torch.bfloat16, enabled=bf16)
    with kept_when_stopped(output), fast, clips_progress() as on_progress:
        yield on_progress


@contextmanager
def kept_when_stopped(output: Path) -> Iterator[None]:
    """Ctrl-C says what is kept, and how to go on, and ends the command."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        typer.echo(f"stopped; what is finished is kept in {output}, the same command goes on from there", err=True)
        raise typer.Exit(130) from interrupt
