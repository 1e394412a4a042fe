"""Spans have routes and no query strings; without a collector nothing is traced, whatever the environment says."""

import sys

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aiprod_core.errors import InputError
from aiprod_server.monitoring.tracing import SHOWN, Tracing


def _app(tracing: Tracing) -> TestClient:
    app = FastAPI(telemetry=tracing.config)

    @app.get("/jobs/{job_id}")
    def job(job_id: str) -> str:
        return job_id

    return TestClient(app)


def test_a_request_is_a_span_of_its_route() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing.with_exporter(exporter)
    trace_id, parent_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"traceparent": f"00-{trace_id}-{parent_id}-01"}
    _app(tracing).get("/jobs/job_1?prompt=secret", headers=headers)
    tracing.close()
    (span,) = exporter.get_finished_spans()
    attributes = dict(span.attributes or {})
    assert span.name == "GET /jobs/{job_id}"
    assert (attributes["http.route"], attributes["http.response.status_code"]) == ("/jobs/{job_id}", 200)
    assert attributes["url.query"] == SHOWN
    assert "secret" not in span.to_json()
    assert f"{span.context.trace_id:032x}" == trace_id
    assert span.resource.attributes["service.name"] == "aiprod-gateway"


def test_without_a_collector_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    tracing = Tracing.to(None)
    assert tracing.provider is None
    assert _app(tracing).get("/jobs/job_1").status_code == 200
    tracing.close()


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "http://", "x"])
def test_what_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(InputError, match="AIPROD_OTEL_ENDPOINT"):
        Tracing.to(endpoint)


def test_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(InputError, match=r"pip install 'aiprod-server\[otel\]'"):
        Tracing.to("http://collector:4318")
