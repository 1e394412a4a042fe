"""How long the default clip takes in 4 distilled steps beside 30 steps of the teacher: warm, alternately, in one run.

Prints a table and writes build/benchmarks/distilled.json. Medians; the clip's own duration stands beside them.
"""

import json
import statistics
import time
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from aiprod_core.types import GenerationConfig
from aiprod_pipelines.distilled import DistilledPipeline
from aiprod_pipelines.pipeline import SovereignPipeline
from aiprod_pipelines.sovereignty import provision
from aiprod_pipelines.ti2vid_one_stage import TI2VidOneStagePipeline

ROUNDS = 5
REQUEST = GenerationConfig(prompt="a red cat walking to the right on a beach by day under a clear sky")
BAR = 0.2


def seconds(pipeline: SovereignPipeline, request: GenerationConfig) -> float:
    """How long one clip takes, from a loaded model to pictures and sound."""
    started_s = time.perf_counter()
    pipeline(request)
    return time.perf_counter() - started_s


def main() -> None:
    weights = provision.locate()
    teacher, student = (kind.from_pretrained(weights) for kind in (TI2VidOneStagePipeline, DistilledPipeline))
    ways = {
        "teacher, 30 steps": (teacher, replace(REQUEST, num_inference_steps=30)),
        "distilled, 8 steps": (student, replace(REQUEST, num_inference_steps=8, guidance_scale=1.0)),
        "distilled, 4 steps": (student, replace(REQUEST, num_inference_steps=4, guidance_scale=1.0)),
    }
    for pipeline, request in ways.values():
        seconds(pipeline, replace(request, num_inference_steps=1))
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (pipeline, request) in ways.items():
            taken[name].append(seconds(pipeline, request))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    slowest = medians["teacher, 30 steps"]
    title = f"{torch.get_num_threads()} threads"
    table = Table("way", "seconds", "of the teacher's", "of the clip's duration", title=title)
    for name, median_s in medians.items():
        table.add_row(name, f"{median_s:.2f}", f"{median_s / slowest:.3f}", f"{median_s / REQUEST.duration_s:.2f}")
    Console().print(table)
    ratio = medians["distilled, 4 steps"] / slowest
    Console().print(f"4 steps take {ratio:.3f} of 30 (bar {BAR}: {'met' if ratio <= BAR else 'MISSED'})")
    path = Path("build/benchmarks/distilled.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"threads": torch.get_num_threads(), "seconds": taken, "ratio": ratio}, indent=2) + "\n")


if __name__ == "__main__":
    main()
