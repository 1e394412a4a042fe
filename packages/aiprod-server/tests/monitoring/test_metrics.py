"""Metrics are read back as Prometheus reads them; names and labels are those that boards and alerts rely on."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from aiprod_server.database import connect
from aiprod_server.monitoring import error_log, gpu, metrics
from aiprod_server.monitoring.gpu import Gpu
from aiprod_server.monitoring.metrics import Metrics
from aiprod_server.monitoring.requests import Seen
from aiprod_server.queue import leases, submissions, workers
from aiprod_server.tables import webhook_outbox

NOW_S = 10_000.0


@pytest.fixture
def told(engine: sa.Engine, tmp_path: Path) -> Metrics:
    return Metrics(engine, lambda: NOW_S, tmp_path)


def _samples(told: Metrics) -> dict[tuple[str, ...], float]:
    """(name, values of its labels, these in order of their names) → value."""
    families = text_string_to_metric_families(told.text().decode())
    samples = [sample for family in families for sample in family.samples]
    return {(one.name, *(one.labels[name] for name in sorted(one.labels))): one.value for one in samples}


def _work(engine: sa.Engine) -> None:
    workers.appear(engine, "w", "elsewhere", "cuda:0", now_s=NOW_S - 10)
    gpu.report(engine, "w", [Gpu(index=0, name="g", memory_used_bytes=5, memory_total_bytes=10)])
    submissions.submit(engine, {}, client="c", now_s=NOW_S - 50, webhook_url="http://a.example/")
    claim = leases.claim(engine, "w", now_s=NOW_S - 48)
    assert claim is not None
    leases.finish_step(engine, claim, "render", "0" * 64, now_s=NOW_S - 38)
    result = {"duration_s": 2.5, "qa": {"passed": False, "faults": ["black: at 1 s"]}}
    leases.complete(engine, claim, device_s=9.5, cost_microeur=1, now_s=NOW_S - 38, result=result)
    submissions.submit(engine, {}, client="c", now_s=NOW_S - 30)
    submissions.submit(engine, {}, client="c", now_s=NOW_S - 90, run_at_s=NOW_S + 100)
    with engine.begin() as connection:
        connection.execute(sa.update(webhook_outbox).values(attempts=3, state="delivered"))
    error_log.record(engine, "render", "E", "m", now_s=NOW_S)


def test_the_service_is_told_by_the_names_of_its_contract(engine: sa.Engine, told: Metrics) -> None:
    _work(engine)
    found = _samples(told)
    expected = {
        ("aiprod_jobs", "queued"): 2,
        ("aiprod_jobs", "running"): 0,
        ("aiprod_jobs", "completed"): 1,
        ("aiprod_jobs_total", "completed"): 1,
        ("aiprod_jobs_total", "failed"): 0,
        ("aiprod_queue_wait_seconds_bucket", "1.0"): 0,
        ("aiprod_queue_wait_seconds_bucket", "5.0"): 1,
        ("aiprod_queue_wait_seconds_sum",): 2,
        ("aiprod_job_duration_seconds_count",): 1,
        ("aiprod_job_duration_seconds_sum",): 10,
        ("aiprod_step_duration_seconds_sum", "render"): 10,
        ("aiprod_video_seconds_total",): 2.5,
        ("aiprod_gpu_seconds_total",): 9.5,
        ("aiprod_oldest_queued_age_seconds",): 30,
        ("aiprod_lease_takeovers_total",): 0,
        ("aiprod_qa_rejections_total", "black"): 1,
        ("aiprod_webhook_attempts_total", "delivered"): 1,
        ("aiprod_webhook_attempts_total", "failed"): 2,
        ("aiprod_errors_total", "render"): 1,
        ("aiprod_workers",): 1,
        ("aiprod_database_up",): 1,
        ("aiprod_gpu_memory_used_bytes", "0", "elsewhere"): 5,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["aiprod_storage_free_bytes",] <= found["aiprod_storage_size_bytes",]


def test_what_no_device_measures_is_absent(engine: sa.Engine, told: Metrics) -> None:
    _work(engine)
    names = {name for name, *_ in _samples(told)}
    assert "aiprod_gpu_memory_total_bytes" in names
    assert "aiprod_gpu_temperature_celsius" not in names or gpu.of_this_machine()


def test_requests_are_counted_here(told: Metrics) -> None:
    for duration_s in (0.004, 0.2):
        told(Seen(method="GET", route="/a/{id}", status=200, duration_s=duration_s, request_id="", client="c"))
    found = _samples(told)
    assert found["aiprod_http_requests_total", "GET", "/a/{id}", "200"] == 2
    buckets = [found["aiprod_http_request_duration_seconds_bucket", le, "GET", "/a/{id}"] for le in ("0.005", "+Inf")]
    assert buckets == [1, 2]


def test_two_gateways_tell_the_same_of_the_service_and_each_its_own_requests(
    engine: sa.Engine, told: Metrics, tmp_path: Path
) -> None:
    _work(engine)
    told(Seen(method="GET", route="/", status=200, duration_s=1.0, request_id="", client=None))
    one, other = _samples(told), _samples(Metrics(engine, lambda: NOW_S, tmp_path))
    differing = {name for (name, *_) in one.keys() ^ other.keys()}
    assert differing
    assert all(name.startswith("aiprod_http_") for name in differing)


def test_scrapes_in_a_row_look_once(engine: sa.Engine, told: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _samples(told)
    submissions.submit(engine, {}, client="c", now_s=NOW_S)
    assert _samples(told)["aiprod_jobs", "queued"] == before["aiprod_jobs", "queued"] == 0
    monkeypatch.setattr(metrics, "KEPT_S", 0.0)
    assert _samples(told)["aiprod_jobs", "queued"] == 1


def test_without_its_database_a_gateway_still_tells_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "gone.db"
    engine = connect(f"sqlite:///{path}")  # without the schema: every question fails
    found = _samples(Metrics(engine, lambda: NOW_S, tmp_path))
    engine.dispose()
    assert found["aiprod_database_up",] == 0
    assert ("aiprod_jobs", "queued") not in found
    assert found["aiprod_storage_size_bytes",] > 0
