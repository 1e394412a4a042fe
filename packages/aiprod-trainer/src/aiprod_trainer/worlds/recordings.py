"""Recordings: small pictures and sound of numbered scenes, rendered once and kept on disk in takes of 32.

A folder belongs to one state of the world: its name holds a fingerprint of what the world draws and sounds like, so
that a changed world is recorded anew and never mixed with an old one.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aiprod_trainer.worlds.render import Pixels, render_clip, render_frame
from aiprod_trainer.worlds.scene import Scene, Split, sample_scene
from aiprod_trainer.worlds.sound import render_sound

TAKE = 32  # scenes in one file
RENDERED_PX = 128
FULL_SCALE = 32767
PROBES = 24

Sound: TypeAlias = NDArray[np.float32]
Process: TypeAlias = Callable[[Pixels, Sound], tuple[Pixels, Sound]]


@dataclass(frozen=True)
class Recordings:
    """Scenes `start`, `start + 1`, … of a split. Takes are made when first asked for and written whole or not at all.

    `process`: what a clip goes through before it is kept (a codec round trip, say), under the name `kind`.
    """

    folder: Path
    split: Split
    level: int
    start: int
    size_px: int
    kind: str = "real"
    process: Process | None = None

    def scene(self, number: int) -> Scene:
        return sample_scene(self.start + number, level=self.level, split=self.split)

    def clip(self, number: int) -> tuple[Pixels, Sound]:
        """Pictures uint8 `[t h w c]` and sound float32 `[s]` of scene `number`."""
        paths = self._paths(number // TAKE)
        if not all(path.is_file() for path in paths):
            self._record(number // TAKE)
        frames, sound = (np.load(path, mmap_mode="r")[number % TAKE] for path in paths)
        return np.array(frames), sound.astype(np.float32) / FULL_SCALE

    def _paths(self, take: int) -> tuple[Path, Path]:
        name = f"{self.kind}-{self.split}-level{self.level}-from{self.start}-{self.size_px}px"
        folder = self.folder / f"world-{world_fingerprint()}" / name
        return folder / f"{take:05d}-frames.npy", folder / f"{take:05d}-sound.npy"

    def _record(self, take: int) -> None:
        clips = [self._render(self.scene(take * TAKE + n)) for n in range(TAKE)]
        frames = np.stack([frames for frames, _ in clips])
        sounds = np.stack([np.round(sound.clip(-1, 1) * FULL_SCALE) for _, sound in clips]).astype(np.int16)
        contents: tuple[NDArray[Any], ...] = (frames, sounds)
        for path, content in zip(self._paths(take), contents, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".tmp")
            with partial.open("wb") as file:
                np.save(file, content)
            partial.replace(path)

    def _render(self, scene: Scene) -> tuple[Pixels, Sound]:
        frames, sound = render_clip(scene, width=RENDERED_PX, height=RENDERED_PX), render_sound(scene)
        if self.process is not None:
            frames, sound = self.process(frames, sound)
        return shrink(frames, self.size_px), sound


def shrink(frames: Pixels, size_px: int) -> Pixels:
    """Square pictures `[t h w c]` at a whole fraction of their size: means over blocks of pixels."""
    by = frames.shape[1] // size_px
    total = sum(frames[:, y::by, x::by].astype(np.uint16) for y in range(by) for x in range(by))
    mean: Pixels = ((total + by * by // 2) // (by * by)).astype(np.uint8)
    return mean


@functools.cache
def world_fingerprint() -> str:
    """Eight hex digits that change when the pictures or sounds of level 1 do; taken once a process."""
    digest = hashlib.sha256()
    for scene in (sample_scene(index) for index in range(PROBES)):
        digest.update(render_frame(scene, scene.index % scene.num_frames, width=32, height=32).tobytes())
        digest.update(np.round(render_sound(scene) * FULL_SCALE).astype(np.int16).tobytes())
    return digest.hexdigest()[:8]
