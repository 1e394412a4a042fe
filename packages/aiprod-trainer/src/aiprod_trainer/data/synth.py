"""Clips of the world as files for any use: mp4 with sound, and a manifest row a clip with captions and ground truth.

A folder may be filled in several runs: finished clips are kept, a clip is whole or absent, and its row follows it.
"""

import hashlib
import json
import os
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiprod_core.errors import InputError
from aiprod_trainer.data.video_file import write_mp4
from aiprod_trainer.worlds.captions import Form, caption, sampled_caption
from aiprod_trainer.worlds.motion import events_of
from aiprod_trainer.worlds.render import render_clip
from aiprod_trainer.worlds.scene import Scene, Split, sample_scene
from aiprod_trainer.worlds.sound import SAMPLE_RATE_HZ, render_sound
from aiprod_trainer.worlds.vocabulary import WORLD_VERSION

MANIFEST = "manifest.jsonl"
VIDEOS = "videos"
FORMS: tuple[Form, ...] = ("long", "medium", "short")
FREE_CAPTIONS = 2  # with synonyms, beside one canonical caption a form
SOURCE = "aiprod-world"
LICENCE = "LicenseRef-AIPROD-Proprietary"


@dataclass(frozen=True, kw_only=True)
class Order:
    """Scenes `start` … `start + count - 1` of a split, `width_px` × `height_px` (both even)."""

    count: int
    level: int = 1
    split: Split = "train"
    start: int = 0
    width_px: int = 128
    height_px: int = 128


def synthesise(order: Order, folder: Path, report: Callable[[int], None] = lambda done: None) -> int:
    """Fill `folder` with the clips of `order`; `report` is told the clips done. Returns how many were made now.

    Raises `InputError` for an impossible order or a folder that cannot be written.
    """
    _check(order)
    try:
        (folder / VIDEOS).mkdir(parents=True, exist_ok=True)
        known = {row["id"] for row in read_manifest(folder)}
        made = 0
        for done in range(order.count):
            scene = sample_scene(order.start + done, level=order.level, split=order.split)
            name = clip_id(scene, order.split)
            path = folder / VIDEOS / f"{name}.mp4"
            if not path.exists():
                _record(scene, order, path)
                made += 1
            if name not in known:
                _append(folder / MANIFEST, manifest_row(scene, order.split, path, folder))
            report(done + 1)
    except OSError as error:
        raise InputError(
            f"output: cannot write {folder} ({error.strerror}); name a folder that is writable and has space, "
            "then run the same command again: it goes on where it stopped"
        ) from error
    return made


def clip_id(scene: Scene, split: Split) -> str:
    """World, level, split and number: the same clip on every machine."""
    return f"world{scene.version}-level{scene.level}-{split}-{scene.index:08d}"


def manifest_row(scene: Scene, split: Split, video: Path, folder: Path) -> dict[str, Any]:
    """All that is known of a clip. Event times are in seconds; the video's path is relative to `folder`."""
    rng = random.Random(clip_id(scene, split))
    captions = [caption(scene, form) for form in FORMS] + [sampled_caption(scene, rng) for _ in range(FREE_CAPTIONS)]
    return {
        "id": clip_id(scene, split),
        "sha256": hashlib.sha256(video.read_bytes()).hexdigest(),
        "video": video.relative_to(folder).as_posix(),
        "caption": captions[0],
        "captions": captions,
        "source": SOURCE,
        "license": {"spdx": LICENCE},
        "tags": scene.attributes | {"direction": scene.direction} | _companion(scene),
        "events": [asdict(event) for event in events_of(scene)],
        "split": split,
        "created_by": f"{SOURCE} {WORLD_VERSION}",
    }


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """The rows of a folder's manifest. A last line that was cut off is dropped: its clip is entered again."""
    path = folder / MANIFEST
    if not path.exists():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        partial = path.with_suffix(".tmp")
        partial.write_text(whole)
        partial.replace(path)
    try:
        return [json.loads(line) for line in whole.splitlines()]
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: line {error.lineno} is not JSON; delete that line, its clip is entered again"
        ) from error


def _companion(scene: Scene) -> dict[str, Any]:
    return {"companion": asdict(scene.companion)} if scene.companion is not None else {}


def _record(scene: Scene, order: Order, path: Path) -> None:
    frames = render_clip(scene, width=order.width_px, height=order.height_px)
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        write_mp4(partial, frames, scene.frame_rate_hz, render_sound(scene), SAMPLE_RATE_HZ)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _append(path: Path, row: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def _check(order: Order) -> None:
    if order.count < 1 or order.start < 0:
        raise InputError(f"count, start: got {order.count}, {order.start}, expected ≥ 1 and ≥ 0; ask for such scenes")
    if order.width_px % 2 or order.height_px % 2:
        raise InputError(
            f"size: got {order.width_px}×{order.height_px}, expected even sides for 4:2:0 chroma; "
            f"use {order.width_px + order.width_px % 2}×{order.height_px + order.height_px % 2}"
        )
