"""What a request costs in units that no machine changes: tokens, latents, pixels, a list for each stage of a render.

Arithmetic on a request and the sizes of the models that render it. Loads no torch: a gateway reckons as well.
"""

from dataclasses import dataclass
from typing import TypeAlias

from aiprod_core.components.passes import Pass, passes_of
from aiprod_core.models.tiling import tiles
from aiprod_core.types import Compression, GenerationConfig, half_size

Amounts: TypeAlias = tuple[float, ...]
CHUNK = 16  # latent frames that HW-VAE decodes at a time


@dataclass(frozen=True)
class Load:
    """A stage: what its seconds are a weighted sum of, and what its bytes are."""

    time: Amounts
    memory: Amounts
    known_bytes: float = 0.0  # on top of what is weighed


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """A family of models, as far as it decides what a request costs.

    `decoder_context`: latent frames before a chunk that are decoded along. `decoder_border`: latents around a tile.
    """

    compression: Compression
    sample_rate_hz: int
    decoder_context: int
    decoder_border: int


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a request is rendered, likewise. `keeps_scores`: attention holds the scores of all pairs of tokens."""

    two_stages: bool = False
    tiled: bool = False
    keeps_scores: bool = False


def amounts(config: GenerationConfig, way: Way, sizes: Sizes) -> dict[str, Load]:
    """Every stage of a render, by the names that are reported. Raises `InputError` for an illegal request."""
    config.validate(sizes.compression)
    film = float(config.width * config.height * config.num_frames)
    stages = {"load": Load((1,), (1,)), "text": Load((1,), (1,))}
    if way.two_stages:
        small = half_size(config, sizes.compression.size_multiple_px)
        stages["denoise"] = denoising(small, way, sizes, config.num_inference_steps)
        stages["upsample"] = Load((1, film), (1, film))
        stages["refine"] = denoising(config, way, sizes, config.refine_steps)
    else:
        stages["denoise"] = denoising(config, way, sizes, config.num_inference_steps)
    stages["decode video"] = decoding(config, way, sizes)
    if config.audio:
        stages["decode sound"] = Load((1, config.duration_s), (1, film, config.duration_s))
    stages["encode"] = Load((1, film), (1, film))
    return stages


def denoising(config: GenerationConfig, way: Way, sizes: Sizes, steps: int) -> Load:
    """Time: calls, tokens, pairs of tokens. Memory: tokens of the largest call, and pairs where scores are kept."""
    by, passes = sizes.compression, passes_of(config)
    frame = (config.width // by.size_multiple_px) * (config.height // by.size_multiple_px)
    sound = by.audio_tokens(round(config.duration_s * sizes.sample_rate_hz)) if config.audio else 0
    tokens = float(by.latent_frames(config.num_frames) * frame + sound)
    calls = [2 if Pass.UNPROMPTED in passes else 1, *(1 for name in (Pass.PERTURBED, Pass.ISOLATED) if name in passes)]
    time = (steps * len(calls), steps * sum(calls) * tokens, steps * sum(calls) * tokens**2)
    pairs = (calls[0] * tokens**2,) if way.keeps_scores else ()
    mask_bytes = 5 * tokens**2 if Pass.ISOLATED in passes else 0.0  # one a pair, and four where it is added
    return Load(time, (1.0, calls[0] * tokens, *pairs), mask_bytes)


def decoding(config: GenerationConfig, way: Way, sizes: Sizes) -> Load:
    """Time: latents that are decoded, with borders and context, and pixels. Memory: latents at a time, and pixels."""
    frames = sizes.compression.latent_frames(config.num_frames)
    chunks = [min(start + CHUNK, frames) - max(0, start - sizes.decoder_context) for start in range(0, frames, CHUNK)]
    sides = [
        [tile.seen_to - tile.seen_from for tile in tiles(px // sizes.compression.space, sizes.decoder_border)]
        if way.tiled
        else [px // sizes.compression.space]
        for px in (config.height, config.width)
    ]
    film = float(config.width * config.height * config.num_frames)
    at_once, in_all = max(chunks) * max(sides[0]) * max(sides[1]), sum(chunks) * sum(sides[0]) * sum(sides[1])
    return Load((1.0, in_all, film), (1.0, at_once, film))
