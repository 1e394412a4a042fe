"""How the service is, over HTTP: who may ask, what is told, and that it is true."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from starlette.testclient import TestClient

from aiprod_server import revision
from aiprod_server.api.service import Service
from aiprod_server.app import create_app
from aiprod_server.monitoring import error_log, gpu
from aiprod_server.monitoring.gpu import Gpu
from aiprod_server.queue import leases, submissions, workers
from aiprod_server.settings import Settings

Headers = dict[str, str]
TOKEN = "a-token-of-prometheus"
METRICS = ("/metrics", "/metrics/api", "/metrics/gpu")
LOCAL, REMOTE = ("127.0.0.1", 5000), ("192.0.2.7", 5000)


@pytest.fixture
def http(engine: sa.Engine, tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        storage=tmp_path / "storage",
        metrics_token=SecretStr(TOKEN),
    )
    with TestClient(create_app(settings), client=REMOTE, raise_server_exceptions=False) as client:
        yield client


def _finished(service: Service, tier: str, cost_microeur: int) -> None:
    now_s = service.clock() - 10
    submissions.submit(service.engine, {}, client="studio", now_s=now_s, tier=tier)
    claim = leases.claim(service.engine, "w", now_s=now_s + 1)
    assert claim is not None
    result = {"files": {"video": {"size_bytes": 70}}, "duration_s": 2.5}
    leases.complete(service.engine, claim, device_s=36.0, cost_microeur=cost_microeur, now_s=now_s + 2, result=result)


def test_everybody_may_ask_whether_it_is_alive_and_ready(http: TestClient) -> None:
    assert http.get("/health").json()["status"] == "alive"
    answer = http.get("/ready")
    assert answer.status_code == 200
    checks = {check["name"]: check["passed"] for check in answer.json()["checks"]}
    assert checks == {"database": True, "schema": True, "workers": False, "storage": True, "configuration": True}


def test_a_gateway_without_its_schema_is_alive_and_not_ready(http: TestClient, service: Service) -> None:
    with service.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM alembic_version"))
    answer = http.get("/ready")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
    assert "schema: got none" in answer.json()["detail"]
    assert http.get("/health").status_code == 200
    with service.engine.begin() as connection:  # the database is that of the next test
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:it)"), {"it": revision.wanted()})


@pytest.mark.parametrize("path", METRICS)
def test_metrics_are_for_this_machine_the_token_and_keys_that_may(
    http: TestClient, holding: Callable[[str], Headers], path: str
) -> None:
    assert http.get(path).status_code == 401
    assert http.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert http.get(path, headers=holding("creator")).status_code == 403
    assert http.get(path, headers=holding("operator")).status_code == 200
    assert http.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    here = TestClient(http.app, client=LOCAL)
    assert here.get(path).status_code == 200
    assert here.get(path, headers={"X-Forwarded-For": "192.0.2.9"}).status_code == 401
    assert here.get(path, headers=holding("creator")).status_code == 403


def test_requests_are_seen_by_their_routes(http: TestClient, holding: Callable[[str], Headers]) -> None:
    operator = holding("operator")
    for job_id in ("job_0", "job_1"):
        http.get(f"/api/v1/jobs/{job_id}", headers=operator)
    http.get("/nowhere/at/all")
    told = http.get("/metrics/api", headers=operator).json()
    routes = {(row["method"], row["route"]): row for row in told["routes"]}
    assert routes["GET", "/api/v1/jobs/{job_id}"]["refused"] == 2
    assert routes["GET", "(none)"]["requests"] == 1
    assert told["error_rate"] == 0
    text = http.get("/metrics", headers=operator).text
    assert 'aiprod_http_requests_total{method="GET",route="/api/v1/jobs/{job_id}",status="403"} 2.0' in text
    assert "job_0" not in text


def test_devices_of_workers_are_told_beside_those_of_the_gateway(http: TestClient, service: Service) -> None:
    workers.appear(service.engine, "w", "elsewhere", "cuda:0", now_s=service.clock())
    gpu.report(service.engine, "w", [Gpu(index=0, name="H", utilisation=0.5)])
    told = http.get("/metrics/gpu", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert told["workers"]["elsewhere"][0]["utilisation"] == 0.5
    assert told["workers"]["elsewhere"][0]["power_w"] is None
    assert len(told["gateway"]) == len(gpu.of_this_machine())


def test_a_fault_of_ours_is_a_problem_and_a_row_of_the_error_log(
    http: TestClient, service: Service, holding: Callable[[str], Headers], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a prompt of someone")

    monkeypatch.setattr(submissions, "job", broken)
    answer = http.get(f"/api/v1/jobs/job_{'0' * 24}", headers=holding("viewer"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "someone" not in answer.text
    assert answer.headers["x-request-id"]
    operator = holding("operator")
    (row,) = http.get("/api/v1/admin/errors", headers=operator).json()["data"]
    assert (row["source"], row["kind"], row["occurrences"]) == ("gateway", "RuntimeError", 1)
    assert http.get("/api/v1/admin/errors").status_code == 401


def test_figures_add_up_to_what_was_charged(
    http: TestClient, service: Service, holding: Callable[[str], Headers]
) -> None:
    workers.appear(service.engine, "w", "m", "cpu", now_s=service.clock())
    for tier, cost in (("eco", 10), ("eco", 20), ("premium", 5)):
        _finished(service, tier, cost)
    submissions.submit(service.engine, {}, client="studio", now_s=service.clock())
    error_log.record(service.engine, "worker", "Died", "gone", now_s=service.clock())
    told = http.get("/api/v1/admin/stats", headers=holding("operator")).json()
    assert (told["jobs"]["completed"], told["jobs"]["queued"]) == (3, 1)
    assert (told["completed_hour"], told["completed_day"]) == (3, 3)
    assert [(row["client"], row["tier"], row["jobs"]) for row in told["revenue"]] == [
        ("studio", "eco", 2),
        ("studio", "premium", 1),
    ]
    assert told["revenue_eur"] == 35e-6
    assert told["utilisation"] == pytest.approx(3 * 36.0 / 3600)
    assert told["wait_p50_s"] == pytest.approx(1.0)
    assert told["stored_bytes"] == {"studio": 210}
    assert [row["kind"] for row in told["errors"]] == ["Died"]
    assert [row["name"] for row in told["workers"]] == ["w"]
    assert http.get("/api/v1/admin/stats", headers=holding("creator")).status_code == 403
    assert http.get("/api/v1/admin/stats?days=0", headers=holding("operator")).status_code == 422
