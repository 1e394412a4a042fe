"""What rendering a shot takes: the weights, the size and the length that its model knows, the settings of a quality.

Knows names of files and arithmetic of lengths; loads no model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from aiprod_core.errors import InputError
from aiprod_pipelines import backends
from aiprod_pipelines.backends import Backend

MEMORY_BYTES = 900 * 2**20  # Python, PyTorch, nano weights, and a clip in the making
_TOKENIZER = "tokenizer.json"
_ALWAYS = ("hwvae.safetensors", "nac.safetensors", "text_encoder.safetensors", _TOKENIZER, "words.json")
LTX2_STEP_PX = 32


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How a shot is rendered. `settings`: fields of a request. `files`: the weights that decide its picture."""

    pipeline: str
    settings: Mapping[str, Any]
    files: tuple[str, ...]


# The nano model has seen squares of 128 px; the second stage doubles them.
QUALITIES: Mapping[str, Quality] = {
    "draft": Quality(
        pipeline="distilled",
        settings={"width": 128, "height": 128, "num_inference_steps": 4, "guidance_scale": 1.0},
        files=(*_ALWAYS, "shdt_distilled.safetensors"),
    ),
    "standard": Quality(
        pipeline="ti2vid_two_stages",
        settings={"width": 256, "height": 256, "num_inference_steps": 10, "refine_steps": 0},
        files=(*_ALWAYS, "shdt.safetensors", "upsampler.safetensors"),
    ),
    "fine": Quality(
        pipeline="ti2vid_two_stages",
        settings={"width": 256, "height": 256, "num_inference_steps": 20, "refine_steps": 3},
        files=(*_ALWAYS, "shdt.safetensors", "upsampler.safetensors"),
    ),
}
LTX2_STEPS = {"draft": 12, "standard": 30, "fine": 40}


@dataclass(frozen=True, kw_only=True)
class Renderer:
    """A model at a quality. `settings`, `pipeline`: what a request says. `weights`: role → file, all of them hashed.

    Lengths are `frame_step` · n + 1 frames at `frame_rate_hz`.
    """

    backend: Backend
    pipeline: str
    settings: Mapping[str, Any]
    weights: Mapping[str, Path]
    frame_step: int
    frame_rate_hz: int
    takes_negative_prompt: bool

    @classmethod
    def of(cls, model: str, quality: str, size_px: tuple[int, int], *, models_root: str | None) -> "Renderer":
        """The renderer of shots for a film of `size_px`. Raises `WeightsError` where its weights are not here."""
        backend, place = backends.locate(model, environment=models_root)
        if backend is Backend.LTX2:
            width, height = (max(round(side / LTX2_STEP_PX), 1) * LTX2_STEP_PX for side in size_px)
            files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
            return cls(
                backend=backend,
                pipeline="ti2vid_one_stage",
                settings={"width": width, "height": height, "num_inference_steps": LTX2_STEPS[quality]},
                weights={path.name if path == place else str(path.relative_to(place)): path for path in files},
                frame_step=8,
                frame_rate_hz=24,
                takes_negative_prompt=True,
            )
        chosen = QUALITIES[quality]
        missing = [name for name in chosen.files if not (place / name).is_file()]
        if missing == [_TOKENIZER]:
            raise InputError(
                f"model {model}: got weights without {_TOKENIZER}, which read through a language model, expected ones "
                "with a text encoder of their own: films take no other so far; render clips of these with 'aiprod "
                "generate --text-model PATH'"
            )
        if missing:
            raise InputError(
                f"model {model}: got weights without {', '.join(missing)}, expected them for quality {quality}; "
                "choose another quality, or install whole weights with 'aiprod models install'"
            )
        return cls(
            backend=backend,
            pipeline=chosen.pipeline,
            settings=chosen.settings,
            weights={name: place / name for name in chosen.files},
            frame_step=4,
            frame_rate_hz=10,
            takes_negative_prompt=chosen.pipeline != "distilled",
        )

    def num_frames(self, duration_s: Fraction) -> int:
        """The least legal number of frames that lasts at least `duration_s`."""
        least = math.ceil(duration_s * self.frame_rate_hz)
        return math.ceil(max(least - 1, 0) / self.frame_step) * self.frame_step + 1
