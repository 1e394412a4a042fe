"""The nano text encoder: our own byte-pair tokens and a small bidirectional transformer, trained with SHDT.

Token ids `[b n]` and mask `[b n]` → features `[b n d]`. The full size puts a bridge on a local causal language
model instead; both give SHDT the same thing. Knows no files: the tokenizer comes in as its JSON.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.errors import InputError, WeightsError
from aiprod_core.models.layers import ChannelRMSNorm


@dataclass(frozen=True, kw_only=True)
class TextEncoderConfig:
    vocabulary: int
    width: int
    layers: int
    heads: int
    longest: int  # tokens, the two marks included


NANO = TextEncoderConfig(vocabulary=1024, width=256, layers=4, heads=8, longest=64)

START, END, PAD = "<s>", "</s>", "<pad>"


class TextEncoder(nn.Module):
    """Features of a text, one vector a token."""

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.position = nn.Parameter(torch.randn(config.longest, config.width) * 0.02)
        self.layers = nn.ModuleList(EncoderLayer(config.width, config.heads) for _ in range(config.layers))
        self.norm = ChannelRMSNorm(config.width)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """`ids`, `mask`: `[b n]`, True where there is a token → `[b n d]`."""
        x = self.embedding(ids) + self.position[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)


class EncoderLayer(nn.Module):
    """Pre-norm self-attention and a gated network."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_mix = ChannelRMSNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.norm_think = ChannelRMSNorm(width)
        self.widen = nn.Linear(width, 4 * width, bias=False)
        self.narrow = nn.Linear(2 * width, width, bias=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        q, k, v = rearrange(
            self.qkv(self.norm_mix(x)), "b n (three heads e) -> three b heads n e", three=3, heads=self.heads
        )
        read = F.scaled_dot_product_attention(q, k, v, attn_mask=rearrange(mask, "b n -> b 1 1 n"))
        x = x + self.out(rearrange(read, "b heads n e -> b n (heads e)"))
        value, gate = self.widen(self.norm_think(x)).chunk(2, dim=-1)
        return x + self.narrow(value * F.silu(gate))


class TextTokenizer:
    """Texts → ids and mask. Lower-cases; a text longer than the model reads is refused, not cut."""

    def __init__(self, tokenizer_json: str, longest: int) -> None:
        """Raises `WeightsError` where the JSON is not that of a tokenizer with our marks."""
        self.json = tokenizer_json
        self.longest = longest
        try:
            self.tokenizer = Tokenizer.from_str(tokenizer_json)
        except Exception as error:  # the library raises nothing narrower
            raise WeightsError(f"tokenizer: not readable ({error}); run 'aiprod models verify'") from error
        pad = self.tokenizer.token_to_id(PAD)
        if pad is None:
            raise WeightsError(f"tokenizer: got one without '{PAD}'; use the one that belongs to the text encoder")
        self.pad = pad

    def __call__(self, texts: list[str], *, full: bool = False) -> tuple[Tensor, Tensor]:
        """Ids and mask, `[b n]`, padded to the longest of `texts`, or where `full` to the longest there may be.

        Raises `InputError` for an over-long one.
        """
        encoded = [encoding.ids for encoding in self.tokenizer.encode_batch([text.lower() for text in texts])]
        length = max(len(ids) for ids in encoded)
        if length > self.longest:
            raise InputError(f"prompt: got {length} tokens, expected at most {self.longest}; shorten the sentence")
        length = self.longest if full else length
        ids = torch.tensor([ids + [self.pad] * (length - len(ids)) for ids in encoded])
        return ids, ids.ne(self.pad)
