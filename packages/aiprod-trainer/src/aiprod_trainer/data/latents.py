"""Latents of the world, made once and kept: clips through both codecs, in shards of safetensors.

A set is a folder whose description names the codecs by the hash of their weights, the world and the shape, so that
stale latents are refused and never reused in silence. Making one is resumable: finished shards are kept.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from aiprod_core.edges import edges
from aiprod_core.errors import InputError
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.nac import NAC
from aiprod_trainer.data.shards import begin_set, read_shards, write_shard
from aiprod_trainer.worlds.pixels import scene_video
from aiprod_trainer.worlds.render import subject_mask
from aiprod_trainer.worlds.scene import Scene, sample_scene
from aiprod_trainer.worlds.sound import render_sound
from aiprod_trainer.worlds.vocabulary import TIMES, WORLD_VERSION, words_at

DESCRIPTION = "latents.json"
View: TypeAlias = Literal["clips", "edges", "relit"]


@dataclass(frozen=True, kw_only=True)
class LatentsDescription:
    """What a set of latents was made of. `frames`: pixel frames a clip, from its first; 1 is a still without sound.

    `view`: the clips themselves; or, as references to make them from, their edges, or the same at another time of day.
    """

    level: int
    frames: int
    size_px: int
    shard: int  # clips a file
    video_codec: str
    audio_codec: str | None
    world: int = WORLD_VERSION
    view: View = "clips"


@torch.inference_mode()
def make_latents(
    folder: Path, count: int, about: LatentsDescription, video: HWVAE, audio: NAC | None, report: Callable[[int], None]
) -> None:
    """Encode training scenes 0 … `count` into `folder`; `report` is told the clips done.

    Pictures and sounds stand in files of their own: a set made without sound can get it later.
    """
    begin_set(folder / DESCRIPTION, about, "latents of other codecs or shapes", may_gain="audio_codec")
    for start in range(0, count, about.shard):
        scenes = [sample_scene(index, level=about.level) for index in range(start, start + about.shard)]
        write_shard(folder / f"clips-{start:08d}.safetensors", (_pictures(scene, about, video) for scene in scenes))
        if audio is not None:
            write_shard(folder / f"sounds-{start:08d}.safetensors", (_sound(scene, audio) for scene in scenes))
        report(start + about.shard)


class LatentSet:
    """The latents of a folder, in memory: `video` `[n c t h w]`, `audio` `[n c l]` or None, `subject` `[n t h w]`."""

    def __init__(self, folder: Path, clips: int | None = None) -> None:
        """Read the first `clips` clips, or all. Raises `InputError` where there are not so many."""
        if not (folder / DESCRIPTION).exists():
            raise InputError(f"latents: got no {DESCRIPTION} in {folder}; make them with 'aiprod data latents'")
        self.about = LatentsDescription(**json.loads((folder / DESCRIPTION).read_text()))
        pictures = self._read(folder, "clips", clips)
        self.video, self.subject = pictures["video"], pictures["subject"]
        self.audio = None if self.about.audio_codec is None else self._read(folder, "sounds", len(self.video))["audio"]

    def __len__(self) -> int:
        return len(self.video)

    def _read(self, folder: Path, kind: str, clips: int | None) -> dict[str, Tensor]:
        paths = sorted(folder.glob(f"{kind}-*.safetensors"))
        wanted = len(paths) if clips is None else -(-clips // self.about.shard)
        if not paths or len(paths) < wanted:
            found = len(paths) * self.about.shard
            raise InputError(f"latents: got {found} {kind} in {folder}, expected {clips or 'some'}; make more of them")
        return read_shards(paths[:wanted], clips)


def _pictures(scene: Scene, about: LatentsDescription, video: HWVAE) -> dict[str, Tensor]:
    frames = None if about.frames == scene.num_frames else range(about.frames)
    clip = scene_video(relit(scene) if about.view == "relit" else scene, size_px=about.size_px, frames=frames)
    if about.view == "edges":
        clip = edges(clip)
    return {"video": video.encode(clip[None])[0].half(), "subject": _subject(scene, about, video)}


def relit(scene: Scene) -> Scene:
    """The scene at another time of day, always the same one."""
    others = [time for time in words_at(scene.level, TIMES) if time != scene.time]
    return replace(scene, time=random.Random(f"relit {scene.index}").choice(others))


def _sound(scene: Scene, audio: NAC) -> dict[str, Tensor]:
    return {"audio": audio.encode(torch.from_numpy(render_sound(scene))[None, None])[0].half()}


def _subject(scene: Scene, about: LatentsDescription, video: HWVAE) -> Tensor:
    """Share of each latent that the hero covers, uint8 of 255ths, in the middle frame of each latent frame."""
    step, side = video.config.time, about.size_px // video.config.space
    middles = [0] + [first + step // 2 for first in range(1, about.frames, step)]
    masks = torch.stack([torch.from_numpy(subject_mask(scene, i, width=4 * side, height=4 * side)) for i in middles])
    return (F.avg_pool2d(masks[:, None], 4)[:, 0] * 255).round().to(torch.uint8)
