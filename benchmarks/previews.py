"""What showing clips in progress costs, and what is seen: the share of a render's seconds that previews take.

The default clip, one in two stages and the distilled one, with the shipped weights, warm, on one thread: a preview
every four steps, as is the default, and every step, which is as often as can be asked for. Seconds are the processor's
own: of a render the median of three, of a preview that of fifty with latents of its size. Prints a table, writes
build/benchmarks/previews.json and, beside it, previews.png: what was shown every step, of each pipeline up to the end.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.generation import draw_noise
from aiprod_core.previews import Preview, Previews
from aiprod_core.sampler import Progress
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.contact_sheet import GAP_PX, PAPER
from aiprod_pipelines.pipeline import SovereignPipeline
from aiprod_pipelines.rendering import PipelineName, Setup, load_pipeline, render
from aiprod_pipelines.sovereignty import provision

REQUEST = GenerationConfig(prompt="a red cat walking to the right on a beach by day under a clear sky", seed=1)
PIPELINES = (PipelineName.TI2VID_ONE_STAGE, PipelineName.TI2VID_TWO_STAGES, PipelineName.DISTILLED)
BAR = 0.02  # of a render
SHEET_SIDE_PX, SHEET_COLUMNS = 128, 10
CONSOLE = Console(width=120)


def main() -> None:
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    rolls: list[list[NDArray[np.uint8]]] = []
    table = Table("pipeline", "render s", "preview ms", "every 4 steps", "every step", "bar, every 4", title="previews")
    for name in PIPELINES:
        row, pictures = measured(name)
        rows.append(row)
        rolls.append(pictures)
        figures = [f"{row['render_s']:.2f}", f"{row['preview_s'] * 1e3:.1f}"]
        figures += [f"{row[key]:.2%}" for key in ("share_every_4", "share_every_step")]
        table.add_row(name, *figures, "met" if row["met"] else "missed")
    CONSOLE.print(table)
    CONSOLE.print(f"bar: at most {BAR:.0%} of a render")
    folder = Path("build/benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "previews.json").write_text(json.dumps(rows, indent=2) + "\n")
    sheet(rolls).save(folder / "previews.png")


def measured(name: PipelineName) -> tuple[dict[str, Any], list[NDArray[np.uint8]]]:
    """The row of one pipeline, and the pictures that it showed."""
    setup = Setup(models_dir=provision.locate(), pipeline=name, preview_every=1)
    loaded = load_pipeline(setup)
    request, film = replace(REQUEST, **name.defaults), Path("out.mp4")
    pictures: list[NDArray[np.uint8]] = []
    render(
        request,
        setup,
        film,
        on_progress=_ignored,
        loaded=loaded,
        on_preview=lambda share, picture: pictures.append(picture),
    )
    render_s = processor_s(lambda: render(request, setup, film, on_progress=_ignored, loaded=loaded), times=3)
    assert isinstance(loaded.pipeline, SovereignPipeline)
    models = loaded.pipeline.models
    latents = draw_noise(models, [request])  # in two stages of the second, whose previews take longer
    assert latents.video is not None
    preview = Preview(
        Previews(lambda share, shown: None, every=1), models.video, FlowSchedule(2).times(), latents.video
    )
    with torch.inference_mode():
        preview_s = processor_s(lambda: preview.show(Progress(1, latents)), times=50)
    every_step, every_4 = len(pictures), request.num_inference_steps // 4
    row = {
        "pipeline": name,
        "render_s": render_s,
        "preview_s": preview_s,
        "share_every_4": every_4 * preview_s / render_s,
        "share_every_step": every_step * preview_s / render_s,
        "met": every_4 * preview_s / render_s <= BAR,
    }
    return row, pictures


def processor_s(work: Callable[[], object], *, times: int) -> float:
    """The median of the processor's seconds that `work` takes."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def sheet(rolls: list[list[NDArray[np.uint8]]]) -> Image.Image:
    """A row for each pipeline: of its previews as many as fit, evenly spaced, the last one last."""
    step = SHEET_SIDE_PX + GAP_PX
    paper = Image.new("RGB", (GAP_PX + SHEET_COLUMNS * step, GAP_PX + len(rolls) * step), PAPER)
    for row, pictures in enumerate(rolls):
        shown = min(SHEET_COLUMNS, len(pictures))
        for column, pick in enumerate(np.linspace(0, len(pictures) - 1, shown).round().astype(int)):
            picture = Image.fromarray(pictures[pick]).resize((SHEET_SIDE_PX, SHEET_SIDE_PX))
            paper.paste(picture, (GAP_PX + column * step, GAP_PX + row * step))
    return paper


def _ignored(stage: str, done: int, total: int) -> None:
    return None


if __name__ == "__main__":
    main()
