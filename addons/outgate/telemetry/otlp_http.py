"""OTLP over HTTP, by OpenTelemetry's exporters.

Owns their making, never through a proxy. Only threads that export import this.
"""

from __future__ import annotations

from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from outgate.telemetry.collector import Collector


class SpanExporter(OTLPSpanExporter):
    """Takes a message that is written already; all else is OpenTelemetry's, whose `_client` a test holds."""

    def export(self, message: bytes) -> SpanExportResult:  # type: ignore[override]
        return SpanExportResult.SUCCESS if self._client.export(message).success else SpanExportResult.FAILURE


EXPORTERS = {"traces": SpanExporter, "metrics": OTLPMetricExporter, "logs": OTLPLogExporter}


def exporter(signal: str, collector: Collector, more: dict[str, int]) -> Any:
    """Raises `OSError` for files that cannot be read."""
    session = requests.Session()
    session.trust_env = False  # neither proxies of the environment, which may be this gate, nor a .netrc
    made: Any = EXPORTERS[signal]
    return made(
        endpoint=collector.endpoint,
        headers=dict(collector.headers),
        timeout=collector.timeout,
        compression=Compression.Gzip if collector.gzip else Compression.NoCompression,
        certificate_file=collector.certificate or None,
        client_certificate_file=collector.client_certificate or None,
        client_key_file=collector.client_key or None,
        session=session,
        **more,
    )
