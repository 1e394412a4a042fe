"""What each option that saves memory or time does to one clip: seconds, memory, and PSNR against plain fp32.

A clip of 192×192 px and 25 frames in twenty steps with the shipped weights, each row in a process of its own with one
thread. Seconds are the processor's own, so that what else runs on the machine is not measured along: of a step (the
median), of all steps, of the decoding and in all. Memory is the most the process ever held. Prints a table and writes
build/benchmarks/optimizations.json.
"""

import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from aiprod_core.execution import Attention, Execution
from aiprod_core.offload import Offload
from aiprod_core.quantize import WeightFormat
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.calibration import PROMPT, Meter
from aiprod_pipelines.machine import PeakMemory
from aiprod_pipelines.rendering import Setup, render
from aiprod_pipelines.sovereignty import provision

REQUEST = GenerationConfig(prompt=PROMPT, width=192, height=192, num_frames=25, num_inference_steps=20)
CONSOLE = Console(width=120)


def ways(plain: Setup) -> dict[str, Setup]:
    """The options, one at a time, and what goes well together."""

    def executed(**options: object) -> Setup:
        return dataclasses.replace(plain, execution=Execution(**options))  # type: ignore[arg-type]

    return {
        "plain fp32": plain,
        "--precision bf16": dataclasses.replace(plain, precision="bf16"),
        "--quantization int8": dataclasses.replace(plain, quantization=WeightFormat.INT8),
        "--quantization fp8_e4m3": dataclasses.replace(plain, quantization=WeightFormat.FP8_E4M3),
        "--offload disk": executed(offload=Offload.DISK),
        "--vae-tiling": executed(vae_tiling=True),
        "--vae-tiling --offload disk": executed(vae_tiling=True, offload=Offload.DISK),
        "--cache 0.1": executed(step_cache=0.1),
        "--cache 0.15": executed(step_cache=0.15),
        "--cache 0.2": executed(step_cache=0.2),
        "--attention math": executed(attention=Attention.MATH),
        "--compile": executed(compile=True),
    }


def main() -> None:
    rows: list[dict[str, object]] = []
    columns = ("step s", "denoise s", "decode s", "all s", "peak MiB", "PSNR dB")
    table = Table("option", *columns, title="192×192×25, 20 steps, one thread")
    with tempfile.TemporaryDirectory() as folder:
        exact = None
        for name, setup in ways(Setup(models_dir=provision.locate())).items():
            frames = Path(folder) / "frames.npy"
            took = _measured(setup, frames)
            pixels = np.load(frames).astype(float)
            exact = pixels if exact is None else exact
            error = float(np.square(pixels - exact).mean())
            psnr_db = float("inf") if error == 0 else 10 * np.log10(255**2 / error)
            rows.append({"option": name, "psnr_db": psnr_db if error else None, **took})
            measures = [f"{took[name]:.2f}" for name in ("step_s", "denoise_s", "decode_s", "all_s")]
            measures.append(f"{took['peak_bytes'] / 2**20:.0f}")
            table.add_row(name, *measures, f"{psnr_db:.1f}" if error else "the same bits")
    CONSOLE.print(table)
    path = Path("build/benchmarks/optimizations.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


def _measured(setup: Setup, frames: Path) -> dict[str, float]:
    job = json.dumps([dataclasses.asdict(setup), str(frames)], default=str)
    done = subprocess.run([sys.executable, __file__, "--one"], input=job, stdout=subprocess.PIPE, text=True, check=True)
    took: dict[str, float] = json.loads(done.stdout)
    return took


def _one() -> None:
    """Render with the setup on standard input; keep the frames and print what it took."""
    setup, frames = json.load(sys.stdin)
    torch.set_num_threads(1)
    meter = Meter(PeakMemory(), on_processor=True)
    steps_s: list[float] = []

    def told(stage: str, done: int, total: int) -> None:
        before_s, _ = meter.took.get(stage, (0.0, 0.0))
        meter(stage, done, total)
        if stage == "denoise" and done:
            steps_s.append(meter.took[stage][0] - before_s)

    rendered = render(REQUEST, TypeAdapter(Setup).validate_python(setup), Path("one.mp4"), on_progress=told)
    np.save(frames, rendered.clip.frames)
    seconds = {stage: spent for stage, (spent, _) in meter.took.items()}
    took = {
        "step_s": statistics.median(steps_s),
        "denoise_s": seconds["denoise"],
        "decode_s": seconds["decode video"],
        "all_s": sum(seconds.values()),
        "peak_bytes": max(peak for _, peak in meter.took.values()),
    }
    sys.stdout.write(json.dumps(took))


if __name__ == "__main__":
    _one() if "--one" in sys.argv else main()
