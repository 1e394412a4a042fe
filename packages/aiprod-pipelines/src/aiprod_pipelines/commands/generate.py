"""Render a sentence into a film clip with sound, and write its receipt beside it."""

import json
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from aiprod_core.errors import InputError
from aiprod_core.execution import PLAINLY, Execution
from aiprod_core.quantize import WeightFormat
from aiprod_core.types import GenerationConfig, SourceCondition
from aiprod_pipelines import backends, output
from aiprod_pipelines.backends.ltx2 import notice_of
from aiprod_pipelines.backends.ltx2_checkpoint import open_checkpoint
from aiprod_pipelines.backends.ltx2_requests import ADVISED
from aiprod_pipelines.calibration import Calibrations
from aiprod_pipelines.commands.camera import Camera
from aiprod_pipelines.commands.estimate import fitted
from aiprod_pipelines.commands.folders import CACHE_ROOT, CacheRoot, ModelsRoot, TextModel, calibrations_folder
from aiprod_pipelines.commands.options import (
    AttentionKernel,
    Cache,
    Compiling,
    Device,
    MaxMemory,
    Offloading,
    Rate,
    Threads,
    Tiling,
)
from aiprod_pipelines.commands.progress import live_progress
from aiprod_pipelines.commands.several_words import Pinned, SeveralWordsCommand, WithLoras
from aiprod_pipelines.contact_sheet import encode_contact_sheet
from aiprod_pipelines.machine import check_device
from aiprod_pipelines.media import check_video_path
from aiprod_pipelines.proof.paper import receipt_path
from aiprod_pipelines.rendering import PipelineName, Precision, Rendered, Setup, render
from aiprod_pipelines.sovereignty import provision
from aiprod_pipelines.sovereignty.offline import forbid_network

DEFAULTS: dict[str, Any] = {item.name: item.default for item in fields(GenerationConfig)}
EPILOG = """
[bold]Examples[/bold]

aiprod generate "a red cat walking to the right on a beach by day under a clear sky"

aiprod generate "a blue bird flying in a forest at dusk in the rain" --seed 7 --num-frames 33 --output-path bird.mp4

aiprod generate "a cat running on a beach" --image cat.png 0 1.0 --negative-prompt "rain" --json

aiprod generate "a cat jumping on a beach" --pipeline retake --source cat.mp4 --start 1.0 --end 1.8
"""

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


def _guidance(help_text: str) -> Any:
    """An option of the panel that holds them all."""
    return typer.Option(help=help_text, rich_help_panel="Guidance")


