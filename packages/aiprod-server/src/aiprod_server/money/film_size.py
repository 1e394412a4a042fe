"""What a film from words or a storyboard will have to render: its shots as clips. Renders nothing, loads no torch.

Words are told by the rules here, whoever directs the film later: a language model's storyboard is not known before.
"""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from aiprod_core.types import GenerationConfig
from aiprod_pipelines.film.scenarist import Wishes
from aiprod_pipelines.film.shots import Renderer
from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_pipelines.film.timing import Timing
from aiprod_server.orchestration.blocks import Orchestration
from aiprod_server.orchestration.director import by_rules
from aiprod_server.orchestration.storyboards import strangers_storyboard


def shots_of(
    request: Mapping[str, Any], config: Orchestration, models_root: Path | None
) -> list[tuple[str, GenerationConfig]]:
    """Pipeline and request of every shot that is rendered.

    Raises:
        InputError: a storyboard, or words, that make no film.
        WeightsError: no such model is on this machine.
    """
    board, quality = _storyboard(request, config), config.tier(request["tier"]).film_quality
    root = None if models_root is None else str(models_root)
    renderer = Renderer.of(request["model"], quality, board.size_px, models_root=root)
    timing, shots = Timing(board), []
    for part in timing.parts:
        if part.shot is not None:
            seen_s = Fraction(part.frames) / timing.rate * Fraction(part.shot.speed).limit_denominator(10_000)
            length: dict[str, Any] = {
                "num_frames": renderer.num_frames(seen_s),
                "frame_rate": float(renderer.frame_rate_hz),
            }
            shots.append((renderer.pipeline, GenerationConfig(prompt=part.name, **length, **renderer.settings)))
    return shots


def _storyboard(request: Mapping[str, Any], config: Orchestration) -> Storyboard:
    if request.get("storyboard") is not None:
        return strangers_storyboard(request["storyboard"], request["tier"], config)
    return by_rules(request["prompt"], Wishes())
