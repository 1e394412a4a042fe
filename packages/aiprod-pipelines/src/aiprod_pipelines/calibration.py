"""What renders take on this machine: a few small real ones, measured stage by stage in a process of their own.

What was fitted to them is kept in one small JSON file for each way to render: weights, pipeline, device, precision,
threads. Run as a module, this is the process that measures: a job on its standard input, what it took on its output.
"""

import dataclasses
import hashlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter

from aiprod_core.errors import AiprodError, InputError
from aiprod_core.types import GenerationConfig
from aiprod_pipelines import output
from aiprod_pipelines.calibrated import Calibration, read, written
from aiprod_pipelines.estimate import Estimate, Measured, Weights, estimate, fit
from aiprod_pipelines.machine import PeakMemory, this_machine
from aiprod_pipelines.rendering import PipelineName, Setup, render
from aiprod_pipelines.sovereignty import provision
from aiprod_pipelines.sovereignty.offline import forbid_network, set_offline_variables
from aiprod_pipelines.workload import Shapes, workload

PROMPT = "a red cat walking to the right on a beach by day under a clear sky"
STEPS = 2


@dataclass(frozen=True)
class Probe:
    """A small render: sides in the least legal size of the model, frames, and whether by tiles."""

    width: int
    height: int
    latent_frames: int
    tiled: bool = False


PROBES = (  # long ones and tiled ones tell apart what grows with pixels and what with latents
    Probe(4, 4, 3),
    Probe(8, 8, 7),
    Probe(4, 4, 33),
    Probe(16, 16, 3, tiled=True),
    Probe(12, 12, 7),
    Probe(16, 16, 7),
)


@dataclass(frozen=True)
class Calibrations:
    """The calibrations in a folder. Those that are missing are made when they are asked for, if that is allowed."""

    folder: Path

    def find(self, setup: Setup) -> dict[str, Weights] | None:
        """What is known of this way to render; None where nothing is, or nothing that can be read."""
        found = read(self._path(setup))
        return None if found is None else found.stages

    def make(self, setup: Setup) -> dict[str, Weights]:
        """Measure this way to render, and keep it. Raises `AiprodError` where it cannot be rendered at all."""
        stages = fit(measure(setup, Shapes.of(setup.models_dir)))
        self.keep(setup, stages)
        return stages

    def keep(self, setup: Setup, stages: dict[str, Weights]) -> None:
        """Write down what a unit of each amount takes in each stage of this way to render."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found = Calibration(_facts(setup), Shapes.of(setup.models_dir).sizes, stages)
        output.save({self._path(setup): written(found)})

    def estimate(self, config: GenerationConfig, setup: Setup) -> Estimate:
        """What a request takes, calibrating first where that was not done."""
        if setup.execution.compile:
            raise InputError("estimate: got compile, whose minutes are the compiler's own; leave it out")
        return estimate(config, setup, Shapes.of(setup.models_dir), self.find(setup) or self.make(setup))

    def _path(self, setup: Setup) -> Path:
        key = hashlib.sha256(json.dumps(_facts(setup), sort_keys=True).encode()).hexdigest()
        return self.folder / f"{key[:16]}.json"


def measure(setup: Setup, shapes: Shapes) -> list[dict[str, Measured]]:
    """Render every probe, each in a new process, as a film is; what each stage took."""
    renders = []
    for probe in PROBES:
        config = _request(probe, setup, shapes)
        way = replace(setup, execution=replace(setup.execution, vae_tiling=probe.tiled))
        took = _measured_apart(config, way)
        renders.append({name: Measured(load, *took[name]) for name, load in workload(config, way, shapes).items()})
    return renders


def _request(probe: Probe, setup: Setup, shapes: Shapes) -> GenerationConfig:
    by = shapes.shdt.compression
    unit = by.size_multiple_px * (2 if setup.pipeline is PipelineName.TI2VID_TWO_STAGES else 1)
    config = GenerationConfig(
        prompt=PROMPT,
        width=unit * probe.width,
        height=unit * probe.height,
        num_frames=by.time * (probe.latent_frames - 1) + 1,
    )
    return replace(config, **{**setup.pipeline.defaults, **_size_of(config), "num_inference_steps": STEPS})


def _size_of(config: GenerationConfig) -> dict[str, int]:
    return {"width": config.width, "height": config.height}


def _measured_apart(config: GenerationConfig, setup: Setup) -> dict[str, tuple[float, float]]:
    """Stage → seconds and bytes, of a render in a process of its own."""
    job = [torch.get_num_threads(), dataclasses.asdict(config), dataclasses.asdict(setup)]
    command = [sys.executable, "-m", "aiprod_pipelines.calibration"]
    done = subprocess.run(command, input=json.dumps(job, default=str), capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise AiprodError(f"calibration: the render to be measured failed ({reason}); try it with 'aiprod generate'")
    return {stage: (took[0], took[1]) for stage, took in json.loads(done.stdout).items()}


def _facts(setup: Setup) -> dict[str, Any]:
    """All that a calibration is of. Tiles are not of it: what they change is reckoned, not measured."""
    machine = this_machine()
    return {
        "weights": provision.verify(setup.models_dir),
        "pipeline": setup.pipeline,
        "device": setup.device,
        "precision": setup.precision,
        "quantization": setup.quantization,
        "execution": dataclasses.asdict(replace(setup.execution, vae_tiling=False, step_cache=0.0)),
        "threads": torch.get_num_threads(),
        "processor": machine.processor,
        "isa": machine.isa,
        "torch": torch.__version__,
        "aiprod": metadata.version("aiprod-pipelines"),
    }


@dataclass
class Meter:
    """Seconds and peak of each stage, told apart by the progress that is reported anyway.

    On a processor the lesser of the clock's seconds and the processor's own counts: with one thread, what other
    programs take is then not measured along.
    """

    memory: PeakMemory
    on_processor: bool
    took: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._clock_s, self._processor_s = time.perf_counter(), time.process_time()

    def __call__(self, stage: str, done: int, total: int) -> None:
        clock_s, processor_s = time.perf_counter(), time.process_time()
        spent_s = clock_s - self._clock_s
        if self.on_processor:
            spent_s = min(spent_s, processor_s - self._processor_s)
        self._clock_s, self._processor_s = clock_s, processor_s
        seconds, peak = self.took.get(stage, (0.0, 0.0))
        self.took[stage] = (seconds + spent_s, max(peak, self.memory.since_last_asked_bytes()))


def _main() -> None:
    threads, config, setup = json.load(sys.stdin)
    torch.set_num_threads(threads)
    way = TypeAdapter(Setup).validate_python(setup)
    meter = Meter(PeakMemory(way.device), on_processor=torch.device(way.device).type == "cpu")
    request = TypeAdapter(GenerationConfig).validate_python(config)
    set_offline_variables()
    with forbid_network():
        render(request, way, Path("probe.mp4"), on_progress=meter)
    sys.stdout.write(json.dumps(meter.took))


if __name__ == "__main__":
    _main()
