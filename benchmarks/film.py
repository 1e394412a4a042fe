"""What a build of a film takes: from one sentence, again, after one word has changed, after kills, with two workers.

Every build is the command `aiprod film` in processes of its own, with artifacts of its own: nothing is warm.
Ratios are of one run. Prints a table and writes build/benchmarks/film.json.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

SENTENCE = "A red cat walks on a beach by day, then it jumps. At night a blue robot dances in the city."
KILLS = 30
SEED = 1
TEN_SHOTS = """
title: Ten shots
seed: 3
look: golden_hour
music: happy
ambience: sea
ending: fade
shots:
  - {id: one, prompt: a red cat walking to the right on a beach by day under a clear sky, duration: 2.4}
  - {id: two, prompt: a red cat jumping on a beach by day under a clear sky, duration: 2.4}
  - {id: three, prompt: a blue bird flying to the right in a forest at dusk in the rain, duration: 2.4}
  - {id: four, prompt: a yellow car driving to the right in a city at night under a clear sky, duration: 2.4}
  - {id: five, prompt: a green robot standing still in a desert by day under a clear sky, duration: 2.4}
  - {id: six, prompt: a purple balloon floating in a meadow by day in thick fog, duration: 2.4}
  - {id: seven, prompt: a white dog running to the right in snowy mountains by day in falling snow, duration: 2.4}
  - {id: eight, prompt: a red ball bouncing in a meadow at dusk under a clear sky, duration: 2.4, transition: dissolve}
  - {id: nine, prompt: a blue elephant walking to the right in a desert at dusk under a clear sky, duration: 2.4}
  - {id: ten, prompt: a yellow robot dancing in a city at night in the rain, duration: 2.4, transition: wipe}
"""
CONSOLE = Console(width=120)


@dataclass(frozen=True, kw_only=True)
class Built:
    """A build that came to its end: seconds by the clock, what the command printed, the film's SHA-256."""

    elapsed_s: float
    facts: dict[str, Any]
    sha256: str


def command(source: str, folder: Path, *, workers: int = 2) -> list[str]:
    """`aiprod film` in `folder`, with its own artifacts."""
    options = ["-o", str(folder / "film.mp4"), "--artifacts", str(folder / "kept"), "--workers", str(workers), "--json"]
    return [sys.executable, "-m", "aiprod_pipelines.cli", "film", source, *options]


def build(source: str, folder: Path, *, workers: int = 2) -> Built:
    """Build to the end. Raises `CalledProcessError` where it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    began_s = time.perf_counter()
    done = subprocess.run(command(source, folder, workers=workers), check=True, stdout=subprocess.PIPE, text=True)
    elapsed_s = time.perf_counter() - began_s
    film = (folder / "film.mp4").read_bytes()
    return Built(elapsed_s=elapsed_s, facts=json.loads(done.stdout), sha256=hashlib.sha256(film).hexdigest())


def watched(storyboard: Path, folder: Path, old: str, new: str) -> float:
    """Seconds from saving a change to the finished film, while `--watch` keeps the workers and their models."""
    arguments = [*command(str(storyboard), folder), "--watch"]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if line.startswith("watching"))
        for turn in (new, old):  # the first makes it load what it needs
            storyboard.write_text(storyboard.read_text().replace(*((old, new) if turn == new else (new, f"{old} up"))))
            began_s = time.perf_counter()
            next(line for line in process.stderr if line.startswith("watching"))
        elapsed_s = time.perf_counter() - began_s
        process.send_signal(signal.SIGINT)
    return elapsed_s


def killed(source: str, folder: Path, whole_s: float) -> dict[str, Any]:
    """Kill builds at random moments, the parent or one of its workers, then let one end."""
    folder.mkdir(parents=True)
    rng = random.Random(SEED)
    seen: dict[str, int] = {}
    again = 0
    for _ in range(KILLS):
        with subprocess.Popen(command(source, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(rng.uniform(0.2, whole_s / 4))
            victims = [process.pid, *_children(process.pid)]
            os.kill(rng.choice(victims), signal.SIGKILL)
            process.wait()
        for record in (folder / "kept").glob("??/*.record"):
            made_ns = next(path for path in record.parent.glob(f"{record.stem}.*") if path != record).stat().st_mtime_ns
            again += seen.setdefault(record.stem, made_ns) != made_ns
    done_before_last = len(seen)
    last = build(source, folder)
    return {
        "sha256": last.sha256,
        "made_twice": again,
        "kept_after_kills": done_before_last,
        "steps": last.facts["steps"],
    }


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        storyboard = root / "ten.yaml"
        storyboard.write_text(TEN_SHOTS)
        cold = build(SENTENCE, root / "sentence")
        same = build(SENTENCE, root / "sentence")
        two = build(str(storyboard), root / "two")
        one = build(str(storyboard), root / "one", workers=1)
        storyboard.write_text(TEN_SHOTS.replace("a green robot standing", "a purple robot standing"))
        before = {path.name for path in (root / "two" / "kept").glob("??/*.record")}
        changed = build(str(storyboard), root / "two")
        kinds = sorted(
            json.loads(path.read_text())["kind"]
            for path in (root / "two" / "kept").glob("??/*.record")
            if path.name not in before
        )
        storyboard.write_text(TEN_SHOTS)
        watched_s = watched(storyboard, root / "one", "a green robot standing", "a white robot standing")
        storyboard.write_text(f"quality: draft\n{TEN_SHOTS}")  # so that kills fall on every kind of step
        draft = build(str(storyboard), root / "draft")
        after_kills = killed(str(storyboard), root / "killed", draft.elapsed_s)
    rows = [
        ("one sentence to a film, cold", f"{cold.elapsed_s:.1f} s", "90 s"),
        ("the same again", f"{same.elapsed_s:.2f} s, {same.facts['steps_made']} steps made", "2 s, 0 steps"),
        ("the same bytes", str(same.sha256 == cold.sha256), "True"),
        ("ten shots, two workers", f"{two.elapsed_s:.1f} s, {two.facts['steps_made']} steps", ""),
        ("ten shots, one worker", f"{one.elapsed_s:.1f} s", ""),
        ("two workers against one", f"{one.elapsed_s / two.elapsed_s:.2f}", "1.6"),
        ("the same bytes from one worker", str(one.sha256 == two.sha256), "True"),
        ("one word changed", f"{changed.elapsed_s:.1f} s: {', '.join(kinds)}", ""),
        ("of the whole", f"{changed.elapsed_s / two.elapsed_s:.0%}", "25 %"),
        ("one word changed under --watch", f"{watched_s:.1f} s, {watched_s / two.elapsed_s:.0%} of the whole", ""),
        (f"bytes after {KILLS} kills", str(after_kills["sha256"] == draft.sha256), "True"),
        ("steps kept by killed builds", f"{after_kills['kept_after_kills']} of {after_kills['steps']}", ""),
        ("finished steps made twice", str(after_kills["made_twice"]), "0"),
    ]
    table = Table(
        "build", "measured", "bar", title=f"aiprod film, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    for row in rows:
        table.add_row(*row)
    CONSOLE.print(table)
    results = Path("build/benchmarks/film.json")
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps({name: measured for name, measured, _ in rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
