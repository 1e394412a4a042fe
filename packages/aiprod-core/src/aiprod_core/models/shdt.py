"""SHDT: Sovereign Hybrid Diffusion Transformer, joint video and audio, for flow matching.

Noisy video `[b c t h w]` and audio `[b c l]` latents, a time for each, and text go in; the velocity `v = ε − x` of
both comes out. Two streams run side by side, a wide one for video and a narrow one for audio. Most layers mix each
stream with itself by linear attention and a local convolution; the `softmax` layers, the first and the last among
them, let video, audio and text attend to each other at once. Positions are rotary and in seconds for both streams,
so that a sound and the frame that makes it share an angle.

Knows no files, no noise and no schedule. Sources: linear attention with ReLU features and gated convolution, SANA
(arXiv:2410.10629); adaLN-single, PixArt-α (arXiv:2310.00426); QK-norm (arXiv:2302.05442).
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.models.layers import ChannelRMSNorm, per_frame
from aiprod_core.models.modulation import Readout, Stream, TimeEmbedding
from aiprod_core.models.rotary import RotaryPositions, Turn
from aiprod_core.types import Compression, LatentState

Mixer: TypeAlias = Literal["softmax", "linear"]


@dataclass(frozen=True, kw_only=True)
class SHDTConfig:
    """Sizes of the transformer. `mixers` has one entry a layer; all "softmax" is the control."""

    video_channels: int
    audio_channels: int
    text_width: int
    patch: int  # latents a side in one video token
    video_width: int
    audio_width: int
    heads: int
    head_width: int
    mixers: tuple[Mixer, ...]
    expansion: float = 2.5
    compression: Compression
    sample_rate_hz: int = 24000
    spans: bool = False  # whether it is told the time it jumps to, as a model of few steps is

    @property
    def inner(self) -> int:
        """Width of queries, keys and values, shared by both streams."""
        return self.heads * self.head_width

    @property
    def audio_rate_hz(self) -> float:
        """Audio tokens a second: the unit in which rotary time is counted."""
        return self.sample_rate_hz / self.compression.hop


def hybrid(layers: int, linear_between: int) -> tuple[Mixer, ...]:
    """A softmax layer, `linear_between` linear ones, and so on; the last layer is softmax."""
    return tuple("softmax" if i % (linear_between + 1) == 0 or i == layers - 1 else "linear" for i in range(layers))


NANO = SHDTConfig(
    video_channels=48,
    audio_channels=32,
    text_width=256,
    patch=2,
    video_width=256,
    audio_width=128,
    heads=8,
    head_width=32,
    mixers=hybrid(10, linear_between=2),
    compression=Compression(time=4, space=8, hop=960, patch=2),
)
SMALL = SHDTConfig(
    video_channels=48,
    audio_channels=32,
    text_width=256,
    patch=2,
    video_width=384,
    audio_width=192,
    heads=8,
    head_width=48,
    mixers=hybrid(13, linear_between=2),
    compression=Compression(time=4, space=8, hop=960, patch=2),
)
FULL = SHDTConfig(
    video_channels=128,
    audio_channels=64,
    text_width=1152,
    patch=1,
    video_width=4608,
    audio_width=2048,
    heads=36,
    head_width=128,
    mixers=hybrid(60, linear_between=3),
    compression=Compression(time=8, space=32, hop=1920, patch=1),
    sample_rate_hz=48000,
)


@dataclass(frozen=True)
class TextContext:
    """What the model keeps of a text over all steps: keys and values per softmax layer, and one vector."""

    keys: tuple[Tensor, ...]  # each [b heads n head_width]
    values: tuple[Tensor, ...]
    mask: Tensor  # [b n], True where there is text
    pooled: Tensor  # [b video_width]

    def first(self, count: int) -> "TextContext":
        """The first `count` texts of the batch."""
        keys, values = tuple(k[:count] for k in self.keys), tuple(v[:count] for v in self.values)
        return TextContext(keys, values, self.mask[:count], self.pooled[:count])


@dataclass(frozen=True, kw_only=True)
class Attending:
    """Who attends to whom, where guidance asks for less than everything.

    `skipped`: layers in which a token attends to itself alone. `isolated`: pictures and sound do not attend to each
    other.
    """

    skipped: frozenset[int] = frozenset()
    isolated: bool = False


EVERYTHING = Attending()


class SHDT(nn.Module):
    """The transformer. `read` turns text features into a `TextContext` once; `forward` is one denoising step."""

    def __init__(self, config: SHDTConfig) -> None:
        super().__init__()
        self.config = config
        self.positions = RotaryPositions(
            head_width=config.head_width,
            frames_per_latent=config.compression.time,
            audio_rate_hz=config.audio_rate_hz,
        )
        video, audio = config.video_width, config.audio_width
        self.video_in = nn.Linear(config.video_channels * config.patch**2, video)
        self.audio_in = nn.Linear(config.audio_channels, audio)
        self.time = TimeEmbedding(video)
        self.span = TimeEmbedding(video) if config.spans else None
        self.pool = nn.Linear(config.text_width, video)
        self.video_modulation = nn.Linear(video, 6 * video)
        self.audio_modulation = nn.Linear(video, 6 * audio)
        self.layers = nn.ModuleList(Layer(config, mixer) for mixer in config.mixers)
        self.video_out = Readout(video, config.video_channels * config.patch**2, video)
        self.audio_out = Readout(audio, config.audio_channels, video)
        for edge in (self.video_in, self.audio_in, self.video_modulation, self.audio_modulation):
            edge.readout = True  # type: ignore[assignment]  # not a hidden matrix: AdamW trains it
        for modulation in (self.video_modulation, self.audio_modulation):
            nn.init.zeros_(modulation.weight)
            nn.init.zeros_(modulation.bias)
        if self.span is not None:  # it starts as the model that knows no spans
            nn.init.zeros_(self.span.out.weight)
            nn.init.zeros_(self.span.out.bias)

    def read(self, text: Tensor, mask: Tensor) -> TextContext:
        """Text features `[b n text_width]` and mask `[b n]` → what every step needs of them."""
        attending = [layer.attention for layer in self.layers if isinstance(layer.attention, JointAttention)]
        pairs = [attention.text_keys_values(text) for attention in attending]
        weights = mask[..., None].to(text.dtype)
        pooled = self.pool((text * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1))
        return TextContext(tuple(k for k, _ in pairs), tuple(v for _, v in pairs), mask, pooled)

    def forward(
        self,
        state: LatentState,
        text: TextContext,
        t_video: Tensor,
        t_audio: Tensor,
        frame_rate_hz: float,
        attending: Attending = EVERYTHING,
        until: tuple[Tensor, Tensor] | None = None,
        referring: int = 0,
    ) -> LatentState:
        """Velocities of both latents.

        `state`: video `[b c t h w]`; audio `[b c l]`, or None for pictures alone. `t_video`: `[b t]`, a time in [0, 1]
        for each latent frame, since a pinned frame runs on its own clock; `t_audio`: `[b l]`, or `[b 1]` for all.
        `until`: the times they are to jump to, for a model of few steps, which gives the mean velocity on the way.
        `referring`: the first so many latent frames are another clip to refer to, and stand at the same places in time.
        """
        assert state.video is not None
        p = self.config.patch
        x = self.video_in(rearrange(state.video, "b c t (h p) (w q) -> b t h w (c p q)", p=p, q=p))
        clock = self._clock(t_video, until[0] if until is not None else t_video) + text.pooled[:, None]  # [b t d]
        moods = Moods(rearrange(self.video_modulation(F.silu(clock)), "b t d -> b t 1 1 d"), None)
        frames, height, width = x.shape[1:4]
        clips = (count for count in (referring, frames - referring) if count)
        at = torch.cat([self.positions.video(count, height, width, frame_rate_hz) for count in clips])
        turns = Turns(Turn.of(rearrange(at, "t h w d -> (t h w) d").to(x.device)), None)
        a, audio_clock = None, None
        if state.audio is not None:
            a = self.audio_in(rearrange(state.audio, "b c l -> b l c"))
            audio_clock = self._clock(t_audio, until[1] if until is not None else t_audio) + text.pooled[:, None]
            moods = Moods(moods.video, self.audio_modulation(F.silu(audio_clock)))
            turns = Turns(turns.video, Turn.of(self.positions.audio(a.shape[1]).to(a.device)))
        attended = 0
        for number, layer in enumerate(self.layers):
            words = None
            if isinstance(layer.attention, JointAttention):
                words = (text.keys[attended], text.values[attended], text.mask)
                attended += 1
            mixing = Mixing(turns, words, number in attending.skipped, attending.isolated)
            x, a = layer(x, a, moods, mixing)
        video = self.video_out(x, rearrange(clock, "b t d -> b t 1 1 d"))
        video = rearrange(video, "b t h w (c p q) -> b c t (h p) (w q)", p=p, q=p)
        audio = rearrange(self.audio_out(a, audio_clock), "b l c -> b c l") if a is not None else None
        return LatentState(video, audio)

    def _clock(self, t: Tensor, until: Tensor) -> Tensor:
        """A time, and the span to the next where the model knows of spans, as a vector `[… d]`."""
        clock: Tensor = self.time(t)
        return clock if self.span is None else clock + self.span(t - until)


@dataclass(frozen=True)
class Moods:
    """adaLN-single: six shifts, scales and gates of a step, for both streams, before the layers' own tables."""

    video: Tensor  # [b t 1 1 6d]
    audio: Tensor | None  # [b 1 6d]


