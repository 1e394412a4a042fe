"""The text bridge: what a causal language model makes of a text, turned into what SHDT reads.

Hidden states of several of its layers `[b n h]` and mask `[b n]` → features `[b n d]`, as of the nano text encoder. A
word of a causal model knows nothing of those after it; a few layers that look both ways tell it. Knows no language
model and no files: `aiprod_core.language_model` puts the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aiprod_core.models.layers import ChannelRMSNorm
from aiprod_core.models.text_encoder import EncoderLayer


@dataclass(frozen=True, kw_only=True)
class TextBridgeConfig:
    """`language_model`, `language_model_sha256`: the one it was trained on, and fits alone.

    `reads`: its hidden states that are read, 0 for its embeddings, i for what comes out of its layer i.
    """

    language_model: str
    language_model_sha256: str
    hidden: int  # width of those states
    reads: tuple[int, ...]
    width: int
    layers: int
    heads: int
    longest: int  # tokens, marks included
    rank: int = 0  # of the LoRA on the language model; 0: it has none


class TextBridge(nn.Module):
    """Features of a text, one vector a token of the language model."""

    def __init__(self, config: TextBridgeConfig) -> None:
        super().__init__()
        self.config = config
        self.norms = nn.ModuleList(ChannelRMSNorm(config.hidden) for _ in config.reads)
        self.mix = nn.Linear(len(config.reads) * config.hidden, config.width, bias=False)
        self.layers = nn.ModuleList(EncoderLayer(config.width, config.heads) for _ in range(config.layers))
        self.norm = ChannelRMSNorm(config.width)

    def forward(self, states: Sequence[Tensor], mask: Tensor) -> Tensor:
        """`states`: `[b n h]` for each that `config.reads`; `mask`: `[b n]`, True where there is a token → `[b n d]`.

        States are normed first, since those of a language model grow from layer to layer by orders of magnitude.
        """
        dtype = self.mix.weight.dtype
        normed = [norm(state.to(dtype)) for norm, state in zip(self.norms, states, strict=True)]
        x = self.mix(torch.cat(normed, dim=-1))
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)
