"""Measure weights on held-out prompts, with a frozen judge and real renders beside them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from aiprod_core.types import GenerationConfig
    from aiprod_trainer.evaluation.camera import CameraReport
    from aiprod_trainer.evaluation.modes import ModesReport
    from aiprod_trainer.evaluation.report import Report

Models: TypeAlias = Annotated[Path, typer.Option(help="Folder of weights, the judge's among them.")]
Media: TypeAlias = Annotated[Path, typer.Option(help="Folder of real video for the codec; left out if absent.")]
Threads: TypeAlias = Annotated[int | None, typer.Option(min=1, help="CPU threads.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of a table.")]

WEIGHTS, MEDIA = Path("models/aiprod-sovereign"), Path("../shared/media/video")

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


@app.callback(epilog="[bold]Example[/bold]: aiprod eval nano --prompts 300 --output runs/eval")
def evaluation() -> None:
    """Measure weights on held-out prompts, with a frozen judge and real renders beside them."""


@app.command()
def nano(
    models: Models = WEIGHTS,
    output: Annotated[Path, typer.Option(help="Folder for report.json, sheet.png and the clips.")] = Path("runs/eval"),
    prompts: Annotated[int, typer.Option(min=1, help="Held-out prompts to generate.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first clip; each next one has the next.")] = 0,
    steps: Annotated[int | None, typer.Option("--num-inference-steps", min=1, help="Denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option("--guidance-scale", min=0.0, help="1 is no guidance.")] = None,
    media: Media = MEDIA,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Generate held-out prompts of level 1, judge them, and print figure, value, bar and whether it is met.

    Clips already made by the same weights and settings are not made again. Exit code 2 if a bar is missed.
    """
    from aiprod_core.family import SovereignModels
    from aiprod_core.models.judge import AttributeJudge
    from aiprod_trainer.commands.progress import clips_progress
    from aiprod_trainer.evaluation.nano import Plan, evaluate_nano

    _use_threads(threads)
    loaded, judge = SovereignModels.load(models), AttributeJudge.load(models / "judge.safetensors")
    request = _request(num_inference_steps=steps, guidance_scale=guidance)
    plan = Plan(request=request, prompts=prompts, seed=seed, media=_present(media))
    with clips_progress() as on_progress:
        report = evaluate_nano(loaded, judge, plan, output, on_progress)
    _show(report, as_json)
    if not as_json:
        typer.echo(f"{output / 'report.json'}\n{output / 'sheet.png'}")
    raise typer.Exit(0 if report.met else 2)


