"""The price of a request is told before it is queued, in every tier, and is that of the queued job."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from aiprod_core.types import Compression, GenerationConfig
from aiprod_pipelines import calibrated
from aiprod_pipelines.amounts import Sizes, Way, amounts
from aiprod_pipelines.calibrated import Calibration, Weights
from aiprod_pipelines.commands.folders import calibrations_folder
from aiprod_pipelines.sovereignty import provision
from aiprod_server import models
from aiprod_server.api.service import Service
from aiprod_server.app import create_app
from aiprod_server.queue import leases, submissions, workers
from aiprod_server.settings import Settings

Headers = dict[str, str]
CLIP = {"prompt": "a red cat walks on a beach", "num_frames": 25}
FILM = {"kind": "film", "prompt": "A cat walks on a beach. Then it sleeps."}


@pytest.fixture
def http(engine: sa.Engine, tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        storage=tmp_path / "storage",
        cache_root=tmp_path / "cache",
    )
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture
def creator(holding: Callable[..., Headers]) -> Headers:
    return holding("creator", client="studio")


@pytest.fixture
def asked(http: TestClient, creator: Headers) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def ask(body: dict[str, Any]) -> dict[str, Any]:
        answer = http.post("/api/v1/estimate-cost", json=body, headers=creator)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    return ask


def _calibrate(service: Service) -> None:
    """One calibration for every tier's pipeline, each unit of work 1 µs."""
    executor = service.orchestration.render_executor
    model = models.find(executor.model, None)
    by = Compression(time=model.frame_step, space=model.side_step_px // 2, patch=2, hop=960)
    sizes = Sizes(compression=by, sample_rate_hz=model.sample_rate_hz, decoder_context=7, decoder_border=4)
    folder = calibrations_folder(service.settings.cache_root)
    folder.mkdir(parents=True)
    for tier in executor.tiers.values():
        way = Way(two_stages=tier.pipeline == models.TWO_STAGES)
        loads = amounts(GenerationConfig(prompt="p"), way, sizes)
        stages = {name: Weights((1e-6,) * len(one.time), (1.0,) * len(one.memory)) for name, one in loads.items()}
        of = {
            "weights": provision.read_checksums(provision.locate(executor.model)),
            "pipeline": tier.pipeline,
            "precision": executor.precision,
            "quantization": None,
            "threads": executor.threads,
        }
        (folder / f"{tier.pipeline}.json").write_bytes(calibrated.written(Calibration(of, sizes, stages)))


def test_without_measurements_nothing_is_told(asked: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    told = asked(CLIP)
    assert (told["basis"], told["device_s"], told["cost_eur"], told["wait_s"]) == ("none", None, None, None)
    assert told["tiers"]["eco"] == {"device_s": None, "cost_eur": None}


@pytest.mark.parametrize("body", [CLIP, FILM])
def test_a_price_is_that_of_its_tier_and_of_the_job(
    http: TestClient,
    service: Service,
    creator: Headers,
    asked: Callable[[dict[str, Any]], dict[str, Any]],
    body: dict[str, Any],
) -> None:
    _calibrate(service)
    told = {tier: asked({**body, "tier": tier}) for tier in ("eco", "standard", "premium")}
    for tier, one in told.items():
        assert one["basis"] == "calibration"
        assert one["device_s"] == pytest.approx(sum(one["stages_s"].values()))
        assert one["tiers"][tier] == {"device_s": one["device_s"], "cost_eur": one["cost_eur"]}
    costs = [one["cost_eur"] for one in told.values()]
    assert costs == sorted(costs)
    assert costs[0] > 0
    job = http.post("/api/v1/generate", json=body, headers=creator).json()
    assert job["estimate_s"] == pytest.approx(told["standard"]["device_s"])


def test_who_comes_later_waits_longer(
    service: Service, asked: Callable[[dict[str, Any]], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiprod_server.money.estimates.BACKLOG_KEPT_S", 0.0)
    now_s = service.clock()
    workers.appear(service.engine, "w", "m", "cpu", now_s=now_s)
    assert asked(CLIP)["wait_s"] == 0
    submissions.submit(service.engine, {}, client="c", now_s=now_s, estimate_s=40.0)
    assert leases.claim(service.engine, "w", now_s=now_s) is not None
    assert asked(CLIP)["wait_s"] == 40.0


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({**CLIP, "tier": "gold"}, 422), ({**CLIP, "model": "nobody"}, 404), ({**FILM, "prompt": "."}, 400)],
)
def test_what_could_not_be_queued_has_no_price(
    http: TestClient, service: Service, creator: Headers, body: dict[str, Any], status: int
) -> None:
    _calibrate(service)
    answer = http.post("/api/v1/estimate-cost", json=body, headers=creator)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
