"""The agent visualTranslator for clips: what the model is told, within what the operator allows. Pure.

Storyboards become plans by `aiprod_pipelines.film.compile`.
"""

from collections.abc import Mapping
from typing import Any

from aiprod_core.camera import TAGS, prompt_with, said_in
from aiprod_server.orchestration.blocks import Orchestration, VisualTranslator
from aiprod_server.orchestration.sanitizer import FieldError


def clip_words(prompt: str, rules: VisualTranslator) -> str:
    """A clip's prompt, with the operator's camera where it says none."""
    if rules.clip_camera is None or said_in(prompt) is not None:
        return prompt
    return prompt_with(prompt, TAGS[rules.clip_camera])


def check_clip(request: Mapping[str, Any], config: Orchestration) -> None:
    """Raise `FieldError` for a clip of more pixels, frames or steps than the operator allows."""
    executor, tier = config.render_executor, config.tier(request["tier"])
    limits = {
        "width": executor.max_side_px,
        "height": executor.max_side_px,
        "num_frames": executor.max_frames,
        "num_inference_steps": tier.max_steps,
    }
    for field, most in limits.items():
        if request[field] > most:
            raise FieldError(field, f"got {request[field]}, expected at most {most} in the tier {request['tier']}")
