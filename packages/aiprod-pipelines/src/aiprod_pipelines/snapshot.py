"""Snapshots of a render in progress: killed in the middle, it goes on in the middle, to the same bytes.

One file beside the film, `out.mp4.snapshot`, written whole or not at all and removed when the film is done. It holds
latents and the key of the request; of another request, other weights or another version it is not used.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from aiprod_core.sampler import Progress
from aiprod_core.types import LatentState
from aiprod_pipelines import output


@dataclass
class SnapshotFile:
    """Keeps every `every`-th step in `path`. `key`: names all that decides the film's bytes."""

    path: Path
    key: str
    every: int
    resumed_at: int = field(default=0, init=False)  # steps that were found done

    def load(self) -> Progress | None:
        """The progress of an earlier run with this key; None where there is none, or none that can be read."""
        try:
            with safe_open(self.path, framework="pt") as file:
                about = file.metadata() or {}
                if about.get("key") != self.key:
                    return None
                names = set(file.keys())
                audio = file.get_tensor("audio") if "audio" in names else None
                progress = Progress(int(about["steps"]), LatentState(file.get_tensor("video"), audio))
        except (OSError, SafetensorError, KeyError, ValueError):
            return None  # absent, or cut off by the kill itself: the render begins anew
        self.resumed_at = progress.steps
        return progress

    def save(self, progress: Progress) -> None:
        """Keep `progress`, if it is one of those that are kept."""
        if progress.steps % self.every:
            return
        named = {"video": progress.latents.video, "audio": progress.latents.audio}
        tensors = {name: tensor.contiguous().cpu() for name, tensor in named.items() if tensor is not None}
        output.save({self.path: save(tensors, {"key": self.key, "steps": str(progress.steps)})})

    def remove(self) -> None:
        """The film is done."""
        self.path.unlink(missing_ok=True)


def snapshot_path(film: Path) -> Path:
    """Where the snapshot of `film` stands: `out.mp4` → `out.mp4.snapshot`."""
    return film.with_name(film.name + ".snapshot")


def snapshot_key(**facts: object) -> str:
    """A digest of all that decides a film's bytes; `facts` must be JSON."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
