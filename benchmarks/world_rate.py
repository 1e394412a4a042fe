"""Clips a second and core of the procedural world, 128 px, 25 frames, with and without sound, by level.

Prints a table and writes build/benchmarks/world_rate.json. Medians of several batches, in processor time.
"""

import json
import statistics
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from aiprod_trainer.worlds.render import render_clip
from aiprod_trainer.worlds.scene import MAX_LEVEL, Scene, sample_scene
from aiprod_trainer.worlds.sound import render_sound

BATCHES, CLIPS = 5, 40


def rate(scenes: list[Scene], *, sound: bool) -> float:
    """Scenes rendered in a second of processor time."""
    started_s = time.process_time()
    for scene in scenes:
        render_clip(scene)
        if sound:
            render_sound(scene)
    return len(scenes) / (time.process_time() - started_s)


def main() -> None:
    table = Table("level", "clips/s", "clips/s with sound", title="world, 128 px, 25 frames, one core")
    rows = []
    for level in range(1, MAX_LEVEL + 1):
        batches = [[sample_scene(n * CLIPS + i, level=level) for i in range(CLIPS)] for n in range(BATCHES)]
        for batch in batches:  # level 1 keeps its backdrops; the first visit draws them
            rate(batch, sound=True)
        silent, sounding = (statistics.median(rate(batch, sound=s) for batch in batches) for s in (False, True))
        rows.append({"level": level, "clips_per_s": silent, "clips_per_s_with_sound": sounding})
        table.add_row(str(level), f"{silent:.1f}", f"{sounding:.1f}")
    Console().print(table)
    path = Path("build/benchmarks/world_rate.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
