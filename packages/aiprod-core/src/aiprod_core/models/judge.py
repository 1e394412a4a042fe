"""The attribute judge: what a clip of the procedural world shows and sounds like, said by a small classifier.

Video `[b 3 t h w]` in [-1, 1] and sound `[b 1 s]` → logits by attribute, and where in time something happens: seen
(one logit a frame) and heard (50 a second). Three towers: single frames tell what a scene shows, all frames how it
moves, mel spectra how it sounds. It is trained on real renders and frozen; it is used to evaluate and for nothing else.

Knows no captions and no files. Sources: blocks, ConvNeXt (arXiv:2201.03545).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.checkpoint import load_weights, read_header
from aiprod_core.errors import InputError
from aiprod_core.models.layers import ChannelRMSNorm
from aiprod_core.models.nac import framed, mel_filters

QUIETEST = 1e-4  # amplitude that is taken for silence
PAST_FRAMES = (1, 4)  # what motion is seen from, beside the frame itself: what changed since the last one, since four
HIDDEN_EXPANSION = 2


@dataclass(frozen=True, kw_only=True)
class JudgeConfig:
    """Class names by attribute, in the order of the logits, and sizes.

    `shown`: told from single frames; `moving`: from all of them; `heard`: from the sound.
    """

    shown: Mapping[str, tuple[str, ...]]
    moving: Mapping[str, tuple[str, ...]]
    heard: Mapping[str, tuple[str, ...]]
    size_px: int = 64
    frame_rate_hz: float = 10.0
    sample_rate_hz: int = 24_000
    hop: int = 480  # samples between two onset logits
    window: int = 1024
    bands: int = 64
    stills: int = 4  # frames, evenly spaced, that `shown` is told from
    still_widths: tuple[int, ...] = (48, 96, 160)
    motion_widths: tuple[int, ...] = (48, 96, 128)
    motion_width: int = 192  # of one frame's summary
    sound_width: int = 96
    depth: int = 3  # blocks in time, of motion and of sound

    @classmethod
    def from_json(cls, text: str) -> "JudgeConfig":
        """The config that a checkpoint's header holds."""
        fields: dict[str, Any] = json.loads(text)
        for name, value in fields.items():
            if isinstance(value, list):
                fields[name] = tuple(value)
            elif isinstance(value, dict):
                fields[name] = {attribute: tuple(classes) for attribute, classes in value.items()}
        return cls(**fields)

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """All attributes with their class names."""
        return {**self.shown, **self.moving, **self.heard}


@dataclass(frozen=True)
class Verdict:
    """Logits. `attributes`: `[b n]` by name; `events`: seen, `[b t]`, one a frame; `onsets`: heard, `[b l]`."""

    attributes: dict[str, Tensor]
    events: Tensor
    onsets: Tensor


