"""What `aiprod estimate` predicts beside what renders take: ten requests, each in a process of its own.

One thread. Seconds are those of the processor, in prediction and measurement alike, so that what else runs on the
machine is not measured along; the clock's are printed beside them. Memory is the most the process ever held, as in a
receipt. Every way to render is calibrated anew first. Prints a table and writes build/benchmarks/estimate.json.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from aiprod_core.execution import Execution
from aiprod_core.quantize import WeightFormat
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.calibration import PROMPT, Calibrations
from aiprod_pipelines.rendering import Setup, render
from aiprod_pipelines.sovereignty import provision

BAR = 0.2
TILED, INT8 = {"execution": Execution(vae_tiling=True)}, {"quantization": WeightFormat.INT8}
REQUESTS = (
    ({"num_inference_steps": 10}, {}),
    ({"width": 64, "height": 64, "num_frames": 9, "num_inference_steps": 4}, {}),
    ({"width": 256, "height": 256, "num_inference_steps": 4}, {}),
    ({"width": 320, "height": 320, "num_inference_steps": 2}, {}),
    ({"width": 192, "height": 128, "num_frames": 49, "num_inference_steps": 4}, {}),
    ({"num_frames": 97, "num_inference_steps": 3}, {}),
    ({"width": 256, "height": 256, "num_frames": 49, "num_inference_steps": 2}, TILED),
    ({"width": 256, "num_inference_steps": 6, "guidance_scale": 1.0, "audio": False}, {}),
    ({"num_inference_steps": 6}, INT8),
    ({"width": 192, "height": 192, "num_inference_steps": 3, "stg_scale": 1.0}, INT8),
)
CONSOLE = Console(width=120)


def main() -> None:
    torch.set_num_threads(1)
    models_dir = provision.locate()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        calibrations = Calibrations(Path(folder))
        for asked, way in REQUESTS:
            config = GenerationConfig(prompt=PROMPT, **asked)  # type: ignore[arg-type]
            setup = Setup(models_dir=models_dir, **way)  # type: ignore[arg-type]
            told = calibrations.estimate(config, setup)
            rows.append({"request": _words(config, setup), "load": os.getloadavg()[0]} | _measured(config, setup))
            rows[-1] |= {"told_s": told.seconds, "told_bytes": told.peak_memory_bytes}
    table = Table("request", "told s", "took s", "off", "clock s", "told MiB", "took MiB", "off", title="one thread")
    for row in rows:
        row["off_s"], row["off_bytes"] = row["told_s"] / row["took_s"] - 1, row["told_bytes"] / row["took_bytes"] - 1
        table.add_row(
            row["request"],
            *(f"{row['told_s']:.1f}", f"{row['took_s']:.1f}", f"{row['off_s']:+.0%}", f"{row['clock_s']:.1f}"),
            *(f"{row[name] / 2**20:.0f}" for name in ("told_bytes", "took_bytes")),
            f"{row['off_bytes']:+.0%}",
        )
    CONSOLE.print(table)
    worst = {name: max(abs(row[name]) for row in rows) for name in ("off_s", "off_bytes")}
    met = "met" if max(worst.values()) <= BAR else "missed"
    CONSOLE.print(f"furthest off: time {worst['off_s']:.0%}, memory {worst['off_bytes']:.0%}; bar {BAR:.0%}: {met}")
    path = Path("build/benchmarks/estimate.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


def _words(config: GenerationConfig, setup: Setup) -> str:
    marks = [f"{config.width}×{config.height}×{config.num_frames}", f"{config.num_inference_steps} steps"]
    marks += ["no guidance"] * (config.guidance_scale == 1) + ["STG"] * (config.stg_scale > 0)
    marks += ["silent"] * (not config.audio) + ["tiled"] * setup.execution.vae_tiling
    return ", ".join([*marks, *([str(setup.quantization)] if setup.quantization else [])])


def _measured(config: GenerationConfig, setup: Setup) -> dict[str, float]:
    job = json.dumps([dataclasses.asdict(config), dataclasses.asdict(setup)], default=str)
    done = subprocess.run([sys.executable, __file__, "--one"], input=job, capture_output=True, text=True, check=True)
    took: dict[str, float] = json.loads(done.stdout)
    return took


def _one() -> None:
    """Render the request on standard input; print what it took."""
    config, setup = json.load(sys.stdin)
    torch.set_num_threads(1)
    request, way = TypeAdapter(GenerationConfig).validate_python(config), TypeAdapter(Setup).validate_python(setup)
    clock_s, processor_s = time.perf_counter(), time.process_time()
    rendered = render(request, way, Path("one.mp4"), on_progress=lambda stage, done, total: None)
    took = {
        "took_s": time.process_time() - processor_s,
        "clock_s": time.perf_counter() - clock_s,
        "took_bytes": rendered.receipt.cost.peak_memory_bytes,
    }
    sys.stdout.write(json.dumps(took))


if __name__ == "__main__":
    _one() if "--one" in sys.argv else main()
