"""What an LTX-2 clip is given besides its prompt, in the shapes of diffusers: pictures at frames, a reference clip."""

import importlib
from pathlib import Path
from typing import Any

from PIL import Image
from safetensors import safe_open

from aiprod_core.errors import InputError
from aiprod_core.types import Compression, GenerationConfig
from aiprod_pipelines.media import read_image
from aiprod_pipelines.source import read_film, source_of, span_of


def pictures(config: GenerationConfig, by: Compression, *, shrunk_by: int = 1) -> list[Any]:
    """The pictures of a request as `LTX2VideoCondition`, at the size of the clip divided by `shrunk_by`."""
    condition = importlib.import_module("diffusers.pipelines.ltx2").LTX2VideoCondition
    return [
        condition(
            frames=read_image(image.path, config.width // shrunk_by, config.height // shrunk_by),
            index=place(image.frame, by),
            strength=image.strength,
        )
        for image in config.images
    ]


def place(frame: int, by: Compression) -> float:
    """Pixel frame → index of diffusers, which counts latents and puts index n at pixel frame 8·(n − 1) + 1.

    Between two latents it takes a fraction, so that a picture stands at its very frame.
    """
    return 0 if frame == 0 else (frame - 1) / by.time + 1


def reference(config: GenerationConfig, by: Compression) -> Any:
    """The source of a request as `LTX2ReferenceCondition`: its span, at the frame rate of the clip.

    As long as the clip, or the longest legal length that the span has. Raises `MediaError` for a film that cannot be
    read, `InputError` for a span that is not in it.
    """
    condition = importlib.import_module("diffusers.pipelines.ltx2").LTX2ReferenceCondition
    source, film = source_of(config), read_film(config)
    start_s, end_s = span_of(source, film.duration_s, source.path)
    count = min(config.num_frames, int((end_s - start_s) * config.frame_rate + 1e-6))
    if count < 1:
        raise InputError(
            f"start, end: got {end_s - start_s:.3f} s, shorter than a frame of the clip; choose a longer span"
        )
    count = (count - 1) // by.time * by.time + 1
    times_s = (start_s + n / config.frame_rate for n in range(count))
    shown = [min(int(time_s * film.frame_rate_hz + 1e-6), len(film.frames) - 1) for time_s in times_s]
    return condition(frames=[Image.fromarray(film.frames[index]) for index in shown])


def reference_scale(lora: Path) -> int:
    """How many times smaller than the clip an IC-LoRA wants its reference, as its file says; 1 where it says none."""
    with safe_open(lora, framework="pt") as file:
        written = (file.metadata() or {}).get("reference_downscale_factor", "1")
    return int(float(written))