@dataclass(frozen=True)
class Turns:
    """How the tokens of both streams are turned by where they stand."""

    video: Turn
    audio: Turn | None


@dataclass(frozen=True)
class Mixing:
    """All that attention in one layer needs to know besides its tokens."""

    turns: Turns
    words: tuple[Tensor, Tensor, Tensor] | None  # keys, values, mask of the text, in softmax layers
    skipped: bool
    isolated: bool


class Layer(nn.Module):
    """Mix tokens, then think about each: video `[b t h w d]` and audio `[b l d]`."""

    def __init__(self, config: SHDTConfig, mixer: Mixer) -> None:
        super().__init__()
        mixers: dict[Mixer, type[JointAttention | LinearAttention]]
        mixers = {"softmax": JointAttention, "linear": LinearAttention}
        self.attention = mixers[mixer](config)
        self.video = Stream(config.video_width, config.expansion, convolve=mixer == "linear")
        self.audio = Stream(config.audio_width, config.expansion, convolve=False)

    def forward(self, x: Tensor, a: Tensor | None, moods: Moods, mixing: Mixing) -> tuple[Tensor, Tensor | None]:
        video = self.video.mood(moods.video)
        audio = self.audio.mood(moods.audio) if a is not None and moods.audio is not None else None
        heard = self.audio.before_mixing(a, audio) if a is not None and audio is not None else None
        dx, da = self.attention(self.video.before_mixing(x, video), heard, mixing)
        x = self.video.thought(torch.addcmul(x, video[2], dx), video)
        if a is not None and audio is not None and da is not None:
            a = self.audio.thought(torch.addcmul(a, audio[2], da), audio)
        return x, a


