"""A collector inside the test: OTLP over gRPC and over HTTP, on ports of loopback that it takes itself.

Keeps what arrives as the protocol's own messages, and the bytes as they came. `mood` says how it behaves: whole
messages, one after the other, are taken, refused, or kept waiting.
"""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

LIMIT = 15.0
REQUESTS = {
    "/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
    "/v1/metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "/v1/logs": logs_service_pb2.ExportLogsServiceRequest,
}


@dataclass
class Received:
    """What arrived. `mood` is called with each message before it is kept: it may wait, and a number it returns is the
    HTTP status of a refusal; gRPC says UNAVAILABLE."""

    mood: Callable[[], int | None] = lambda: None
    endpoint: str = ""
    traces: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def take(self, message: Any, headers: dict[str, str]) -> int | None:
        if refused := self.mood():
            return refused
        self.headers.append(headers)
        self.raw.append(message.SerializeToString())
        kind = type(message).__name__
        kept = self.traces if "Trace" in kind else self.metrics if "Metrics" in kind else self.logs
        kept.append(message)
        return None

    def spans(self) -> list[Any]:
        return [
            span
            for message in list(self.traces)
            for of_resource in message.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]

    def points(self) -> int:
        return sum(points_of(message) for message in list(self.metrics))

    def records(self) -> list[Any]:
        return [
            record
            for message in list(self.logs)
            for of_resource in message.resource_logs
            for of_scope in of_resource.scope_logs
            for record in of_scope.log_records
        ]

    def wait(self, condition: Callable[[], Any]) -> None:
        """Until it holds, within a bound."""
        until(condition)


def until(condition: Callable[[], Any], limit: float = LIMIT) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.005)


def points_of(message: Any) -> int:
    return sum(
        len(getattr(metric, metric.WhichOneof("data")).data_points)
        for of_resource in message.resource_metrics
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
    )


def values(attributes: Any) -> dict[str, Any]:
    """Attributes of a message as a dictionary."""
    return {each.key: value(each.value) for each in attributes}


def value(given: Any) -> Any:
    kind = given.WhichOneof("value")
    if kind == "array_value":
        return [value(each) for each in given.array_value.values]
    if kind == "kvlist_value":
        return values(given.kvlist_value.values)
    return getattr(given, kind) if kind else None


@contextmanager
def over_grpc(port: int = 0) -> Iterator[Received]:
    """A collector that takes gRPC. `port`: one that was taken before, to come back on."""
    received = Received()
    server = grpc.server(ThreadPoolExecutor(4), options=(("grpc.so_reuseport", 0),))

    class Traces(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request, context):
            return _answer(received, request, context, trace_service_pb2.ExportTraceServiceResponse())

    class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
        def Export(self, request, context):
            return _answer(received, request, context, metrics_service_pb2.ExportMetricsServiceResponse())

    class Logs(logs_service_pb2_grpc.LogsServiceServicer):
        def Export(self, request, context):
            return _answer(received, request, context, logs_service_pb2.ExportLogsServiceResponse())

    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Traces(), server)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Metrics(), server)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(Logs(), server)
    received.endpoint = f"http://127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    server.start()
    try:
        yield received
    finally:
        server.stop(0).wait(LIMIT)


def _answer(received: Received, request: Any, context: Any, answer: Any) -> Any:
    if received.take(request, {key: str(value) for key, value in context.invocation_metadata()}):
        context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
    return answer


@contextmanager
def over_http(port: int = 0) -> Iterator[Received]:
    """A collector that takes HTTP, compressed or not."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            message = REQUESTS[self.path].FromString(body)
            status = received.take(message, {name.lower(): text for name, text in self.headers.items()}) or 200
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        taken: ClassVar[list[socket.socket]] = []

        def process_request(self, request: Any, client_address: Any) -> None:
            self.taken.append(request)
            super().process_request(request, client_address)

        def handle_error(self, *_: Any) -> None:
            """Clients that give up are what some tests are about."""

    server = Server(("127.0.0.1", port), Handler)
    received.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join(LIMIT)
        for connection in Server.taken:  # kept open by clients, and served by threads of their own
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


OVER = {"grpc": over_grpc, "http/protobuf": over_http}
