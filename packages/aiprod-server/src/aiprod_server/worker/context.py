"""What a render has around it: storage, orchestration, and the models that stay warm between orders. Knows no order."""

import os
import shutil
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TypeAlias

import torch

from aiprod_core.batching import most_that_fit
from aiprod_core.errors import InputError
from aiprod_core.types import GenerationConfig
from aiprod_pipelines import backends
from aiprod_pipelines.backends import Backend
from aiprod_pipelines.calibration import Calibrations
from aiprod_pipelines.commands.folders import calibrations_folder
from aiprod_pipelines.estimate import estimate
from aiprod_pipelines.film.artifacts import Artifacts
from aiprod_pipelines.film.compile import Device
from aiprod_pipelines.film.crew import Crew
from aiprod_pipelines.film.worker import Worker
from aiprod_pipelines.host import free_memory_bytes
from aiprod_pipelines.machine import available_memory_bytes
from aiprod_pipelines.rendering import Loaded, PipelineName, Setup, load_pipeline
from aiprod_pipelines.sovereignty import provision
from aiprod_pipelines.workload import Shapes
from aiprod_server.orchestration.blocks import BackendName, Orchestration
from aiprod_server.orchestration.gates import SemanticJudge
from aiprod_server.settings import Settings
from aiprod_server.storage import Storage
from aiprod_server.worker.cluster import Cluster
from aiprod_server.worker.meter import METERS, Meter

BACKENDS: dict[BackendName, Backend] = {"aiprod_sovereign": Backend.SOVEREIGN}
Fingerprint: TypeAlias = tuple[tuple[str, int, int], ...]  # name, time of change, size of every file of weights


@dataclass(kw_only=True)
class Context:
    """One of them a child, on one device. `models_root`: a folder that weights are looked for in first.

    `cluster`: makes the steps of films, where there is one; None for this machine. `calibrations`: a folder of what
    `aiprod estimate` measured.
    """

    storage: Storage
    config: Orchestration
    models_root: str | None = None
    device: str = "cpu"
    cluster: Cluster | None = None
    calibrations: Path | None = None
    _loaded: "OrderedDict[Setup, tuple[Fingerprint, Loaded]]" = field(default_factory=OrderedDict, repr=False)
    _judges: dict[Path, tuple[Fingerprint, SemanticJudge]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, settings: Settings, config: Orchestration, device: str) -> "Context":
        """That of a process: its threads are from now on those of the configuration.

        Raises `InputError` where there is to be a cluster and it cannot be joined.
        """
        torch.set_num_threads(config.render_executor.threads)
        root = None if settings.models_root is None else str(settings.models_root)
        cluster = None if settings.ray_address is None else Cluster(settings.ray_address)
        return cls(
            storage=Storage(settings.storage),
            config=config,
            models_root=root,
            device=device,
            cluster=cluster,
            calibrations=calibrations_folder(settings.cache_root),
        )

    @cached_property
    def meter(self) -> Meter:
        """What measures the seconds that are charged."""
        return METERS[self.config.dynamic_pricing.sources[0]]

    @cached_property
    def artifacts(self) -> Artifacts:
        """The steps of all films."""
        return Artifacts(self.storage.root / "artifacts")

    @cached_property
    def crew(self) -> Crew:
        """Who makes the steps of films; their models stay warm as well."""
        if self.cluster is not None:
            return self.cluster.crew()
        _, _, number = self.device.partition(":")
        seen = {"CUDA_VISIBLE_DEVICES": number} if number else {}
        return Crew(self.config.render_executor.film_workers, hire=partial(Worker, seen))

    @property
    def film_device(self) -> Device:
        """What shots of films are rendered on; of a cluster's, what it has."""
        has_gpu = self.device != "cpu" if self.cluster is None else self.cluster.has_gpu
        return "cuda" if has_gpu else "cpu"

    @property
    def memory_bytes(self) -> int:
        """What the steps of a film may take together."""
        return free_memory_bytes() if self.cluster is None else self.cluster.memory_bytes

    def room_is_short(self) -> str | None:
        """Why no job should be begun, where the disk has less room than is wanted."""
        root = next(folder for folder in (self.storage.root, *self.storage.root.parents) if folder.is_dir())
        free_bytes, least_bytes = shutil.disk_usage(root).free, self.config.local_storage.min_free_bytes
        if free_bytes >= least_bytes:
            return None
        return f"the disk of the storage is nearly full: {free_bytes} bytes are free, and {least_bytes} must be"

    def weights(self, model: str) -> Path:
        """The folder of the weights of that name. Raises `WeightsError`, or `InputError` for what may not render."""
        backend, place = backends.locate(model, environment=self.models_root)
        allowed = [BACKENDS[name] for name in self.config.financial_orchestrator.backend_priority]
        if backend not in allowed or os.sep in model:
            raise InputError(f"model: got {model}, expected a name of weights for {', '.join(allowed)}; see the models")
        return place

    def setup(self, model: str, tier: str) -> Setup:
        """How a clip of that model and tier is rendered. Raises as `weights` does."""
        executor = self.config.render_executor
        return Setup(
            models_dir=self.weights(model),
            backend=BACKENDS[executor.backend],
            pipeline=PipelineName(self.config.tier(tier).pipeline),
            device=self.device,
            precision=executor.precision,
            preview_every=executor.preview_every_steps,
        )

    def most_at_once(self, setup: Setup, config: GenerationConfig) -> int:
        """How many such clips fit into the memory of the device; where `aiprod estimate` never measured it, all."""
        weights = None if self.calibrations is None else Calibrations(self.calibrations).find(setup)
        if weights is None:
            return self.config.render_executor.max_batch
        alone = estimate(config, setup, Shapes.of(setup.models_dir), weights)
        return most_that_fit(alone.peak_memory_bytes, available_memory_bytes(setup.device))

    def loaded(self, setup: Setup) -> Loaded:
        """The pipeline of `setup`, loaded where it is not, or where the files of its weights have changed.

        Raises:
            WeightsError: weights that are missing or damaged.
        """
        now = fingerprint(setup.models_dir)
        was, loaded = self._loaded.pop(setup, ((), None))
        if loaded is None or was != now:
            while len(self._loaded) >= self.config.render_executor.warm_pipelines:
                self._loaded.popitem(last=False)
            loaded = load_pipeline(setup)
        self._loaded[setup] = now, loaded
        return loaded

    def judge(self, models_dir: Path) -> SemanticJudge:
        """The judge beside these weights, verified as they are. Raises `WeightsError` where they are damaged."""
        now = fingerprint(models_dir)
        was, judge = self._judges.get(models_dir, ((), None))
        if judge is None or was != now:
            provision.verify(models_dir)
            rules = self.config.semantic_qa
            judge = SemanticJudge(models_dir / rules.model, rules)
            self._judges[models_dir] = now, judge
        return judge

    def close(self) -> None:
        """Send the crew home."""
        self.crew.__exit__(None, None, None)
        if self.cluster is not None:
            self.cluster.leave()


def fingerprint(folder: Path) -> Fingerprint:
    """What changes when somebody puts other files into a folder of weights."""
    found = ((path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return tuple((str(path), facts.st_mtime_ns, facts.st_size) for path, facts in found)
