"""How large every model is, at every size: built on the meta device and counted, without a byte of weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from aiprod_core.models import hwvae, judge, nac, shdt, text_encoder, upsampler

NO_CLASSES = judge.JudgeConfig(shown={}, moving={}, heard={})  # they come from the world, which core does not know

_MODELS: tuple[tuple[str, str, Callable[[Any], nn.Module], Any, str], ...] = (
    ("SHDT", "nano", shdt.SHDT, shdt.NANO, "8M to 30M"),
    ("SHDT", "small", shdt.SHDT, shdt.SMALL, "25M to 35M"),
    ("SHDT", "full", shdt.SHDT, shdt.FULL, "18B to 20B"),
    ("HW-VAE", "nano", hwvae.HWVAE, hwvae.NANO, "2M to 4M"),
    ("HW-VAE", "full", hwvae.HWVAE, hwvae.FULL, "135M to 165M"),
    ("NAC", "nano", nac.NAC, nac.NANO, "up to 5M"),
    ("NAC", "full", nac.NAC, nac.FULL, "45M to 55M"),
    ("upsampler", "nano", upsampler.LatentUpsampler, upsampler.NANO, "up to 2M"),
    ("upsampler", "full", upsampler.LatentUpsampler, upsampler.FULL, "5M and more"),
    ("text encoder", "nano", text_encoder.TextEncoder, text_encoder.NANO, "up to 8M"),
    ("judge", "nano", judge.AttributeJudge, NO_CLASSES, "up to 3M, without its classes"),
)


@dataclass(frozen=True)
class ModelSize:
    """Parameters of the model `name` at `size` ("nano", "small" or "full"); `target`: what they should be, in words."""

    name: str
    size: str
    parameters: int
    target: str


def model_sizes() -> list[ModelSize]:
    """Every model at every size that it has."""
    return [ModelSize(name, size, _parameters(model, config), target) for name, size, model, config, target in _MODELS]


def _parameters(model: Callable[[Any], nn.Module], config: Any) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in model(config).parameters())
