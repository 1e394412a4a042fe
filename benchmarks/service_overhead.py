"""What the service costs on top of a render: a clip through queue, worker and child, beside the same clip in process.

Both are warm, on one thread, and take turns, so that whatever else the machine does falls on both. In process is what
`aiprod generate` does once its models are loaded: render, encode, write film and receipt. Through the service is from
`submit` until the job is completed: claim, the child's way through the orchestration with its two gates, previews,
events, thumbnail, files with their SHA-256. The films must be the same bytes. The bar is of the medians. Beside it
stands what each job took against the seconds that its own receipt says were rendered, which a machine that is busy with
other things disturbs less. Prints a table and writes build/benchmarks/service_overhead.json.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from aiprod_core.types import GenerationConfig
from aiprod_pipelines import output
from aiprod_pipelines.proof.paper import receipt_path
from aiprod_pipelines.rendering import Setup, load_pipeline, render
from aiprod_pipelines.sovereignty import provision
from aiprod_server import migrations
from aiprod_server.clock import Clock
from aiprod_server.commands.worker import PROGRAM
from aiprod_server.database import connect
from aiprod_server.queue import submissions
from aiprod_server.queue.jobs import State
from aiprod_server.storage import Storage
from aiprod_server.worker.slot import Terms
from aiprod_server.worker.worker import Worker

ROUNDS, BAR = 9, 1.03
LOOK_S = 0.02
REQUEST: dict[str, Any] = {
    "prompt": "a red cat walking to the right on a beach by day under a clear sky, static camera",
    "width": 128,
    "height": 128,
    "num_frames": 25,
    "frame_rate": 10.0,
    "num_inference_steps": 20,
    "guidance_scale": 4.0,
}
CONSOLE = Console(width=100)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        report = measured(Path(folder), rounds)
    table = Table("", "median s", "least s", "most s")
    for name in ("in process", "through the service", "of that, rendering"):
        seconds = report[name]
        table.add_row(name, *(f"{value:.3f}" for value in (statistics.median(seconds), min(seconds), max(seconds))))
    CONSOLE.print(table)
    verdict = "met" if report["met"] else "missed"
    CONSOLE.print(f"medians of {rounds} rounds: {report['ratio']:.3f}×, bar ≤ {BAR}: {verdict}")
    CONSOLE.print(f"jobs against their own render: {report['ratio_to_own_render']:.3f}×; load {report['load']:.1f}")
    path = Path("build/benchmarks/service_overhead.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")


def measured(folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds of both, a warm round each before the first that counts."""
    service, alone = _Service(folder), _Alone(folder)
    alone_s, service_s, render_s = [], [], []
    try:
        for number in range(rounds + 1):
            mine_s, theirs_s = alone.clip_s(number), service.clip_s(number)
            assert alone.sha256 == service.sha256, "the service renders another film"
            if number > 0:
                alone_s.append(mine_s)
                service_s.append(theirs_s)
                render_s.append(service.render_s)
    finally:
        service.close()
    ratio = statistics.median(service_s) / statistics.median(alone_s)
    return {
        "request": REQUEST,
        "in process": alone_s,
        "through the service": service_s,
        "of that, rendering": render_s,
        "ratio": ratio,
        "ratio_to_own_render": statistics.median(whole / own for whole, own in zip(service_s, render_s, strict=True)),
        "bar": BAR,
        "met": ratio <= BAR,
        "load": os.getloadavg()[0],
    }


class _Alone:
    """The path of `aiprod generate` with its models loaded."""

    def __init__(self, folder: Path) -> None:
        self._film = folder / "alone.mp4"
        self._setup = Setup(models_dir=provision.locate())
        self._loaded = load_pipeline(self._setup)
        self.sha256 = ""

    def clip_s(self, seed: int) -> float:
        began_s = time.perf_counter()
        config = GenerationConfig(**REQUEST, seed=seed)
        rendered = render(config, self._setup, self._film, on_progress=lambda *told: None, loaded=self._loaded)
        output.save({self._film: rendered.mp4, receipt_path(self._film): rendered.receipt.to_json()})
        self.sha256 = rendered.receipt.output.sha256
        return time.perf_counter() - began_s


class _Service:
    """A queue on SQLite, and a worker of one slot in a thread, whose child is the real one."""

    def __init__(self, folder: Path) -> None:
        self._engine = connect(f"sqlite:///{folder}/jobs.db")
        migrations.upgrade(self._engine)
        self._clock = Clock(self._engine)
        self._storage = Storage(folder / "storage")
        terms = Terms(
            engine=self._engine,
            clock=self._clock,
            program=PROGRAM,
            environment={"AIPROD_STORAGE": str(self._storage.root)},
            price=lambda claim, device_s: 0,
            on_error=lambda *told: CONSOLE.print(*told),
            step_timeout_s=600.0,
        )
        self._worker = Worker(terms, devices=["cpu"], drain_s=0.0)
        self._thread = threading.Thread(target=self._worker.run)
        self._thread.start()
        self.sha256, self.render_s = "", 0.0

    def clip_s(self, seed: int) -> float:
        asked = {
            "kind": "clip",
            "tier": "standard",
            "model": provision.DEFAULT_MODEL,
            "audio": True,
            "seed_given": True,
        }
        began_s = time.perf_counter()
        job = submissions.submit(
            self._engine, REQUEST | asked | {"seed": seed}, client="benchmark", now_s=self._clock()
        )
        while (job := submissions.job(self._engine, job.id)).state in (State.QUEUED, State.RUNNING):
            time.sleep(LOOK_S)
        elapsed_s = time.perf_counter() - began_s
        assert job.result is not None, job.reason
        self.sha256 = job.result["files"]["video"]["sha256"]
        assert self._storage.verified(job.id, "clip.mp4", self.sha256)
        receipt = json.loads(self._storage.job_file(job.id, "receipt.json").read_bytes())
        self.render_s = sum(receipt["timings_s"].values())
        return elapsed_s

    def close(self) -> None:
        self._worker.close()
        self._thread.join()
        self._engine.dispose()


if __name__ == "__main__":
    main()
