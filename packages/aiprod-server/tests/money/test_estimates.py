"""An estimate is that of `aiprod estimate` until finished jobs know better, and nothing where nobody measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_core.types import Compression, GenerationConfig
from aiprod_pipelines import calibrated
from aiprod_pipelines.amounts import Sizes, Way, amounts
from aiprod_pipelines.calibrated import Calibration, Weights
from aiprod_pipelines.rendering import PipelineName, Setup
from aiprod_pipelines.sovereignty import provision
from aiprod_pipelines.workload import Shapes, workload
from aiprod_server.money import estimates
from aiprod_server.money.estimates import BOUNDS, ENOUGH, Estimator
from aiprod_server.orchestration.config import default_path, load
from aiprod_server.queue import leases, submissions, workers

CONFIG = load(default_path())
MODEL = CONFIG.render_executor.model
CLIP: dict[str, Any] = {
    "kind": "clip",
    "tier": "standard",
    "model": MODEL,
    "prompt": "a red cat",
    "width": 128,
    "height": 128,
    "num_frames": 25,
    "frame_rate": 10.0,
    "num_inference_steps": 20,
    "guidance_scale": 4.0,
    "audio": True,
}
FILM = {"kind": "film", "tier": "eco", "model": MODEL, "prompt": "A cat walks on a beach. Then it sleeps."}


@pytest.fixture(scope="module")
def calibrations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One calibration of the shipped weights for each pipeline of the tiers: every unit of every stage 1 µs."""
    shapes, folder = Shapes.of(provision.locate(MODEL)), tmp_path_factory.mktemp("calibrations")
    for tier in CONFIG.render_executor.tiers.values():
        asked = GenerationConfig(prompt="p", width=128, height=128, num_frames=25)
        loads = amounts(asked, Way(two_stages=tier.pipeline == estimates.TWO_STAGES), shapes.sizes)
        stages = {
            name: Weights(seconds=(1e-6,) * len(one.time), bytes=(1.0,) * len(one.memory))
            for name, one in loads.items()
        }
        of = {
            "weights": provision.read_checksums(provision.locate(MODEL)),
            "pipeline": tier.pipeline,
            "precision": CONFIG.render_executor.precision,
            "quantization": None,
            "threads": CONFIG.render_executor.threads,
        }
        (folder / f"{tier.pipeline}.json").write_bytes(calibrated.written(Calibration(of, shapes.sizes, stages)))
    (folder / "damaged.json").write_text("{")
    return folder


@pytest.fixture
def estimator(engine: sa.Engine, calibrations: Path, monkeypatch: pytest.MonkeyPatch) -> Estimator:
    monkeypatch.setattr(estimates, "KEPT_S", 0.0)
    return Estimator(engine, CONFIG, models_root=None, calibrations=calibrations)


@pytest.fixture
def finish(engine: sa.Engine) -> Callable[[dict[str, Any], float], None]:
    """Call it for a job of a request that took so many seconds of a device."""

    def finished(request: dict[str, Any], device_s: float) -> None:
        submissions.submit(engine, request, client="c", now_s=0.0, kind=request["kind"], tier=request["tier"])
        claim = leases.claim(engine, "w", now_s=1.0)
        assert claim is not None
        leases.complete(engine, claim, device_s=device_s, cost_microeur=1, now_s=2.0)

    return finished


def test_a_clip_is_reckoned_as_aiprod_estimate_does(estimator: Estimator) -> None:
    told = estimator.estimate(CLIP)
    folder = provision.locate(MODEL)
    config = GenerationConfig(**{name: CLIP[name] for name in estimates.CLIP_FIELDS})
    setup = Setup(models_dir=folder, pipeline=PipelineName.TI2VID_ONE_STAGE)
    loads = workload(config, setup, Shapes.of(folder))
    assert told.stages_s == pytest.approx({name: 1e-6 * sum(one.time) for name, one in loads.items() if name != "load"})
    assert told.device_s == pytest.approx(sum(told.stages_s.values()))
    assert told.basis == "calibration"
    assert told.cost_microeur == estimator.tariff.render_microeur("standard", told.device_s or 0.0)
    dearer = estimator.estimate(CLIP, factor=2.0).cost_microeur
    assert dearer == pytest.approx(2 * (told.cost_microeur or 0), abs=1)