class JointAttention(nn.Module):
    """Softmax attention in which video and audio ask, and video, audio and text answer."""

    def __init__(self, config: SHDTConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.video = Projection(config, config.video_width)
        self.audio = Projection(config, config.audio_width)
        self.text = nn.Linear(config.text_width, 2 * config.inner, bias=False)
        self.text_norm = ChannelRMSNorm(config.head_width)

    def text_keys_values(self, text: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = rearrange(self.text(text), "b n (two heads e) -> two b heads n e", two=2, heads=self.heads)
        return self.text_norm(keys), values

    def forward(self, x: Tensor, a: Tensor | None, mixing: Mixing) -> tuple[Tensor, Tensor | None]:
        assert mixing.words is not None
        turns, (text_keys, text_values, readable) = mixing.turns, mixing.words
        queries, keys, values = self.video.rotated(rearrange(x, "b t h w d -> b (t h w) d"), turns.video)
        seen = queries.shape[2]
        if a is not None and turns.audio is not None:
            q, k, v = self.audio.rotated(a, turns.audio)
            queries, keys, values = (torch.cat(pair, dim=2) for pair in ((queries, q), (keys, k), (values, v)))
        if mixing.skipped:
            answers = values
        else:
            allowed = rearrange(F.pad(readable, (queries.shape[2], 0), value=True), "b n -> b 1 1 n")
            if mixing.isolated:
                allowed = allowed & apart(seen, queries.shape[2], allowed.shape[-1]).to(allowed.device)
            keys = torch.cat([keys, text_keys.to(keys.dtype)], dim=2)
            values = torch.cat([values, text_values.to(values.dtype)], dim=2)
            answers = F.scaled_dot_product_attention(queries, keys, values, attn_mask=allowed)
        answers = rearrange(answers, "b heads n e -> b n (heads e)")
        video = self.video.out(answers[:, :seen]).view(x.shape)
        return video, self.audio.out(answers[:, seen:]) if a is not None else None


class LinearAttention(nn.Module):
    """Each stream asks itself, in linear time; a depthwise convolution on the values sees the neighbours."""

    def __init__(self, config: SHDTConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.video = Projection(config, config.video_width)
        self.audio = Projection(config, config.audio_width)
        self.near = nn.Conv2d(config.inner, config.inner, 3, padding=1, groups=config.inner)
        self.before_after = nn.Parameter(torch.tensor([0.0, 1.0, 0.0]).repeat(config.inner, 1))
        self.near_audio = nn.Conv1d(config.inner, config.inner, 5, padding=2, groups=config.inner)

    def forward(self, x: Tensor, a: Tensor | None, mixing: Mixing) -> tuple[Tensor, Tensor | None]:
        turns, skipped = mixing.turns, mixing.skipped
        q, k, v = self.video.split(rearrange(x, "b t h w d -> b (t h w) d"))
        own = rearrange(v, "b heads n e -> b n (heads e)")
        mixed = own if skipped else linear_attention(q, k, v, turns.video)
        nearby = self._in_time(per_frame(self.near, own.view(*x.shape[:-1], -1)))
        video = self.video.out(mixed.view(nearby.shape) + nearby)
        if a is None or turns.audio is None:
            return video, None
        q, k, v = self.audio.split(a)
        own = rearrange(v, "b heads n e -> b n (heads e)")
        mixed = own if skipped else linear_attention(q, k, v, turns.audio)
        nearby = rearrange(self.near_audio(rearrange(own, "b n d -> b d n")), "b d n -> b n d")
        return video, self.audio.out(mixed + nearby)

    def _in_time(self, x: Tensor) -> Tensor:
        """Three taps along `t` of `[b t h w d]`."""
        past, now, future = self.before_after.unbind(dim=-1)
        padded = F.pad(x, (0, 0, 0, 0, 0, 0, 1, 1))
        return padded[:, :-2] * past + x * now + padded[:, 2:] * future


class Projection(nn.Module):
    """A stream's way into attention, with normalised queries and keys, and out again."""

    def __init__(self, config: SHDTConfig, width: int) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(width, 3 * config.inner, bias=False)
        self.query_norm = ChannelRMSNorm(config.head_width)
        self.key_norm = ChannelRMSNorm(config.head_width)
        self.out = nn.Linear(config.inner, width, bias=False)
        nn.init.normal_(self.out.weight, std=0.02 / math.sqrt(10))

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`[b n d]` → queries, keys, values, each `[b heads n e]`."""
        q, k, v = rearrange(self.qkv(x), "b n (three heads e) -> three b heads n e", three=3, heads=self.heads)
        return self.query_norm(q), self.key_norm(k), v

    def rotated(self, x: Tensor, turn: Turn) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.split(x)
        return turn(q), turn(k), v


def apart(video: int, tokens: int, keys: int) -> Tensor:
    """Who may attend to whom `[tokens keys]` when the first `video` tokens and the others may not, and text to all."""
    picture = torch.arange(keys) < video
    text = torch.arange(keys) >= tokens
    return (picture[:tokens, None] == picture[None]) | text[None]


def linear_attention(q: Tensor, k: Tensor, v: Tensor, turn: Turn) -> Tensor:
    """Attention with ReLU features, `[b heads n e]` → `[b n heads·e]`; rotation in the numerator only."""
    q, k = F.relu(q) + 1e-3, F.relu(k) + 1e-3
    numerator = turn(q) @ (turn(k).transpose(-1, -2) @ v)
    denominator = q @ k.sum(dim=-2, keepdim=True).transpose(-1, -2)
    return rearrange(numerator / denominator, "b heads n e -> b n (heads e)")
