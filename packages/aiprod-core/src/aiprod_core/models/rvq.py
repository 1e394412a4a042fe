"""Residual vector quantisation: latents of sound as a few whole numbers each, for storage.

Latents `[b c l]` → codes `[b q l]` → latents. The first codebook names the nearest of its entries, each next one the
nearest to what is still missing; so the first codes alone are a coarser sound at a lower bit rate.

Knows no sound, and no way to fit a codebook; of its codec only which weights they are. Source: SoundStream
(arXiv:2107.03312), algorithm 1.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn

from aiprod_core.checkpoint import load_weights, read_header
from aiprod_core.errors import InputError, WeightsError

CODEBOOKS_FILE = "nac_rvq.safetensors"  # beside the weights of the codec


@dataclass(frozen=True, kw_only=True)
class RVQConfig:
    """`channels` of a latent; how many `codebooks`, of how many `entries`; which codec has such latents, how often.

    `codec`: the `weights_digest` of the model whose latents these are.
    """

    channels: int
    codebooks: int
    entries: int
    latent_rate_hz: float
    codec: str

    @property
    def code_bits(self) -> int:
        """Bits that hold one code."""
        return (self.entries - 1).bit_length()

    @property
    def bits_per_s(self) -> float:
        """The bit rate of all codebooks; the first n of them have n / `codebooks` of it."""
        return self.codebooks * self.code_bits * self.latent_rate_hz


class ResidualQuantizer(nn.Module):
    """The codebooks, `[q e c]`: nothing in here learns by gradients."""

    codebooks: Tensor

    def __init__(self, config: RVQConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("codebooks", torch.zeros(config.codebooks, config.entries, config.channels))

    @classmethod
    def load(cls, path: Path) -> "ResidualQuantizer":
        """The quantiser of a checkpoint. Raises `WeightsError` for a file that is missing, damaged or foreign."""
        try:
            quantiser = cls(RVQConfig(**json.loads(read_header(path)["config"])))
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(
                f"weights: {path} does not describe codebooks of this version ({error}); "
                "fit them again with 'aiprod train codebooks'"
            ) from error
        load_weights(quantiser, path)
        return quantiser.eval()

    def encode(self, latents: Tensor, codebooks: int | None = None) -> Tensor:
        """Latents `[b c l]` → codes `[b q l]`, int64 in [0, entries), q the first `codebooks`, or all.

        Fewer codebooks are the first of all codes. Coding what was decoded may give other codes after the first, whose
        latents are nearer to these than these are to the original. Raises `InputError` for latents of
        other channels, and for a number of codebooks that there is not.
        """
        if latents.ndim != 3 or latents.shape[1] != self.config.channels:
            raise InputError(
                f"latents: got shape {list(latents.shape)}, expected [b {self.config.channels} l]; "
                "use the codebooks of the codec that made them"
            )
        missing = rearrange(latents, "b c l -> b l c")
        codes = []
        for book in self.codebooks[: self._checked(codebooks)]:
            nearest = (missing @ book.T - book.square().sum(-1) / 2).argmax(-1)  # b l; |x - e|² without its |x|²
            missing = missing - book[nearest]
            codes.append(nearest)
        return torch.stack(codes, dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes `[b q l]` of the first q codebooks → latents `[b c l]`, the sum of the entries that they name.

        Raises `InputError` for codes of more codebooks than there are, or that name no entry.
        """
        count = self._checked(codes.shape[1])
        if codes.numel() and not (codes.min() >= 0 and codes.max() < self.config.entries):
            raise InputError(
                f"codes: got {int(codes.min())} to {int(codes.max())}, expected 0 to {self.config.entries - 1}; "
                "use the codebooks that made them"
            )
        named = [book[codes[:, number]] for number, book in enumerate(self.codebooks[:count])]
        return rearrange(torch.stack(named).sum(0), "b l c -> b c l")

    def _checked(self, codebooks: int | None) -> int:
        count = self.config.codebooks if codebooks is None else codebooks
        if not 1 <= count <= self.config.codebooks:
            raise InputError(f"codebooks: got {count}, expected 1 to {self.config.codebooks}; choose one of those")
        return count