def test_more_costs_more(estimator: Estimator) -> None:
    def device_s(**changes: Any) -> float:
        told = estimator.estimate(CLIP | changes).device_s
        assert told is not None
        return told

    assert device_s(num_frames=49) > device_s()
    assert device_s(num_inference_steps=4) < device_s()
    assert device_s(guidance_scale=1.0) < device_s()
    assert device_s(tier="premium", width=256, height=256) > device_s()


def test_a_film_is_the_sum_of_its_shots(estimator: Estimator) -> None:
    words = estimator.estimate(FILM)
    shot = {"prompt": "a cat walks on a beach", "duration": 2.0}
    one, two = (
        estimator.estimate({**FILM, "prompt": None, "storyboard": {"shots": [shot] * number}}) for number in (1, 2)
    )
    assert None not in (words.device_s, one.device_s, two.device_s)
    assert two.device_s == pytest.approx(2 * (one.device_s or 0.0))
    with pytest.raises(InputError, match="nothing is seen"):
        estimator.estimate(FILM | {"prompt": "."})


def test_finished_jobs_correct_what_was_measured_within_bounds(
    estimator: Estimator, finish: Callable[[dict[str, Any], float], None]
) -> None:
    before = estimator.estimate(CLIP)
    assert before.device_s is not None
    for share in (1.5, 2.0, 40.0)[:ENOUGH]:
        assert estimator.estimate(CLIP).basis == "calibration"
        finish(CLIP, share * before.device_s)
    after = estimator.estimate(CLIP)
    assert (after.basis, after.device_s) == ("corrected calibration", pytest.approx(2.0 * before.device_s))
    assert estimator.estimate(CLIP | {"tier": "eco", "num_inference_steps": 4}).basis == "calibration"
    for _ in range(ENOUGH + 2):
        finish(CLIP, 1000 * before.device_s)
    assert estimator.estimate(CLIP).device_s == pytest.approx(BOUNDS[1] * before.device_s)


def test_finished_jobs_stand_in_where_nobody_measured(
    engine: sa.Engine, finish: Callable[[dict[str, Any], float], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "KEPT_S", 0.0)
    estimator = Estimator(engine, CONFIG, models_root=None, calibrations=tmp_path / "none")
    nothing = estimator.estimate(CLIP)
    assert (nothing.device_s, nothing.cost_microeur, nothing.basis) == (None, None, "none")
    for _ in range(ENOUGH):
        finish(CLIP, 30.0)
    assert estimator.estimate(CLIP).basis == "finished jobs"
    assert estimator.estimate(CLIP).device_s == pytest.approx(30.0)
    assert estimator.estimate(CLIP | {"num_inference_steps": 40}).device_s == pytest.approx(60.0)


def test_the_price_follows_the_load_only_where_that_is_configured(
    engine: sa.Engine, estimator: Estimator, calibrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "BACKLOG_KEPT_S", 0.0)
    on = CONFIG.dynamic_pricing.model_copy(update={"enabled": True})
    dear = Estimator(
        engine, CONFIG.model_copy(update={"dynamic_pricing": on}), models_root=None, calibrations=calibrations
    )
    workers.appear(engine, "w", "m", "cpu", now_s=0.0)
    assert (estimator.factor(1.0), dear.factor(1.0)) == (1.0, on.floor)
    submissions.submit(engine, CLIP, client="c", now_s=0.0, estimate_s=on.busy_queue_s)
    assert leases.claim(engine, "w", now_s=1.0) is not None
    submissions.submit(engine, CLIP, client="c", now_s=0.0, estimate_s=on.busy_queue_s)
    assert (estimator.factor(1.0), dear.factor(1.0)) == (1.0, on.ceiling)


def test_sizes_of_a_calibration_come_back(tmp_path: Path) -> None:
    sizes = Sizes(
        compression=Compression(time=4, space=8, hop=960, patch=2),
        sample_rate_hz=24000,
        decoder_context=7,
        decoder_border=4,
    )
    kept = Calibration({"pipeline": "distilled"}, sizes, {"load": Weights((1.0,), (2.0,))})
    (tmp_path / "a.json").write_bytes(calibrated.written(kept))
    assert calibrated.in_folder(tmp_path) == [kept]
