"""What a request will take of a device, before it is queued, and what that will cost.

Two sources: what was measured on this machine (the calibrations of `aiprod estimate`), and what finished jobs of the
same kind, tier and model really took, which corrects the first, within bounds, or stands in for it. Where there is
neither, nothing is told rather than guessed. Loads no torch.
"""

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import sqlalchemy as sa

from aiprod_core.errors import AiprodError
from aiprod_core.types import GenerationConfig
from aiprod_pipelines import calibrated
from aiprod_pipelines.amounts import Way, amounts
from aiprod_pipelines.calibrated import Calibration, estimated
from aiprod_pipelines.sovereignty import provision
from aiprod_server.database import reading
from aiprod_server.money.tariff import Tariff, load
from aiprod_server.orchestration.blocks import Orchestration
from aiprod_server.queue.backlog import Backlog, backlog
from aiprod_server.tables import charges, jobs

Basis: TypeAlias = Literal["calibration", "corrected calibration", "finished jobs", "none"]
Clips: TypeAlias = Sequence[tuple[str, GenerationConfig]]  # pipeline and request of all that is rendered
T = TypeVar("T")

KEPT_S = 30.0  # what files and finished jobs say
BACKLOG_KEPT_S = 2.0
LOOKED_AT, COMPARED, ENOUGH = 1000, 20, 3  # the latest charges; those of them that are alike; the fewest that tell
BOUNDS = (0.2, 5.0)  # a correction beyond them says that something else is wrong
TWO_STAGES = "ti2vid_two_stages"
WARM = "load"  # the stage that a worker with warm models does not go through, and nobody is charged for
CLIP_FIELDS = (
    *("prompt", "width", "height", "num_frames", "frame_rate", "num_inference_steps"),
    *("guidance_scale", "audio"),
)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Of one request. `device_s` and `cost_microeur` are None where nothing is known; `stages_s` adds up to it."""

    device_s: float | None
    cost_microeur: int | None
    basis: Basis
    stages_s: Mapping[str, float] = field(default_factory=dict)


class Estimator:
    """Estimates for one gateway. What it has read it keeps for half a minute; safe in threads."""

    def __init__(
        self, engine: sa.Engine, orchestration: Orchestration, *, models_root: Path | None, calibrations: Path
    ) -> None:
        self.tariff = Tariff.of(orchestration)
        self._engine, self._orchestration = engine, orchestration
        self._models_root, self._calibrations = models_root, calibrations
        self._kept: dict[Any, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def estimate(self, request: Mapping[str, Any], *, factor: float = 1.0) -> Estimate:
        """What a filled request (`jobs.request`) takes and costs.

        Args:
            factor: of dynamic pricing.

        Raises:
            InputError: a film of words that show nothing.
        """
        clips = self._clips(request)
        stages_s = self._reckoned(request["model"], clips)
        basis: Basis = "calibration"
        alike = (request["kind"], request["tier"], request["model"])
        if stages_s is not None:
            ratio = self._remembered(("ratio", *alike), KEPT_S, lambda: self._ratio(*alike, self._total_s))
            if ratio is not None:
                share = min(max(ratio, BOUNDS[0]), BOUNDS[1])
                stages_s, basis = {name: share * stage_s for name, stage_s in stages_s.items()}, "corrected calibration"
        else:
            per_pixel = self._remembered(("pixel", *alike), KEPT_S, lambda: self._ratio(*alike, self._pixels))
            if per_pixel is None:
                return Estimate(device_s=None, cost_microeur=None, basis="none")
            stages_s, basis = {"render": per_pixel * _pixels_of(clips)}, "finished jobs"
        device_s = sum(stages_s.values())
        cost = self.tariff.render_microeur(request["tier"], device_s, factor)
        return Estimate(device_s=device_s, cost_microeur=cost, basis=basis, stages_s=stages_s)

    def backlog(self, now_s: float) -> Backlog:
        """What stands before the devices, as of the last two seconds."""
        return self._remembered("backlog", BACKLOG_KEPT_S, lambda: backlog(self._engine, now_s=now_s))

    def factor(self, now_s: float) -> float:
        """What rates are multiplied by now: 1, unless the configuration lets prices follow the load."""
        dynamic = self.tariff.dynamic
        if not dynamic.enabled:
            return 1.0
        now = self.backlog(now_s)
        return self.tariff.factor(
            load(devices=now.devices, running=now.running, queued_s=now.queued_s, busy_queue_s=dynamic.busy_queue_s)
        )

    def _clips(self, request: Mapping[str, Any]) -> Clips:
        if request["kind"] == "film":
            # Not at the top: storyboards take a third of a gateway's start, which loads them as soon as it answers.
            from aiprod_server.money.film_size import shots_of

            return shots_of(request, self._orchestration, self._models_root)
        asked = GenerationConfig(**{name: request[name] for name in CLIP_FIELDS})
        return [(self._orchestration.tier(request["tier"]).pipeline, asked)]

    def _reckoned(self, model: str, clips: Clips) -> dict[str, float] | None:
        """Seconds by stage, as measured on this machine; None where one of the pipelines was not."""
        known = self._remembered(("known", model), KEPT_S, lambda: self._known(model))
        stages_s: dict[str, float] = {}
        for pipeline, config in clips:
            found = known.get(pipeline)
            if found is None:
                return None
            loads = amounts(config, Way(two_stages=pipeline == TWO_STAGES), found.sizes)
            for name, stage_s in estimated(loads, found.stages).stages_s.items():
                if name != WARM:
                    stages_s[name] = stages_s.get(name, 0.0) + stage_s
        return stages_s

    def _known(self, model: str) -> dict[str, Calibration]:
        """Pipeline → the calibration of these weights, rendered as the configuration says; of several, the latest."""
        executor = self._orchestration.render_executor
        try:
            root = None if self._models_root is None else str(self._models_root)
            weights = provision.read_checksums(provision.locate(model, environment=root))
        except AiprodError:
            return {}
        wanted = {
            "weights": weights,
            "precision": executor.precision,
            "quantization": None,
            "threads": executor.threads,
        }
        found: dict[str, Calibration] = {}
        for one in reversed(calibrated.in_folder(self._calibrations)):
            if all(one.of.get(name) == value for name, value in wanted.items()):
                found[str(one.of["pipeline"])] = one
        return found

    def _ratio(
        self, kind: str, tier: str, model: str, told: Callable[[Mapping[str, Any]], float | None]
    ) -> float | None:
        """Median of device seconds a unit of what `told` says, over the latest jobs that are alike."""
        latest = sa.select(charges.c.job_id, charges.c.device_s, charges.c.at).order_by(charges.c.at.desc())
        few = latest.limit(LOOKED_AT).subquery()
        wanted = (
            sa.select(jobs.c.request, few.c.device_s)
            .join(few, few.c.job_id == jobs.c.id)
            .where(jobs.c.kind == kind, jobs.c.tier == tier, jobs.c.request["model"].as_string() == model)
            .order_by(few.c.at.desc())
            .limit(COMPARED)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(wanted).all()
        units = [(device_s, told(request)) for request, device_s in rows]
        ratios = [device_s / unit for device_s, unit in units if unit]
        return statistics.median(ratios) if len(ratios) >= ENOUGH else None

    def _total_s(self, request: Mapping[str, Any]) -> float | None:
        try:
            stages_s = self._reckoned(request["model"], self._clips(request))
        except (AiprodError, KeyError):  # of another version: it has no part in this
            return None
        return None if stages_s is None else sum(stages_s.values())

    def _pixels(self, request: Mapping[str, Any]) -> float | None:
        try:
            return _pixels_of(self._clips(request))
        except (AiprodError, KeyError):
            return None

    def _remembered(self, key: Any, keep_s: float, look: Callable[[], T]) -> T:
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and time.monotonic() < kept[0]:
            found: T = kept[1]
            return found
        found = look()
        with self._lock:
            self._kept[key] = (time.monotonic() + keep_s, found)
        return found


def _pixels_of(clips: Clips) -> float:
    """Pixels that are denoised, once a step."""
    return float(sum(one.width * one.height * one.num_frames * one.num_inference_steps for _, one in clips))
