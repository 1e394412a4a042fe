"""What rendering like requests together gains here: clips a second in batches of 1, 2, 4 and 8.

The default clip with the shipped weights, and the distilled one; warm, one thread, medians of interleaved runs. Seconds
are the clock's, for clips a second, and the processor's own, which what else runs on the machine does not lengthen. The
peak is the process's, beside what `most_that_fit` reckons with. Of the largest batch, the pixels of each film are
compared with those that it has alone, and the bytes of the first with those that it has among copies of itself, which
is how `aiprod replay` makes it. Prints a table and writes build/benchmarks/batching.json.
"""

import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from aiprod_core.types import GenerationConfig
from aiprod_pipelines.machine import PeakMemory
from aiprod_pipelines.quality.compare import compare_clips
from aiprod_pipelines.rendering import Loaded, PipelineName, Rendered, Setup, load_pipeline, render_batch
from aiprod_pipelines.sovereignty import provision

BATCHES, ROUNDS = (1, 2, 4, 8), 3
PROMPTS = (
    "a red cat walking to the right on a beach by day under a clear sky",
    "a blue bird flying in a forest at dusk in the rain",
    "a yellow robot standing still in a city at night",
    "a green dog running to the left in a meadow by day, camera panning left",
    "a white cat jumping in the snow by day",
    "a red robot walking to the left in a desert at sunset under a clear sky, static camera",
    "a black dog standing still on a beach at night in the rain",
    "a blue bird flying over a city by day in the fog, slow zoom in",
)
CONSOLE = Console(width=120)


def main() -> None:
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    names = ("batch", "clips/s", "of batch 1", "processor s a clip", "peak MiB", "reckoned MiB", "load")
    table = Table("pipeline", *names, title=f"128×128×25, one thread, medians of {ROUNDS}")
    for pipeline in (PipelineName.TI2VID_ONE_STAGE, PipelineName.DISTILLED):
        for row in measured(Setup(models_dir=provision.locate(), pipeline=pipeline)):
            rows.append({"pipeline": pipeline, **row})
            figures = [f"{row['clips_per_s']:.3f}", f"{row['gain']:.2f}", f"{row['processor_s']:.2f}"]
            sizes = [f"{row[name] / 2**20:.0f}" for name in ("peak_bytes", "reckoned_bytes")]
            table.add_row(pipeline, str(row["batch"]), *figures, *sizes, f"{row['load']:.1f}")
    CONSOLE.print(table)
    for row in rows[len(BATCHES) - 1 :: len(BATCHES)]:
        said = (
            f"{row['pipeline']}, batch {row['batch']}: pixels at {row['worst_psnr_db']:.1f} dB or better of those alone"
        )
        CONSOLE.print(f"{said}; replayed from copies to the byte: {_word(row['replayed'])}")
    fits = all(row["peak_bytes"] <= row["reckoned_bytes"] for row in rows)
    CONSOLE.print(f"peaks within what is reckoned with: {_word(fits)}")
    path = Path("build/benchmarks/batching.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


def measured(setup: Setup) -> list[dict[str, Any]]:
    """A row for each size of batch."""
    requests = [
        replace(GenerationConfig(prompt=prompt, seed=seed), **setup.pipeline.defaults)
        for seed, prompt in enumerate(PROMPTS)
    ]
    loaded = load_pipeline(setup)
    rendered(requests[:1], loaded)  # the first render allocates what all others use again
    memory = PeakMemory()
    clock_s, processor_s, peaks, loads = (defaultdict[int, list[float]](list) for _ in range(4))
    films: list[Rendered] = []
    for _ in range(ROUNDS):
        for batch in BATCHES:
            began = time.perf_counter(), time.process_time()
            films = rendered(requests[:batch], loaded)
            clock_s[batch].append(time.perf_counter() - began[0])
            processor_s[batch].append(time.process_time() - began[1])
            peaks[batch].append(memory.since_last_asked_bytes())
            loads[batch].append(os.getloadavg()[0])
    alone_bytes, alike = max(peaks[1]), likeness(requests, films, loaded)
    return [
        {
            "batch": batch,
            "clips_per_s": batch / statistics.median(clock_s[batch]),
            "gain": batch * statistics.median(clock_s[1]) / statistics.median(clock_s[batch]),
            "processor_s": statistics.median(processor_s[batch]) / batch,
            "peak_bytes": max(peaks[batch]),
            "reckoned_bytes": batch * alone_bytes,
            "load": statistics.median(loads[batch]),
            **(alike if batch == BATCHES[-1] else {}),
        }
        for batch in BATCHES
    ]


def rendered(requests: Sequence[GenerationConfig], loaded: Loaded) -> list[Rendered]:
    films = [Path(f"{number}.mp4") for number in range(len(requests))]
    return render_batch(requests, loaded.setup, films, on_progress=lambda *stage: None, loaded=loaded)


def likeness(requests: Sequence[GenerationConfig], films: Sequence[Rendered], loaded: Loaded) -> dict[str, Any]:
    """Of a batch: pixels against those of each film alone, the least alike; and whether copies give the same bytes."""
    alone = [rendered([request], loaded)[0].clip for request in requests]
    decibels = [compare_clips(one, film.clip).psnr_db for one, film in zip(alone, films, strict=True)]
    copies = rendered([requests[0]] * len(requests), loaded)
    return {"worst_psnr_db": min(filter(None, decibels)), "replayed": all(copy.mp4 == films[0].mp4 for copy in copies)}


def _word(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    main()
