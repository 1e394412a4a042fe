"""The step `shot`: a clip with sound rendered from words, and from pictures or the end of another clip where given.

Models stay loaded from one shot to the next of the same process.
"""

import tempfile
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from aiprod_core.camera import CameraMove
from aiprod_core.types import GenerationConfig, ImageCondition
from aiprod_pipelines.backends import Backend
from aiprod_pipelines.delivery.intermediate import write_intermediate
from aiprod_pipelines.film.steps import Report
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.machine import check_device
from aiprod_pipelines.picture import Format, Sound
from aiprod_pipelines.pipeline import ClipPipeline
from aiprod_pipelines.rendering import PipelineName, Setup, load_pipeline

PICTURE = "picture {}"  # role of the pictures that are pinned, by number
CONTINUED = "continued"  # role of the clip that this one goes on from
WEIGHTS = "weights/"


def make(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path, report: Report) -> None:
    """Render `params["request"]`, fields of `GenerationConfig`. `inputs`: weights, pictures, the clip before."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        config = _config(params, inputs, Path(folder))
        weights = {role.removeprefix(WEIGHTS): path for role, path in inputs.items() if role.startswith(WEIGHTS)}
        pipeline = _pipeline(params["backend"], params["pipeline"], _place(weights), params.get("device", "cpu"))
        clip = pipeline(config, on_progress=_denoising(report))
    _, height, width, _ = clip.frames.shape
    format = Format(width_px=width, height_px=height, frame_rate=Fraction(clip.frame_rate_hz).limit_denominator(1001))
    sound = None if clip.audio is None else Sound(clip.audio, clip.sample_rate_hz)
    write_intermediate(out, clip.frames, format, sound)


def _config(params: Mapping[str, Any], inputs: Mapping[str, Path], folder: Path) -> GenerationConfig:
    request = dict(params["request"])
    camera = request.pop("camera", None)
    images = [
        ImageCondition(path=inputs[PICTURE.format(number)], frame=pinned["frame"], strength=pinned["strength"])
        for number, pinned in enumerate(request.pop("images", ()))
    ]
    if CONTINUED in inputs:
        last = next(Footage.open(inputs[CONTINUED]).frames(params["continued_frame"]))
        picture = folder / "last.png"
        Image.fromarray(last if last.dtype == "uint8" else (last >> 8).astype("uint8")).save(picture)
        images.insert(0, ImageCondition(path=picture))
    return GenerationConfig(**request, camera=None if camera is None else CameraMove(*camera), images=tuple(images))


def _place(weights: Mapping[str, Path]) -> Path:
    """The folder that holds the weights, or the one file that they are."""
    paths = list(weights.values())
    if len(paths) == 1:
        return paths[0]
    role, path = next(iter(weights.items()))
    return path.parents[len(Path(role).parts) - 1]


@lru_cache(maxsize=1)
def _pipeline(backend: str, pipeline: str, place: Path, device: str) -> ClipPipeline:
    check_device(device)
    setup = Setup(models_dir=place, backend=Backend(backend), pipeline=PipelineName(pipeline), device=device)
    return load_pipeline(setup).pipeline


def _denoising(report: Report) -> Any:
    def tell(stage: str, done: int, total: int) -> None:
        if stage == "denoise":
            report(done, total)

    return tell
