"""The collector of the benchmark: OTLP over HTTP, read whole, and counted by the service that sent it.

`python bench/collector.py ADDRESS PORT`. POST takes what exporters send; GET answers with what came so far: of each
service `spans`, those for what workloads asked, and `points` of metrics.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

COUNTED: dict[str, Counter[str]] = defaultdict(Counter)


class Collector(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        count = {"/v1/traces": traces, "/v1/metrics": metrics}[self.path]
        count(self.rfile.read(int(self.headers["content-length"])))
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(json.dumps(COUNTED).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def traces(body: bytes) -> None:
    for part in ExportTraceServiceRequest.FromString(body).resource_spans:
        spans = [span for scope in part.scope_spans for span in scope.spans]
        COUNTED[_service(part.resource)]["spans"] += sum(span.kind == Span.SPAN_KIND_SERVER for span in spans)


def metrics(body: bytes) -> None:
    for part in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        found = [metric for scope in part.scope_metrics for metric in scope.metrics]
        points = sum(len(getattr(metric, metric.WhichOneof("data") or "sum").data_points) for metric in found)
        COUNTED[_service(part.resource)]["points"] += points


def _service(resource: Resource) -> str:
    return next((each.value.string_value for each in resource.attributes if each.key == "service.name"), "")


def serve(address: str, port: int) -> None:
    server = ThreadingHTTPServer((address, port), Collector)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
