"""One denoising step of SHDT nano beside the transformer of LTX-2 (diffusers), at equal parameters and equal tokens.

Then how both, and SHDT with softmax attention in every layer, grow with the number of video tokens. The peer is built
from its configuration with random weights, with the widths and inputs of SHDT nano and as many layers as bring it to
the same number of parameters; nothing of it is read or kept. Models take turns within each round; figures are medians.

Prints tables and writes build/benchmarks/peer_transformer.json. Needs the extra ltx2; without it the peer is
left out, with a message.
"""

import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from aiprod_core.models import shdt
from aiprod_core.types import LatentState

ROUNDS = 7
TIMES_THE_TOKENS = (1, 2, 4, 8)
FRAMES, SIDE, AUDIO, WORDS = 7, 16, 63, 40  # latents of the default clip: 25 frames of 128 px with 2.5 s of sound
FRAME_RATE_HZ = 10.0
RATIO_BAR, EXPONENT_BAR = 0.8, 1.3
CONSOLE = Console()


@dataclass(frozen=True)
class Contestant:
    """`step(times)` is a function that takes one denoising step of a clip with `times` the default's tokens."""

    name: str
    parameters: int
    step: Callable[[int], Callable[[], object]]


def main() -> None:
    nano = shdt.NANO
    ours = sovereign("SHDT nano", nano)
    control = sovereign("SHDT nano, softmax only", replace(nano, mixers=("softmax",) * len(nano.mixers)))
    peer = ltx2(nano, ours.parameters)
    contestants = [ours, control, *([peer] if peer else [])]
    seconds = {times: medians(contestants, times) for times in TIMES_THE_TOKENS}
    tokens = {times: times * FRAMES * (SIDE // nano.patch) ** 2 for times in TIMES_THE_TOKENS}
    exponents = {c.name: exponent(tokens, {t: seconds[t][c.name] for t in seconds}) for c in contestants}

    title = f"one denoising step, ms, {torch.get_num_threads()} threads, median of {ROUNDS}"
    table = Table("model", "parameters", *(f"{count} tokens" for count in tokens.values()), "exponent", title=title)
    for c in contestants:
        times_ms = (f"{1e3 * seconds[times][c.name]:.0f}" for times in tokens)
        table.add_row(c.name, f"{c.parameters / 1e6:.2f}M", *times_ms, f"{exponents[c.name]:.2f}")
    CONSOLE.print(table)
    CONSOLE.print(f"growth of SHDT: exponent {exponents[ours.name]:.2f}, bar ≤ {EXPONENT_BAR}")
    report: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "models": [
            {"name": c.name, "parameters": c.parameters, "exponent": exponents[c.name]}
            | {"step_s": {str(tokens[times]): seconds[times][c.name] for times in tokens}}
            for c in contestants
        ],
    }
    if peer:
        ratios = {tokens[times]: seconds[times][ours.name] / seconds[times][peer.name] for times in tokens}
        shown = ", ".join(f"{ratio:.2f} at {count} tokens" for count, ratio in ratios.items())
        CONSOLE.print(f"time of SHDT over that of the peer: {shown}; bar ≤ {RATIO_BAR}")
        report["ratio"] = {str(count): ratio for count, ratio in ratios.items()}
    path = Path("build/benchmarks/peer_transformer.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")


def sovereign(name: str, config: shdt.SHDTConfig) -> Contestant:
    """SHDT; it reads the text once for all steps, so that reading is no part of a step."""
    model = shdt.SHDT(config).eval()

    def step(times: int) -> Callable[[], object]:
        frames = times * FRAMES
        state = LatentState(
            torch.randn(1, config.video_channels, frames, SIDE, SIDE), torch.randn(1, config.audio_channels, AUDIO)
        )
        text = model.read(torch.randn(1, WORDS, config.text_width), torch.ones(1, WORDS, dtype=torch.bool))
        t = torch.full((1, 1), 0.5)
        return lambda: model(state, text, t.expand(1, frames), t, FRAME_RATE_HZ)

    return Contestant(name, count(model), step)


def ltx2(like: shdt.SHDTConfig, parameters: int) -> Contestant | None:
    """diffusers' `LTX2VideoTransformer3DModel` with the widths of `like`, its depth chosen to come nearest in size."""
    try:
        from diffusers import LTX2VideoTransformer3DModel
    except ImportError:
        CONSOLE.print("peer left out: it needs the extra ltx2, which `make setup` installs")
        return None
    channels = like.video_channels * like.patch**2

    def built(layers: int) -> nn.Module:
        return LTX2VideoTransformer3DModel(  # type: ignore[no-any-return]
            in_channels=channels,
            out_channels=channels,
            num_attention_heads=like.heads,
            attention_head_dim=like.video_width // like.heads,
            cross_attention_dim=like.video_width,
            vae_scale_factors=(like.compression.time, like.compression.space, like.compression.space),
            audio_in_channels=like.audio_channels,
            audio_out_channels=like.audio_channels,
            audio_num_attention_heads=like.heads,
            audio_attention_head_dim=like.audio_width // like.heads,
            audio_cross_attention_dim=like.audio_width,
            audio_sampling_rate=like.sample_rate_hz,
            audio_hop_length=like.compression.hop,
            audio_scale_factor=1,
            num_layers=layers,
            caption_channels=like.text_width,
        )

    with torch.device("meta"):
        layers = min(range(1, 16), key=lambda n: abs(count(built(n)) - parameters))
    model = built(layers).eval()

    def step(times: int) -> Callable[[], object]:
        frames, side = times * FRAMES, SIDE // like.patch
        text, mask = torch.randn(1, WORDS, like.text_width), torch.ones(1, WORDS)
        where = model.rope.prepare_video_coords(1, frames, side, side, torch.device("cpu"), fps=FRAME_RATE_HZ)
        when = model.audio_rope.prepare_audio_coords(1, AUDIO, torch.device("cpu"))
        inputs = {
            "hidden_states": torch.randn(1, frames * side**2, channels),
            "audio_hidden_states": torch.randn(1, AUDIO, like.audio_channels),
            "encoder_hidden_states": text,
            "audio_encoder_hidden_states": text,
            "timestep": torch.full((1,), 500),
            "encoder_attention_mask": mask,
            "audio_encoder_attention_mask": mask,
            "num_frames": frames,
            "height": side,
            "width": side,
            "fps": FRAME_RATE_HZ,
            "audio_num_frames": AUDIO,
            "video_coords": where,  # made once for all steps, as its pipeline does
            "audio_coords": when,
        }
        return lambda: model(**inputs, return_dict=False)

    return Contestant(f"LTX-2 transformer, {layers} layers", count(model), step)


def count(model: nn.Module) -> int:
    """Parameters of a model."""
    return sum(p.numel() for p in model.parameters())


@torch.inference_mode()
def medians(contestants: list[Contestant], times: int) -> dict[str, float]:
    """Seconds of one step by name, after two that are not counted."""
    steps = {c.name: c.step(times) for c in contestants}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(-2, ROUNDS):
        for name, step in steps.items():
            started_s = time.perf_counter()
            step()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - started_s)
    return {name: statistics.median(column) for name, column in seconds.items()}


def exponent(tokens: dict[int, int], seconds: dict[int, float]) -> float:
    """The slope of log time over log tokens, by least squares."""
    points = [(math.log(tokens[times]), math.log(seconds[times])) for times in tokens]
    mean_x, mean_y = (sum(column) / len(points) for column in zip(*points, strict=True))
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


if __name__ == "__main__":
    main()
