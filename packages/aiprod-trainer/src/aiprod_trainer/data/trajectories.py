"""Where a teacher goes: its denoising runs, guidance and all, kept for a student of few steps to follow.

A set is a folder whose description names the teacher by the hash of its weights and how it walked, so that runs of
another teacher are never taken for its own. Making one is resumable: finished shards are kept.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from aiprod_core.checkpoint import weights_digest
from aiprod_core.components.guiders import Guidance, MultiModalGuider, Pass
from aiprod_core.components.noisers import seeded_noise
from aiprod_core.components.schedulers import FlowSchedule
from aiprod_core.conditioning import no_pins
from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.sampler import Progress, Run, denoise
from aiprod_core.types import AudioLatentShape, AudioShape, LatentState, VideoLatentShape, VideoPixelShape
from aiprod_trainer.data.shards import begin_set, read_shards, write_shard
from aiprod_trainer.worlds.captions import sampled_caption
from aiprod_trainer.worlds.scene import FRAME_RATE_HZ, sample_scene
from aiprod_trainer.worlds.vocabulary import WORLD_VERSION

DESCRIPTION = "trajectories.json"
BATCH = 4


@dataclass(frozen=True, kw_only=True)
class TrajectoriesDescription:
    """How a teacher walked: `steps` Euler steps with guidance, every `kept_every`th of which was kept."""

    teacher: str  # hash of its transformer and text encoder
    steps: int = 16
    kept_every: int = 2
    guidance_scale: float = 2.0
    frames: int = 25
    size_px: int = 128
    level: int = 1
    shard: int = 16  # runs a file
    world: int = WORLD_VERSION

    @property
    def times(self) -> Tensor:
        """The times `[k]` at which the runs were kept, from 1 to 0."""
        return FlowSchedule(self.steps).times()[:: self.kept_every]


def prompt_of(index: int, level: int) -> str:
    """The prompt of run `index`: a caption of the training scene of that number."""
    return sampled_caption(sample_scene(index, level=level), random.Random(f"trajectory {index}"))


def teacher_digest(models: SovereignModels) -> str:
    """A short hash of what makes a run: the transformer and the text encoder."""
    return weights_digest(models.shdt) + weights_digest(models.text_encoder)


def make_trajectories(
    folder: Path, runs: range, about: TrajectoriesDescription, models: SovereignModels, report: Callable[[int], None]
) -> None:
    """Walk the runs of whole shards within `runs`, each from the noise of its own number, into `folder`.

    `report` is told the runs done. Raises `InputError` where `folder` holds runs of another teacher or another walk.
    """
    begin_set(folder / DESCRIPTION, about, "runs of another teacher or shape")
    for start in range(runs.start, runs.stop, about.shard):
        write_shard(folder / f"runs-{start:08d}.safetensors", _walks(range(start, start + about.shard), about, models))
        report(start + about.shard - runs.start)


class TrajectorySet:
    """The runs of a folder, in memory: `video` `[n k c t h w]`, `audio` `[n k c l]`, k states from noise to clip."""

    def __init__(self, folder: Path, runs: int | None = None) -> None:
        """Read the first `runs` runs, or all. Raises `InputError` where there are not so many."""
        if not (folder / DESCRIPTION).exists():
            raise InputError(f"trajectories: got none in {folder}; make them with 'aiprod data trajectories'")
        self.about = TrajectoriesDescription(**json.loads((folder / DESCRIPTION).read_text()))
        paths = sorted(folder.glob("runs-*.safetensors"))
        found = len(paths) * self.about.shard
        if not paths or found < (runs or 0):
            raise InputError(f"trajectories: got {found} in {folder}, expected {runs or 'some'}; make more of them")
        held = read_shards(paths, runs)
        self.video, self.audio = held["video"], held["audio"]
        numbers = [int(path.stem.partition("-")[2]) + n for path in paths for n in range(self.about.shard)]
        self.prompts = [prompt_of(number, self.about.level) for number in numbers[:runs]]

    def __len__(self) -> int:
        return len(self.video)


def guided_run(
    models: SovereignModels, prompts: Sequence[str], latents: LatentState, schedule: FlowSchedule, scale: float
) -> Run:
    """A run that starts from `latents`, one of each prompt, with nothing given."""
    assert latents.video is not None
    assert latents.audio is not None
    guidance = Guidance(scale=scale)
    nothing = [""] * len(prompts) if Pass.UNPROMPTED in guidance.passes else []
    return Run(
        text=models.read([*prompts, *nothing]),
        schedule=schedule,
        guider=MultiModalGuider(video=guidance, audio=guidance),
        video_pins=no_pins(latents.video),
        audio_pins=no_pins(latents.audio),
        frame_rate_hz=FRAME_RATE_HZ,
    )


def _walks(numbers: range, about: TrajectoriesDescription, models: SovereignModels) -> Iterator[dict[str, Tensor]]:
    """The kept states of runs, a few of which walk together."""
    for first in range(numbers.start, numbers.stop, BATCH):
        together = range(first, first + BATCH)
        noise = _noise(together, about, models)
        prompts = [prompt_of(number, about.level) for number in together]
        run = guided_run(models, prompts, noise, FlowSchedule(about.steps), about.guidance_scale)
        kept = [noise]

        def keep(progress: Progress, kept: list[LatentState] = kept) -> None:
            if progress.steps % about.kept_every == 0:
                kept.append(progress.latents)

        denoise(models.shdt, noise, run, keep)
        videos = torch.stack([state.video for state in kept if state.video is not None], dim=1).half().cpu()
        audios = torch.stack([state.audio for state in kept if state.audio is not None], dim=1).half().cpu()
        yield from ({"video": video, "audio": audio} for video, audio in zip(videos, audios, strict=True))


def _noise(numbers: range, about: TrajectoriesDescription, models: SovereignModels) -> LatentState:
    of = models.shdt.config
    pixels = VideoPixelShape(1, about.frames, about.size_px, about.size_px)
    sound = AudioShape(1, round(about.frames / FRAME_RATE_HZ * of.sample_rate_hz))
    shapes = (
        VideoLatentShape.of(pixels, of.video_channels, of.compression).dims,
        AudioLatentShape.of(sound, of.audio_channels, of.compression).dims,
    )
    videos, audios = zip(*(seeded_noise(number, *shapes) for number in numbers), strict=True)
    return LatentState(torch.cat(videos).to(models.device), torch.cat(audios).to(models.device))
