"""OTLP over gRPC, by OpenTelemetry's exporters.

Owns their making, never through a proxy. Only threads that export import this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from outgate.telemetry.collector import Collector


class SpanExporter(OTLPSpanExporter):
    """Takes a message that is written already; all else is OpenTelemetry's."""

    def _translate_data(self, data: bytes) -> ExportTraceServiceRequest:  # type: ignore[override]
        message: ExportTraceServiceRequest = ExportTraceServiceRequest.FromString(data)
        return message


EXPORTERS = {"traces": SpanExporter, "metrics": OTLPMetricExporter, "logs": OTLPLogExporter}


def exporter(signal: str, collector: Collector, more: dict[str, int]) -> Any:
    """Raises `OSError` for files that cannot be read."""
    credentials = None
    if not collector.insecure:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=_content(collector.certificate),
            private_key=_content(collector.client_key),
            certificate_chain=_content(collector.client_certificate),
        )
    made: Any = EXPORTERS[signal]
    return made(
        endpoint=collector.endpoint,
        insecure=collector.insecure,
        credentials=credentials,
        headers=collector.headers,
        timeout=collector.timeout,
        compression=grpc.Compression.Gzip if collector.gzip else grpc.Compression.NoCompression,
        channel_options=(("grpc.enable_http_proxy", 0),),
        **more,
    )


def _content(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None