class AttributeJudge(nn.Module):
    """The judge. `see` and `hear` may be asked alone."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        self.stills = Stills(config)
        self.motion = Motion(config)
        self.sound = Sound(config)

    @classmethod
    def load(cls, path: Path) -> "AttributeJudge":
        """A frozen judge from its checkpoint. Raises `WeightsError` for a file that is missing, damaged or foreign."""
        judge = cls(JudgeConfig.from_json(read_header(path)["config"]))
        load_weights(judge, path)
        return judge.eval().requires_grad_(False)

    def forward(self, video: Tensor, sound: Tensor) -> Verdict:
        """Video `[b 3 t h w]` in [-1, 1] at the config's frame rate, t ≥ 5, and sound `[b 1 s]` at its sample rate."""
        seen, events = self.see(video)
        heard, onsets = self.hear(sound)
        return Verdict({**seen, **heard}, events, onsets)

    def see(self, video: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Logits of what is `shown` and `moving`, and of an event within each frame's time, `[b t]`.

        Pictures of any size are brought to the judge's own, without keeping proportions. Raises `InputError` for other
        shapes.
        """
        if video.ndim != 5 or video.shape[1] != 3 or video.shape[2] <= max(PAST_FRAMES):
            raise InputError(
                f"video: got shape {list(video.shape)}, expected [b 3 t h w] with t > {max(PAST_FRAMES)}; "
                "pass a longer clip"
            )
        pictures = self._resized(video)  # b t h w c
        moving, events = self.motion(pictures)
        return {**self.stills(pictures), **moving}, events

    def hear(self, sound: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Logits of what is `heard`, and of an onset within each hop, `[b l]`, l = s // hop."""
        if sound.ndim != 3 or sound.shape[1] != 1 or sound.shape[2] < self.config.hop:
            raise InputError(
                f"sound: got shape {list(sound.shape)}, expected [b 1 s] with s ≥ {self.config.hop}; "
                "mix it down to mono"
            )
        return self.sound(sound)

    def _resized(self, video: Tensor) -> Tensor:
        """`[b 3 t h w]` → `[b t h w 3]` of the judge's size: means over areas when shrinking, bilinear when growing."""
        side = self.config.size_px
        frames = rearrange(video, "b c t h w -> (b t) c h w")
        if min(frames.shape[-2:]) >= side:
            frames = F.adaptive_avg_pool2d(frames, side)
        else:
            frames = F.interpolate(frames, (side, side), mode="bilinear", antialias=True)
        return rearrange(frames, "(b t) c h w -> b t h w c", b=video.shape[0])


class Stills(nn.Module):
    """Pictures `[b t h w c]` → logits of `shown`, each the mean over some frames."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.count = config.stills
        self.stem = nn.Conv2d(3, config.still_widths[0], 7, stride=4, padding=2)
        self.tower = Tower(config.still_widths)
        self.heads = heads(2 * config.still_widths[-1], config.shown)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        frames = pictures.shape[1]
        places = [int((i + 0.5) * frames / self.count) for i in range(self.count)]
        x = rearrange(pictures[:, places], "b t h w c -> (b t) c h w")
        x = self.tower(rearrange(self.stem(x), "n d h w -> n h w d"))
        x = torch.cat([reduce(x, "n h w d -> n d", "mean"), reduce(x, "n h w d -> n d", "max")], dim=-1)
        return {name: reduce(head(x), "(b t) n -> b n", "mean", t=self.count) for name, head in self.heads.items()}


class Motion(nn.Module):
    """Pictures `[b t h w c]` → logits of `moving`, and of an event in each frame `[b t]`."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        widths, side = config.motion_widths, config.size_px // 4 // 2 ** (len(config.motion_widths) - 1)
        self.stem = nn.Linear((1 + len(PAST_FRAMES)) * 3 * 16, widths[0])
        self.tower = Tower(widths)
        self.summary = nn.Linear(side * side * widths[-1], config.motion_width)
        self.blocks = nn.Sequential(*[Block(config.motion_width, (1, 5)) for _ in range(config.depth)])
        self.norm = ChannelRMSNorm(config.motion_width)
        self.event = readout(config.motion_width, 1)
        self.heads = heads(2 * config.motion_width, config.moving)

    def forward(self, pictures: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        batch = pictures.shape[0]
        seen = torch.cat([pictures, *[pictures - before(pictures, frames) for frames in PAST_FRAMES]], dim=-1)
        x = self.tower(self.stem(rearrange(seen, "b t (h p) (w q) c -> (b t) h w (p q c)", p=4, q=4)))
        x = rearrange(self.summary(x.flatten(1)), "(b t) d -> b 1 t d", b=batch)
        x = rearrange(self.norm(self.blocks(x)), "b 1 t d -> b t d")
        events = rearrange(self.event(x), "b t 1 -> b t")
        x = torch.cat([reduce(x, "b t d -> b d", "mean"), reduce(x, "b t d -> b d", "max")], dim=-1)
        return {name: head(x) for name, head in self.heads.items()}, events


class Sound(nn.Module):
    """Sound `[b 1 s]` → logits of `heard`, and of an onset in each hop `[b l]`."""

    window: Tensor
    mel: Tensor

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.hop, width = config.hop, config.sound_width
        window = torch.hann_window(config.window)
        self.register_buffer("window", window / window.square().sum().sqrt(), persistent=False)
        mel = mel_filters(config.window, config.bands, config.sample_rate_hz).float()
        self.register_buffer("mel", mel, persistent=False)
        self.stem = nn.Linear(2 * config.bands, width)
        self.blocks = nn.Sequential(*[Block(width, (1, 7)) for _ in range(config.depth)])
        self.norm = ChannelRMSNorm(width)
        self.onset = readout(width, 1)
        self.heads = heads(2 * width, config.heard)

    def forward(self, sound: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        hops = sound[:, 0, : sound.shape[-1] // self.hop * self.hop]
        spectra = torch.fft.rfft(framed(hops, self.window.shape[0], self.hop // 2) * self.window)
        power = (spectra.real.square() + spectra.imag.square()) @ self.mel
        level = 0.25 * torch.log(power + QUIETEST**2) + 2.5  # about [-2, 2]
        x = self.blocks(self.stem(rearrange(level, "b (l p) n -> b 1 l (p n)", p=2)))
        x = rearrange(self.norm(x), "b 1 l d -> b l d")
        onsets = rearrange(self.onset(x), "b l 1 -> b l")
        x = torch.cat([reduce(x, "b l d -> b d", "mean"), reduce(x, "b l d -> b d", "max")], dim=-1)
        return {name: head(x) for name, head in self.heads.items()}, onsets


class Tower(nn.Module):
    """Blocks on pictures `[n h w d]`, halving their size from each width to the next."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.norm = ChannelRMSNorm(widths[0])
        self.blocks = nn.ModuleList(Block(width, (5, 5)) for width in widths)
        self.downs = nn.ModuleList(nn.Linear(4 * fine, coarse) for fine, coarse in pairwise(widths))
        self.last_norm = ChannelRMSNorm(widths[-1])

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks[0](self.norm(x))
        for down, block in zip(self.downs, list(self.blocks)[1:], strict=True):
            x = block(down(rearrange(x, "n (h p) (w q) d -> n h w (p q d)", p=2, q=2)))
        return self.last_norm(x)


class Block(nn.Module):
    """Depthwise convolution, then a small network per position: `[n h w d]`."""

    def __init__(self, width: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.around = nn.Conv2d(width, width, kernel, padding=padding, groups=width)
        self.norm = ChannelRMSNorm(width)
        self.widen = nn.Linear(width, HIDDEN_EXPANSION * width)
        self.narrow = nn.Linear(HIDDEN_EXPANSION * width, width)
        nn.init.normal_(self.narrow.weight, std=0.3 / math.sqrt(HIDDEN_EXPANSION * width))
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x: Tensor) -> Tensor:
        y = self.around(rearrange(x, "n h w d -> n d h w"))  # channels last in memory: no copy
        y = self.norm(rearrange(y, "n d h w -> n h w d"))
        return x + self.narrow(F.silu(self.widen(y)))


def before(pictures: Tensor, frames: int) -> Tensor:
    """What `[b t h w c]` showed `frames` earlier; the first frame stood still before it began."""
    return torch.cat([pictures[:, :1].expand(-1, frames, -1, -1, -1), pictures[:, :-frames]], dim=1)


def heads(width: int, classes: Mapping[str, tuple[str, ...]]) -> nn.ModuleDict:
    """One linear classifier an attribute."""
    return nn.ModuleDict({name: readout(width, len(names)) for name, names in classes.items()})


def readout(width: int, count: int) -> nn.Linear:
    """A last layer: it starts near zero and is not a hidden matrix to Muon."""
    layer = nn.Linear(width, count)
    layer.readout = True  # type: ignore[assignment]
    nn.init.normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer
