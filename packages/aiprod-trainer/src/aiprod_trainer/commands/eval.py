"""Measure weights on held-out prompts, with a frozen judge and real renders beside them."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


@app.callback(epilog="[bold]Example[/bold]: aiprod eval nano --prompts 300 --output runs/eval")
def evaluation() -> None:
    """Measure weights on held-out prompts, with a frozen judge and real renders beside them."""


@app.command()
def nano(
    models: Annotated[Path, typer.Option(help="Folder of weights, the judge's among them.")] = Path(
        "models/aiprod-sovereign"
    ),
    output: Annotated[Path, typer.Option(help="Folder for report.json, sheet.png and the clips.")] = Path("runs/eval"),
    prompts: Annotated[int, typer.Option(min=1, help="Held-out prompts to generate.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first clip; each next one has the next.")] = 0,
    steps: Annotated[int | None, typer.Option("--num-inference-steps", min=1, help="Denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option("--guidance-scale", min=0.0, help="1 is no guidance.")] = None,
    media: Annotated[Path, typer.Option(help="Folder of real video for the codec; skipped if absent.")] = Path(
        "../shared/media/video"
    ),
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of a table.")] = False,
) -> None:
    """Generate held-out prompts of level 1, judge them, and print figure, value, bar and whether it is met.

    Clips already made by the same weights and settings are not made again. Exit code 2 if a bar is missed.
    """
    import torch
    from rich.console import Console

    from aiprod_core.generation import SovereignModels
    from aiprod_core.models.judge import AttributeJudge
    from aiprod_core.types import GenerationConfig
    from aiprod_trainer.commands.progress import clips_progress
    from aiprod_trainer.evaluation.nano import Plan, evaluate_nano

    if threads is not None:
        torch.set_num_threads(threads)
    loaded, judge = SovereignModels.load(models), AttributeJudge.load(models / "judge.safetensors")
    asked = {"num_inference_steps": steps, "guidance_scale": guidance}
    request = GenerationConfig(
        prompt="set for each clip",
        **{name: value for name, value in asked.items() if value is not None},  # type: ignore[arg-type]
    )
    if not media.is_dir():
        typer.echo(f"real video: no folder {media}, left out; name one with --media", err=True)
    plan = Plan(request=request, prompts=prompts, seed=seed, media=media if media.is_dir() else None)
    with clips_progress() as on_progress:
        report = evaluate_nano(loaded, judge, plan, output, on_progress)
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        Console().print(report.table())
        typer.echo(f"{output / 'report.json'}\n{output / 'sheet.png'}")
    if not report.met:
        raise typer.Exit(2)