@app.command(cls=SeveralWordsCommand, epilog=EPILOG)
def generate(
    context: typer.Context,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="What the clip shows, in a sentence or two.", show_default=False)
    ],
    seed: Annotated[int, typer.Option(help="The same seed gives the same film.")] = DEFAULTS["seed"],
    negative_prompt: Annotated[str, typer.Option(help="What to stay away from.")] = "",
    width: Annotated[int, typer.Option(help="Pixels; 256 in two stages.")] = DEFAULTS["width"],
    height: Annotated[int, typer.Option(help="Pixels; 256 in two stages.")] = DEFAULTS["height"],
    num_frames: Annotated[int, typer.Option(help="Length in frames.")] = DEFAULTS["num_frames"],
    frame_rate: Annotated[float, typer.Option(help="Frames per second.")] = DEFAULTS["frame_rate"],
    num_inference_steps: Annotated[int, typer.Option(help="Denoising steps; 4 if distilled.")] = DEFAULTS[
        "num_inference_steps"
    ],
    refine_steps: Annotated[int, typer.Option(help="Steps of the second stage; 0 is none.")] = DEFAULTS["refine_steps"],
    refine_start: Annotated[
        float, typer.Option(help="How much the second stage draws anew, 0 (nothing) to 1.")
    ] = DEFAULTS["refine_start"],
    guidance_scale: Annotated[
        float, _guidance("How hard to follow the prompt (CFG); 1 is not at all harder.")
    ] = DEFAULTS["guidance_scale"],
    guidance_rescale: Annotated[float, _guidance("How much of guidance's contrast to take back, 0 to 1.")] = DEFAULTS[
        "guidance_rescale"
    ],
    apg_eta: Annotated[
        float, _guidance("APG: share kept of what only exaggerates; 1 is plain CFG, 0 the paper's.")
    ] = DEFAULTS["apg_eta"],
    apg_norm_threshold: Annotated[
        float, _guidance("APG: the most that guidance may add to a latent; 0 is no limit.")
    ] = DEFAULTS["apg_norm_threshold"],
    stg_scale: Annotated[
        float, _guidance("STG: how far from a pass with attention off; 0 is none. One more pass.")
    ] = DEFAULTS["stg_scale"],
    stg_blocks: Annotated[
        list[int] | None, _guidance("STG: a layer to turn off, the middle one if none is named. Repeat for more.")
    ] = None,
    modality_scale: Annotated[
        float, _guidance("How hard pictures and sound follow each other; 1 is as they do. One more pass.")
    ] = DEFAULTS["modality_scale"],
    audio_guidance_scale: Annotated[float | None, _guidance("For the sound; as for pictures if left out.")] = None,
    audio_guidance_rescale: Annotated[float | None, _guidance("For the sound.")] = None,
    audio_stg_scale: Annotated[float | None, _guidance("For the sound.")] = None,
    audio_modality_scale: Annotated[float | None, _guidance("For the sound.")] = None,
    image: Pinned = None,
    camera: Camera = None,
    pipeline: Annotated[
        PipelineName, typer.Option(help="What to make of the prompt, the pictures and the source.")
    ] = PipelineName.TI2VID_ONE_STAGE,
    source: Annotated[
        Path | None, typer.Option(help="A film or sound to work on, by the pipelines that take one.")
    ] = None,
    start: Annotated[
        float | None, typer.Option(help="Seconds: begin of the span of the source; see its pipeline.")
    ] = None,
    end: Annotated[float | None, typer.Option(help="Seconds: end of the span of the source.")] = None,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="With sound, or silent.")] = True,
    model: Annotated[
        str, typer.Option(help="Name of a folder of weights, or a path to one; ltx2:PATH for weights of LTX-2.")
    ] = provision.DEFAULT_MODEL,
    lora: WithLoras = None,
    models_root: ModelsRoot = None,
    text_model: TextModel = None,
    precision: Annotated[
        Precision, typer.Option(help="fp32 repeats best, bf16 is faster where the CPU has it.")
    ] = "fp32",
    quantization: Annotated[WeightFormat | None, typer.Option(help="Bring the weights to eight bits.")] = None,
    device: Device = "cpu",
    threads: Threads = None,
    offload: Offloading = PLAINLY.offload,
    vae_tiling: Tiling = False,
    cache: Cache = 0.0,
    compile_model: Compiling = False,
    attention: AttentionKernel = PLAINLY.attention,
    max_memory: MaxMemory = None,
    cache_root: CacheRoot = CACHE_ROOT,
    rate_eur_per_h: Rate = 0.0,
    snapshot_every: Annotated[
        int | None,
        typer.Option(min=1, help="Keep the render every so many steps; the same command goes on from there."),
    ] = None,
    output_path: Annotated[Path, typer.Option(help="The .mp4 to write; the receipt goes beside it.")] = Path("out.mp4"),
    contact_sheet: Annotated[
        Path | None, typer.Option(help="Also write a .png with the clip's frames and sound.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Render PROMPT into a film clip with sound: H.264 and AAC in one .mp4, with its receipt beside it."""
    began_s = time.perf_counter()
    config = GenerationConfig(
        prompt=prompt,
        negative_prompt=negative_prompt,
        seed=seed,
        width=width,
        height=height,
        num_frames=num_frames,
        frame_rate=frame_rate,
        num_inference_steps=num_inference_steps,
        refine_steps=refine_steps,
        refine_start=refine_start,
        guidance_scale=guidance_scale,
        guidance_rescale=guidance_rescale,
        apg_eta=apg_eta,
        apg_norm_threshold=apg_norm_threshold,
        stg_scale=stg_scale,
        stg_blocks=tuple(stg_blocks or ()),
        modality_scale=modality_scale,
        audio_guidance_scale=audio_guidance_scale,
        audio_guidance_rescale=audio_guidance_rescale,
        audio_stg_scale=audio_stg_scale,
        audio_modality_scale=audio_modality_scale,
        audio=audio,
        camera=camera,
        images=tuple(image or ()),
        source=source_condition(source, start, end),
    )
    backend, models_dir = backends.locate(model, environment=models_root)
    defaults = pipeline.defaults
    if backend is backends.Backend.LTX2:
        typer.echo(notice_of(open_checkpoint(models_dir)), err=True)
        defaults = ADVISED
    config = replace(config, **{name: value for name, value in defaults.items() if left_out(context, name)})
    check_source(pipeline, config)
    check_video_path(output_path)
    for path in (output_path, contact_sheet):
        if path is not None:
            output.check_writable(path)
    check_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    setup = Setup(
        models_dir=models_dir,
        backend=backend,
        pipeline=pipeline,
        loras=tuple(lora or ()),
        language_model=text_model,
        device=device,
        precision=precision,
        quantization=quantization,
        execution=Execution(
            offload=offload, vae_tiling=vae_tiling, step_cache=cache, compile=compile_model, attention=attention
        ),
        rate_eur_per_h=rate_eur_per_h,
        snapshot_every=snapshot_every,
    )
    fit = fitted(config, setup, max_memory, Calibrations(calibrations_folder(cache_root)))
    if fit is not None:
        setup = fit.setup
    with forbid_network(), live_progress() as on_progress:
        rendered = render(config, setup, output_path, on_progress=on_progress)
    files = {output_path: rendered.mp4, receipt_path(output_path): rendered.receipt.to_json()}
    if contact_sheet is not None:
        files[contact_sheet] = encode_contact_sheet(rendered.clip)
    output.save(files)
    if rendered.snapshots is not None:
        rendered.snapshots.remove()
        if rendered.snapshots.resumed_at:
            typer.echo(f"note: resumed at step {rendered.snapshots.resumed_at}, from a snapshot", err=True)
    changes = fit.changes if fit is not None else ()
    _report(rendered, output_path, changes, time.perf_counter() - began_s, as_json)


def left_out(context: typer.Context, name: str) -> bool:
    """Whether an option was not given."""
    came_from = context.get_parameter_source(name)
    return came_from is not None and came_from.name == "DEFAULT"


def source_condition(path: Path | None, start_s: float | None, end_s: float | None) -> SourceCondition | None:
    """The source that the options name. Raises `InputError` for a span of nothing."""
    if path is None:
        if start_s is not None or end_s is not None:
            raise InputError("start, end: got a span of no source; name a film or a sound with --source PATH")
        return None
    return SourceCondition(path=path, start_s=start_s or 0.0, end_s=end_s)


def check_source(pipeline: PipelineName, config: GenerationConfig) -> None:
    """Raise `InputError` for a source or pictures that the pipeline would not look at."""
    if config.source is not None and not pipeline.takes_source:
        names = ", ".join(name for name in PipelineName if name.takes_source)
        raise InputError(
            f"source: got one for {pipeline}, which takes none; choose --pipeline {names}, or leave it out"
        )
    if config.images and pipeline.takes_source:
        raise InputError(f"image: got one for {pipeline}, which takes a source and no pictures; leave it out")


def _report(rendered: Rendered, film: Path, changes: Sequence[str], elapsed_s: float, as_json: bool) -> None:
    receipt = rendered.receipt
    if as_json:
        facts = {
            "output": str(film),
            "receipt": str(receipt_path(film)),
            "sha256": receipt.output.sha256,
            "duration_s": receipt.output.duration_s,
            "elapsed_s": round(elapsed_s, 3),
            "timings_s": receipt.timings_s,
            "changes": changes,
            "peak_memory_bytes": receipt.cost.peak_memory_bytes,
            "unknown_words": receipt.unknown_words,
        }
        typer.echo(json.dumps(facts))
        return
    typer.echo(
        f"{film}: {receipt.output.duration_s:.1f} s of film in {elapsed_s:.1f} s; receipt {receipt_path(film).name}"
    )
    if receipt.unknown_words:
        words = ", ".join(map(repr, receipt.unknown_words))
        note = (
            f"note: {receipt.model.name} does not know {words} and drew the rest. "
            "For a larger model: aiprod models install FOLDER, then aiprod generate --model NAME"
        )
        typer.secho(note, fg="yellow", err=True)
