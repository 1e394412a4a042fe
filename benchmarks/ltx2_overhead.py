"""What the LTX-2 backend costs over diffusers called directly: the same tiny weights, request and seed, the same clip.

Both load once; then they take turns, each the first in every other round, and the medians are compared. The weights are
tiny and random, so that what the backend adds would show; on real ones it is the same seconds beside minutes.

Prints a table and writes build/benchmarks/ltx2_overhead.json. Needs the extra ltx2.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the tiny weights are written
from tiny_ltx2 import PROMPT, write_tiny_ltx2

from aiprod_core.types import GenerationConfig
from aiprod_pipelines.backends.ltx2 import LTX2Backend

ROUNDS, UNCOUNTED = 9, 2
BAR = 1.05
CONFIG = GenerationConfig(
    prompt=PROMPT, seed=1, width=128, height=128, num_frames=25, frame_rate=24.0, num_inference_steps=8
)
CONSOLE = Console()
Pixels = NDArray[np.uint8]


def main() -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "ltx2"
        write_tiny_ltx2(folder, "2.3")
        runs = {"diffusers": directly(folder), "aiprod": through_aiprod(folder)}
        same = bool((runs["diffusers"]() == runs["aiprod"]()).all())
        seconds = taking_turns(runs)
    medians_s = {name: statistics.median(column) for name, column in seconds.items()}
    ratio = medians_s["aiprod"] / medians_s["diffusers"]

    title = f"a clip of tiny LTX-2 weights, {torch.get_num_threads()} threads, {ROUNDS} rounds"
    table = Table("run", "median s", "least s", title=title)
    for name, column in seconds.items():
        table.add_row(name, f"{medians_s[name]:.3f}", f"{min(column):.3f}")
    CONSOLE.print(table)
    CONSOLE.print(f"aiprod over diffusers: {ratio:.3f}, bar ≤ {BAR}; same pixels: {'yes' if same else 'no'}")
    path = Path("build/benchmarks/ltx2_overhead.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"threads": torch.get_num_threads(), "seconds": seconds, "ratio": ratio, "bar": BAR, "same_pixels": same}
    path.write_text(json.dumps(report, indent=2) + "\n")


def through_aiprod(folder: Path) -> Callable[[], Pixels]:
    """The backend, from the request to pixels and sound."""
    backend = LTX2Backend.from_pretrained(folder)
    return lambda: backend(CONFIG).frames


def directly(folder: Path) -> Callable[[], Pixels]:
    """The pipeline of diffusers with the same arguments, its frames brought to bytes as any film needs them."""
    from diffusers import LTX2Pipeline

    pipeline = LTX2Pipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.vae.enable_tiling()

    def run() -> Pixels:
        frames, _ = pipeline(
            CONFIG.prompt,
            negative_prompt="",
            width=CONFIG.width,
            height=CONFIG.height,
            num_frames=CONFIG.num_frames,
            frame_rate=CONFIG.frame_rate,
            num_inference_steps=CONFIG.num_inference_steps,
            guidance_scale=CONFIG.guidance_scale,
            guidance_rescale=0.0,
            stg_scale=0.0,
            modality_scale=1.0,
            audio_guidance_scale=None,
            audio_guidance_rescale=None,
            audio_stg_scale=None,
            audio_modality_scale=None,
            generator=torch.Generator().manual_seed(CONFIG.seed),
            output_type="pt",
            return_dict=False,
        )
        pixels: Pixels = (frames[0] * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        return pixels

    return run


def taking_turns(runs: dict[str, Callable[[], Pixels]]) -> dict[str, list[float]]:
    """Seconds of each, one after the other, whoever was second being first in the next round."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(-UNCOUNTED, ROUNDS):
        for name in list(runs)[:: 1 if turn % 2 else -1]:
            started_s = time.perf_counter()
            runs[name]()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - started_s)
    return seconds


if __name__ == "__main__":
    main()
