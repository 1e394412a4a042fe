"""Say how long a request takes on this machine and how much memory it needs, before anything is loaded."""

import dataclasses
import json
from dataclasses import fields
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.table import Table

from aiprod_core.errors import InputError
from aiprod_core.execution import Attention, Execution
from aiprod_core.offload import Offload
from aiprod_core.quantize import WeightFormat
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.backends import Backend
from aiprod_pipelines.calibration import PROMPT, Calibrations
from aiprod_pipelines.commands.folders import CACHE_ROOT, CacheRoot, ModelsRoot, calibrations_folder
from aiprod_pipelines.commands.options import (
    AttentionKernel,
    Cache,
    Device,
    MaxMemory,
    Offloading,
    Threads,
    Tiling,
)
from aiprod_pipelines.estimate import Estimate, Fitted, made_to_fit, size
from aiprod_pipelines.machine import available_memory_bytes, check_device
from aiprod_pipelines.rendering import PipelineName, Precision, Setup
from aiprod_pipelines.sovereignty import provision
from aiprod_pipelines.workload import SIZED, Shapes, upper_bound_bytes

DEFAULTS: dict[str, Any] = {item.name: item.default for item in fields(GenerationConfig)}

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog="[bold]Example[/bold]: aiprod estimate --width 256 --height 256 --num-frames 49 --threads 1")
def estimate(
    width: Annotated[int, typer.Option(help="Pixels.")] = DEFAULTS["width"],
    height: Annotated[int, typer.Option(help="Pixels.")] = DEFAULTS["height"],
    num_frames: Annotated[int, typer.Option(help="Length in frames.")] = DEFAULTS["num_frames"],
    frame_rate: Annotated[float, typer.Option(help="Frames per second.")] = DEFAULTS["frame_rate"],
    num_inference_steps: Annotated[int, typer.Option(help="Denoising steps.")] = DEFAULTS["num_inference_steps"],
    guidance_scale: Annotated[float, typer.Option(help="CFG; 1 is none.")] = DEFAULTS["guidance_scale"],
    stg_scale: Annotated[float, typer.Option(help="STG; 0 is none.")] = DEFAULTS["stg_scale"],
    modality_scale: Annotated[float, typer.Option(help="1 is none.")] = DEFAULTS["modality_scale"],
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="With sound, or silent.")] = True,
    pipeline: Annotated[PipelineName, typer.Option(help="As for generate.")] = PipelineName.TI2VID_ONE_STAGE,
    model: Annotated[
        str, typer.Option(help="Name of a folder of weights, or a path to one.")
    ] = provision.DEFAULT_MODEL,
    models_root: ModelsRoot = None,
    precision: Annotated[Precision, typer.Option(help="As for generate.")] = "fp32",
    quantization: Annotated[WeightFormat | None, typer.Option(help="As for generate.")] = None,
    device: Device = "cpu",
    threads: Threads = None,
    offload: Offloading = Offload.NONE,
    vae_tiling: Tiling = False,
    cache: Cache = 0.0,
    attention: AttentionKernel = Attention.AUTO,
    max_memory: MaxMemory = None,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Measure this machine again first.")] = False,
    cache_root: CacheRoot = CACHE_ROOT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the estimate as one JSON object.")] = False,
) -> None:
    """Predict the peak memory and the time of `aiprod generate` with the same options, from renders measured here.

    Where this machine was not measured yet in this way of rendering, that is done first: some seconds to minutes.
    Exit code 1 where the request does not fit into --max-memory, also adapted.
    """
    config = GenerationConfig(
        prompt=PROMPT,
        width=width,
        height=height,
        num_frames=num_frames,
        frame_rate=frame_rate,
        num_inference_steps=num_inference_steps,
        guidance_scale=guidance_scale,
        stg_scale=stg_scale,
        modality_scale=modality_scale,
        audio=audio,
    )
    check_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    setup = Setup(
        models_dir=provision.locate(model, environment=models_root),
        pipeline=pipeline,
        device=device,
        precision=precision,
        quantization=quantization,
        execution=Execution(offload=offload, vae_tiling=vae_tiling, step_cache=cache, attention=attention),
    )
    setup.execution.check(torch.device(setup.device), torch.float32)
    calibrations = Calibrations(calibrations_folder(cache_root))
    if calibrate:
        calibrations.make(setup)
    found = Fitted(setup, _estimated(calibrations, config, setup))
    if max_memory is not None:
        found = made_to_fit(config, setup, max_memory, lambda request, way: _estimated(calibrations, request, way))
    if as_json:
        facts = dataclasses.asdict(found.estimate) | {"changes": found.changes, "threads": torch.get_num_threads()}
        typer.echo(json.dumps(facts))
        return
    _show(found)


def fitted(
    config: GenerationConfig, setup: Setup, max_memory_bytes: int | None, calibrations: Calibrations
) -> Fitted | None:
    """The request as it fits into what it may take, by default what is free; None where it surely does as it is.

    Says on stderr what is measured and what is changed. Raises `InputError` where nothing makes it fit, and for a
    limit on what cannot be estimated; without a limit, that goes on as it is.
    """
    foreign = setup.backend is not Backend.SOVEREIGN or setup.language_model is not None
    if foreign or setup.pipeline not in SIZED or setup.execution.compile:
        if max_memory_bytes is not None:
            raise InputError(
                "max-memory: got it with LTX-2, --text-model, --compile or a pipeline that takes a source, for which "
                "there is no estimate; leave one of them out"
            )
        return None
    if max_memory_bytes is None:
        limit = available_memory_bytes(setup.device)
        if upper_bound_bytes(config, setup, Shapes.of(setup.models_dir)) <= limit:
            return None
    else:
        limit = max_memory_bytes
    found = made_to_fit(config, setup, limit, lambda request, way: _estimated(calibrations, request, way))
    if found.changes:
        took = size(found.estimate.peak_memory_bytes)
        typer.echo(f"note: added {' and '.join(found.changes)}, to take {took} of {size(limit)}", err=True)
    return found


def _estimated(calibrations: Calibrations, config: GenerationConfig, setup: Setup) -> Estimate:
    if calibrations.find(setup) is None:
        typer.echo("note: measuring this machine first, with a few small renders", err=True)
    return calibrations.estimate(config, setup)


def _show(found: Fitted) -> None:
    told = found.estimate
    table = Table("stage", "seconds", "memory", box=None)
    for stage, seconds in told.stages_s.items():
        table.add_row(stage, f"{seconds:.1f}", size(told.stages_bytes[stage]))
    table.add_row("[bold]in all[/bold]", f"[bold]{told.seconds:.1f}[/bold]", f"[bold]{size(told.peak_memory_bytes)}")
    console = Console()
    console.print(table)
    if found.setup.execution.step_cache:
        console.print("Seconds are those without --cache, which leaves out what cannot be known before.")
    if found.changes:
        console.print(f"with {' and '.join(found.changes)}, to fit")
