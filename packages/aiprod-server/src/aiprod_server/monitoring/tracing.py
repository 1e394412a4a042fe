"""Spans of requests, sent to a collector of the operator's own network in OTLP over HTTP; nothing without one.

The spans are the framework's own (OpenTelemetry's conventions for HTTP). Whatever the environment says, nothing else is
sent: no metrics, no logs, and no query string.
"""

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi.telemetry import TelemetryConfig

from aiprod_core.errors import InputError

if TYPE_CHECKING:  # the extra is needed only where a collector is named
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

QUERY, SHOWN = "url.query", "…"
OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


@dataclass(frozen=True)
class Tracing:
    """`provider`: None where nothing is traced."""

    provider: "TracerProvider | None" = None

    @classmethod
    def to(cls, endpoint: str | None) -> "Tracing":
        """Tracing to the collector at a URL such as http://collector:4318; off for None.

        Raises:
            InputError: no URL, or the extra `otel` is not installed.
        """
        if endpoint is None:
            return cls()
        if urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).hostname:
            raise InputError("AIPROD_OTEL_ENDPOINT: got no URL of a collector, expected one as http://collector:4318")
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # type: ignore[import-not-found]
                OTLPSpanExporter,
            )
        except ImportError as error:
            raise InputError(
                "AIPROD_OTEL_ENDPOINT: got a collector, but no OpenTelemetry; run `pip install 'aiprod-server[otel]'`"
            ) from error
        return cls.with_exporter(OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces"))

    @classmethod
    def with_exporter(cls, exporter: "SpanExporter") -> "Tracing":
        """Tracing to whatever `exporter` sends to."""
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        class Discreet(SpanProcessor):
            def on_start(self, span: Any, parent_context: Any = None) -> None:
                if QUERY in span.attributes:
                    span.set_attribute(QUERY, SHOWN)

        about = {"service.name": "aiprod-gateway", "service.version": version("aiprod-server")}
        provider = TracerProvider(resource=Resource(about), shutdown_on_exit=False)
        provider.add_span_processor(Discreet())
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    @property
    def config(self) -> TelemetryConfig:
        """What the framework is told."""
        if self.provider is None:
            return OFF
        return OFF | {"tracing": True, "tracer_provider": self.provider, "operation_spans": False}

    def close(self) -> None:
        """Send what was not yet sent."""
        if self.provider is not None:
            self.provider.shutdown()