@app.command()
def pairs(
    models: Models = WEIGHTS,
    output: Annotated[Path, typer.Option(help="Folder for pairs.json and the clips.")] = Path("runs/eval"),
    prompts: Annotated[int, typer.Option(min=1, help="Pairs of prompts to generate.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first pair; each next one has the next.")] = 0,
    steps: Annotated[int | None, typer.Option("--num-inference-steps", min=1, help="Denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option("--guidance-scale", min=0.0, help="1 is no guidance.")] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Generate pairs of prompts that differ in one word, and judge whether the clips differ in that and nothing else.

    Clips already made by the same weights and settings, by `eval nano` too, are not made again. Exit code 2 if the bar
    is missed.
    """
    from aiprod_core.family import SovereignModels
    from aiprod_core.models.judge import AttributeJudge
    from aiprod_trainer.commands.progress import clips_progress
    from aiprod_trainer.evaluation.nano import Plan
    from aiprod_trainer.evaluation.pairs import evaluate_pairs

    _use_threads(threads)
    loaded, judge = SovereignModels.load(models), AttributeJudge.load(models / "judge.safetensors")
    plan = Plan(request=_request(num_inference_steps=steps, guidance_scale=guidance), prompts=prompts, seed=seed)
    with clips_progress() as on_progress:
        report = evaluate_pairs(loaded, judge, plan, output, on_progress)
    _show(report, as_json)
    raise typer.Exit(0 if report.met else 2)


@app.command()
def judge(
    models: Models = WEIGHTS,
    scenes: Annotated[int, typer.Option(min=1, help="Held-out scenes to render.")] = 300,
    media: Media = MEDIA,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Judge real renders of held-out scenes, as they are and after the codecs: whether the judge and the codecs hold.

    Needs no generator. Exit code 2 if a bar is missed.
    """
    from aiprod_core.family import AUDIO_FILE, VIDEO_FILE, load_model
    from aiprod_core.models.hwvae import HWVAE
    from aiprod_core.models.judge import AttributeJudge
    from aiprod_core.models.nac import NAC
    from aiprod_trainer.commands.progress import clips_progress
    from aiprod_trainer.evaluation.nano import held_out
    from aiprod_trainer.evaluation.renders import Yardstick, look_at_renders
    from aiprod_trainer.evaluation.report import Report

    _use_threads(threads)
    sound = models / AUDIO_FILE
    by = Yardstick(
        judge=AttributeJudge.load(models / "judge.safetensors"),
        video=load_model(HWVAE, models / VIDEO_FILE).eval(),
        audio=load_model(NAC, sound).eval() if sound.exists() else None,
        media=_present(media),
    )
    with clips_progress() as on_progress:
        renders = look_at_renders(held_out(scenes, by.level), by, on_progress)
    report = Report({"scenes": scenes, "sound codec": by.audio is not None}, renders.figures())
    _show(report, as_json)
    raise typer.Exit(0 if report.met else 2)


@app.command()
def modes(
    mode: Annotated[
        list[str] | None, typer.Option(help="A mode beside the plain one; all of them if none is named. Repeatable.")
    ] = None,
    models: Models = WEIGHTS,
    output: Annotated[Path, typer.Option(help="Folder for modes.json and the clips.")] = Path("runs/eval"),
    prompts: Annotated[int, typer.Option(min=1, help="Held-out prompts to generate in each mode.")] = 48,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first clip; each next one has the next.")] = 0,
    steps: Annotated[int | None, typer.Option("--num-inference-steps", min=1, help="Denoising steps.")] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Generate the same held-out prompts under other guidance and in eight bits, and judge each mode beside plain.

    Clips already made by the same weights and settings, by `eval nano` too, are not made again.
    """
    from aiprod_core.errors import InputError
    from aiprod_core.models.judge import AttributeJudge
    from aiprod_trainer.commands.progress import clips_progress
    from aiprod_trainer.evaluation.modes import MODES, evaluate_modes
    from aiprod_trainer.evaluation.nano import Plan

    for name in mode or ():
        if name not in MODES:
            raise InputError(f"mode: got {name!r}, expected one of {', '.join(map(repr, MODES))}; name one of them")
    _use_threads(threads)
    judge = AttributeJudge.load(models / "judge.safetensors")
    plan = Plan(request=_request(num_inference_steps=steps), prompts=prompts, seed=seed)
    with clips_progress() as on_progress:
        report = evaluate_modes(models, judge, plan, mode or list(MODES), output, on_progress)
    _show(report, as_json)


@app.command()
def conditions(
    models: Models = WEIGHTS,
    output: Annotated[Path, typer.Option(help="Folder for conditions.json and references.png.")] = Path("runs/eval"),
    scenes: Annotated[int, typer.Option(min=2, help="Held-out scenes.")] = 24,
    steps: Annotated[int | None, typer.Option("--num-inference-steps", min=1, help="Denoising steps.")] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure what is made of what is given: pictures at frames, clips at twice the size, clips at another time of day.

    Exit code 2 if a bar is missed.
    """
    from aiprod_core.checkpoint import weights_digest
    from aiprod_core.family import SovereignModels
    from aiprod_trainer.commands.progress import clips_progress
    from aiprod_trainer.evaluation.conditions import Given, evaluate_conditions
    from aiprod_trainer.evaluation.report import Report

    _use_threads(threads)
    loaded = SovereignModels.load(models)
    given = Given(weights=models, request=_request(audio=False, num_inference_steps=steps), scenes=scenes)
    with clips_progress() as on_progress:
        figures = evaluate_conditions(loaded, given, output / "references.png", on_progress)
    report = Report({"scenes": scenes, "transformer": weights_digest(loaded.shdt)}, figures)
    report.write(output / "conditions.json")
    _show(report, as_json)
    raise typer.Exit(0 if report.met else 2)


@app.command()
def camera(
    move: Annotated[
        list[str] | None, typer.Option(help="A move to measure; all of them if none is named. Repeatable.")
    ] = None,
    models: Models = WEIGHTS,
    output: Annotated[Path, typer.Option(help="Folder for camera.json and the clips.")] = Path("runs/eval"),
    prompts: Annotated[int, typer.Option(min=1, help="Held-out prompts to generate with every move.")] = 8,
    renders: Annotated[int, typer.Option(min=1, help="Real renders that the measurement is checked on.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first clip; each next one has the next.")] = 0,
    steps: Annotated[int | None, typer.Option("--num-inference-steps", min=1, help="Denoising steps.")] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Steer the camera of held-out prompts by each move at strengths 0.3, 0.6 and 1, and measure how it moves.

    Beside it, the prompt's words alone. Clips already made by the same weights and settings are not made again.
    """
    from aiprod_core.errors import InputError
    from aiprod_core.family import SovereignModels
    from aiprod_core.models.judge import AttributeJudge
    from aiprod_trainer.commands.progress import clips_progress
    from aiprod_trainer.evaluation.camera import MOVES, evaluate_camera
    from aiprod_trainer.evaluation.nano import Plan

    for name in move or ():
        if name not in MOVES:
            raise InputError(f"move: got {name!r}, expected one of {', '.join(MOVES)}; name one of them")
    _use_threads(threads)
    loaded, judge = SovereignModels.load(models), AttributeJudge.load(models / "judge.safetensors")
    plan = Plan(request=_request(num_inference_steps=steps), prompts=prompts, seed=seed)
    with clips_progress() as on_progress:
        report = evaluate_camera(loaded, judge, plan, output, on_progress, renders=renders, moves=move or MOVES)
    _show(report, as_json)


def _request(**asked: Any) -> "GenerationConfig":
    """The request of every clip but for its prompt and seed; what is None stays as it is by default."""
    from aiprod_core.types import GenerationConfig

    return GenerationConfig(
        prompt="set for each clip", **{name: value for name, value in asked.items() if value is not None}
    )


def _use_threads(threads: int | None) -> None:
    import torch

    from aiprod_trainer.trainer import keep_freed_memory

    keep_freed_memory()
    if threads is not None:
        torch.set_num_threads(threads)


def _present(media: Path) -> Path | None:
    if media.is_dir():
        return media
    typer.echo(f"real video: no folder {media}, left out; name one with --media", err=True)
    return None


def _show(report: "Report | ModesReport | CameraReport", as_json: bool) -> None:
    from rich.console import Console

    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        Console().print(report.table())
