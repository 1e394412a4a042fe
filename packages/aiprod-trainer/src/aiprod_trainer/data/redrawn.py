"""Latents with a transformer's own errors: those of real clips, given noise and denoised again.

A decoder that is to forgive such errors learns from them: what a transformer drew is here beside the pixels that it
should have been, which no clip that it makes from noise alone has. Making a set is resumable: finished shards are kept.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.sampler import denoise
from aiprod_core.types import LatentState
from aiprod_trainer.data.latents import LatentsDescription, LatentSet
from aiprod_trainer.data.shards import begin_set, read_shards, write_shard
from aiprod_trainer.data.trajectories import guided_run, prompt_of

DESCRIPTION = "redrawn.json"
BATCH = 4


@dataclass(frozen=True, kw_only=True)
class RedrawnDescription:
    """How clips were redrawn: from a level of noise between `lowest` and `highest`, in so many Euler steps."""

    transformer: str  # hash of it and its text encoder
    video_codec: str
    lowest: float = 0.1
    highest: float = 0.6
    steps: int = 4
    guidance_scale: float = 2.0
    level: int = 1
    frames: int = 25
    size_px: int = 128
    shard: int = 16  # clips a file


def make_redrawn(
    folder: Path,
    clips: range,
    about: RedrawnDescription,
    latents: LatentSet,
    models: SovereignModels,
    report: Callable[[int], None],
) -> None:
    """Redraw the clips of whole shards within `clips`, those of the same numbers in `latents`, into `folder`.

    `report` is told the clips done. Raises `InputError` where `folder` holds others, or `latents` lack sound, are not
    of these codecs, or are too few.
    """
    _check_source(latents, about, clips)
    begin_set(folder / DESCRIPTION, about, "clips of another transformer or way")
    for start in range(clips.start, clips.stop, about.shard):
        numbers = range(start, start + about.shard)
        write_shard(folder / f"redrawn-{start:08d}.safetensors", _redrawn(numbers, about, latents, models))
        report(start + about.shard - clips.start)


class RedrawnSet:
    """The clips of a folder, in memory: `video` `[n c t h w]`, and the `numbers` of their scenes."""

    def __init__(self, folder: Path) -> None:
        """Raises `InputError` where there are none."""
        paths = sorted(folder.glob("redrawn-*.safetensors"))
        if not paths:
            raise InputError(f"redrawn: got none in {folder}; make them with 'aiprod data redrawn'")
        self.about = RedrawnDescription(**json.loads((folder / DESCRIPTION).read_text()))
        self.video = read_shards(paths)["video"]
        self.numbers = [int(path.stem.partition("-")[2]) + n for path in paths for n in range(self.about.shard)]

    def __len__(self) -> int:
        return len(self.video)


def _redrawn(
    numbers: range, about: RedrawnDescription, latents: LatentSet, models: SovereignModels
) -> Iterator[dict[str, Tensor]]:
    assert latents.audio is not None
    for first in range(numbers.start, numbers.stop, BATCH):
        rows = slice(first, first + BATCH)
        generator = torch.Generator().manual_seed(first)
        start = about.lowest + (about.highest - about.lowest) * torch.rand((), generator=generator).item()

        def noised(clean: Tensor, start: float = start, generator: torch.Generator = generator) -> Tensor:
            noise = torch.randn(clean.shape, generator=generator)
            return ((1 - start) * clean.float() + start * noise).to(models.device)

        begun = LatentState(noised(latents.video[rows]), noised(latents.audio[rows]))
        prompts = [prompt_of(number, about.level) for number in range(first, first + BATCH)]
        run = guided_run(models, prompts, begun, FlowSchedule(about.steps, start=start), about.guidance_scale)
        video = denoise(models.shdt, begun, run).video
        assert video is not None
        yield from ({"video": clip} for clip in video.half().cpu())


def _check_source(latents: LatentSet, about: RedrawnDescription, clips: range) -> None:
    has: LatentsDescription = latents.about
    found = (has.video_codec, has.view, has.level, has.frames, has.size_px)
    if found != (about.video_codec, "clips", about.level, about.frames, about.size_px) or latents.audio is None:
        raise InputError(
            "latents: got ones of another codec, view or shape, or without sound; make them with 'aiprod data latents'"
        )
    if len(latents) < -(-clips.stop // about.shard) * about.shard:
        raise InputError(f"latents: got {len(latents)}, expected {clips.stop}; make more of them, or ask for fewer")
