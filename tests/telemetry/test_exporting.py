"""What is exported arrives at real receivers, by no proxy, within bounds, whatever becomes of the collector."""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from outgate.policy.telemetry_model import CustomTag, TagKind, TraceRule
from outgate.telemetry import otlp
from outgate.telemetry.collector import read_export
from outgate.telemetry.exporting import Exports
from outgate.telemetry.lines import LogLine
from outgate.telemetry.propagation import Propagation
from outgate.telemetry.tracer import Tracing
from telemetry.happenings import TRACE, denial, request, tunnel
from telemetry.receiver import OVER, over_grpc, over_http, until, value, values

ADDONS = Path(__file__).parents[2] / "addons"
FAST = {"OTEL_BSP_SCHEDULE_DELAY": "10", "OTEL_BLRP_SCHEDULE_DELAY": "10", "OTEL_METRIC_EXPORT_INTERVAL": "100"}
CANARY = "canary7f3a9"
SLACK = 4.0
"""Seconds that a busy machine may take beyond a bound."""


def exports(endpoint, protocol="http/protobuf", tracing=None, environ=None, **more) -> Exports:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, **FAST, **more}
    return Exports(read_export(variables), tracing, environ)


def box(made: Exports):
    """What waits for the collector of the variables."""
    (only,) = made.spans.open()
    return only


@contextmanager
def running(made: Exports):
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(params=OVER)
def protocol(request):
    return request.param


@pytest.fixture
def received(protocol):
    with OVER[protocol]() as taken:
        yield taken


@pytest.fixture
def nobody():
    """An endpoint that refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def mute():
    """An endpoint that takes connections and never says anything."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(64)
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


# What arrives.


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_a_request_arrives_as_a_pair_of_spans(received, protocol, compression):
    more = {
        "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=blue",
        "OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=p1",
    }
    with running(exports(received.endpoint, protocol, **more)) as made:
        made.tracer().observe(request(trace=replace(TRACE, state="vendor=1")))
    server, client = received.spans()
    assert server.trace_id == client.trace_id == TRACE.trace_id.to_bytes(16)
    assert server.span_id == TRACE.server_id.to_bytes(8)
    assert server.parent_span_id == TRACE.parent_id.to_bytes(8)
    assert client.parent_span_id == server.span_id
    assert client.span_id == TRACE.client_ids[0].to_bytes(8)
    assert (server.kind, client.kind) == (2, 3)
    assert (server.status.code, client.status.code) == (0, 0)
    assert server.trace_state == client.trace_state == "vendor=1"
    assert (server.flags & 0x300, client.flags & 0x300) == (0x300, 0x100)  # its parent is remote, and is not
    assert server.end_time_unix_nano - server.start_time_unix_nano == pytest.approx(0.25e9, abs=1000)
    drawn = {span.name: span.attributes for span in made.drawing.spans(request(), lambda: 0)}
    assert values(client.attributes) == drawn["GET"]
    (of_resource,) = received.traces[0].resource_spans
    resource = values(of_resource.resource.attributes)
    assert (resource["service.name"], resource["k8s.pod.name"]) == ("outgate", "p1")
    assert resource["telemetry.sdk.language"] == "python"
    assert len(resource["service.instance.id"]) == 36
    assert of_resource.scope_spans[0].scope.name == "outgate"
    assert received.headers[0]["x-tenant"] == "blue"
    assert made.counts() == {"traces_exported": 1, "traces_dropped": 0}


def test_denials_and_tunnels_arrive(received, protocol):
    with running(exports(received.endpoint, protocol)) as made:
        tracer = made.tracer()
        tracer.observe(denial())
        tracer.observe(tunnel())
    refused, server, client = received.spans()
    assert (refused.status.code, values(refused.attributes)["error.type"]) == (2, "outgate_denied")
    assert (server.name, client.name) == ("tls", "tls")


def test_lines_of_the_access_log_arrive(received, protocol):
    with running(exports(received.endpoint, protocol)) as made:
        outbox = made.logs()
        outbox.put(LogLine(1_700_000_000.5, "GET / 200", {"team": "blue"}, TRACE.trace_id, TRACE.server_id, True))
        outbox.put(LogLine(1_700_000_001.0, {"status": 200, "host": "api"}, {}))
        until(lambda: outbox.sent == 2)
    line, other = received.records()
    assert (value(line.body), values(line.attributes)) == ("GET / 200", {"team": "blue"})
    assert (line.trace_id, line.span_id) == (TRACE.trace_id.to_bytes(16), TRACE.server_id.to_bytes(8))
    assert line.time_unix_nano == 1_700_000_000_500_000_000
    assert value(other.body) == {"status": 200, "host": "api"}
    assert other.trace_id == b""
    assert made.counts()["log_lines_exported"] == 2


def test_a_document_may_name_another_place_for_lines():
    with over_grpc() as common, over_grpc() as named, running(exports(common.endpoint, "grpc")) as made:
        outbox = made.logs(named.endpoint.removeprefix("http://"))
        assert made.logs(named.endpoint.removeprefix("http://")) is outbox
        outbox.put(LogLine(1.0, "x", {}))
        until(named.records)
        assert common.records() == []


def test_a_place_for_lines_that_is_named_no_more_gets_what_waits_for_it_and_stays_counted():
    with over_grpc() as there, running(exports(there.endpoint, "grpc")) as made:
        target = there.endpoint.removeprefix("http://")
        made.logs(target).put(LogLine(1.0, "x", {}))
        made.keep_logs([target])
        assert len(made._all()) == 2
        made.keep_logs([])
        until(there.records)
        until(lambda: made.keep_logs([]) or len(made._all()) == 1)
        assert made.counts()["log_lines_exported"] == 1


def metrics(made, points):
    """A counter with so many label values, each long enough that all in one message are more than 4 MiB."""
    numbers = [NumberDataPoint({"host": f"{n}-" + "x" * 1000}, 0, 1, n) for n in range(points)]
    counter = Metric("requests", "", "1", Sum(numbers, AggregationTemporality.CUMULATIVE, True))
    scope = ScopeMetrics(InstrumentationScope("outgate"), [counter], "")
    return MetricsData([ResourceMetrics(otlp.resource_of(made.resource), [scope], "")])


def test_metrics_arrive_at_intervals_and_in_messages_that_receivers_take(received, protocol):
    made = exports(received.endpoint, protocol)
    made.measure(lambda: metrics(made, 5000))
    with running(made):
        until(lambda: made.metrics.sent >= 2)
    assert received.points() == 5000 * made.metrics.sent
    assert made.counts()["metric_exports_failed"] == 0
    assert max(map(len, received.raw)) < 2 * 1024 * 1024


def test_large_spans_arrive_in_messages_that_receivers_take(received, protocol):
    big = request(path="/" + "p" * 5000 + "?q=" + "\u20ac" * 5000, reason="r" * 5000, failure="f" * 5000)
    with running(exports(received.endpoint, protocol, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="512")) as made:
        tracer = made.tracer()
        for _ in range(500):
            tracer.observe(big)
        until(lambda: made.spans.sent == 500)
    assert len(received.spans()) == 1000
    assert max(map(len, received.raw)) < 2 * 1024 * 1024


def test_what_is_not_sampled_is_kept_only_where_it_went_wrong(received, protocol):
    unsampled = replace(TRACE, sampled=False)
    with running(exports(received.endpoint, protocol)) as made:
        tracer = made.tracer()
        tracer.observe(request(trace=unsampled))
        tracer.observe(request(trace=unsampled, status=500))
        tracer.observe(denial(trace=unsampled))
        tracer.observe(request(trace=replace(TRACE, rule=TraceRule(disabled=True))))
        tracer.observe(request(trace=None))
    assert made.spans.sent == 2
    assert tracer.left_out == 1


def test_no_secret_is_in_what_is_exported(received, protocol):
    event = request(
        path=f"/a;token={CANARY}/x?token={CANARY}&next=https%3A%2F%2Fu%3A{CANARY}%40h&api%5Fkey={CANARY}",
        request_fields=(
            (b"authorization", f"Bearer {CANARY}".encode()),
            (b"cookie", f"session={CANARY}".encode()),
            (b"x-api-key", CANARY.encode()),
            (b"referer", f"https://h/?password={CANARY}".encode()),
            (b"user-agent", b"curl/8.5"),
        ),
        response_fields=((b"set-cookie", CANARY.encode()),),
        extra={"auth_token": CANARY},
        trace=replace(
            TRACE,
            rule=TraceRule(
                tags=tuple(
                    CustomTag(name, TagKind.HEADER, name)
                    for name in ("authorization", "cookie", "x-api-key", "referer", "user-agent")
                )
            ),
        ),
    )
    with running(exports(received.endpoint, protocol)) as made:
        made.tracer().observe(event)
        made.tracer().observe(replace(event, path=f"http://u:{CANARY}@api.example/", verdict="deny", reached=()))
    assert len(received.spans()) == 3
    assert CANARY.encode() not in b"".join(received.raw)
    assert b"curl/8.5" in b"".join(received.raw)


# The way there.


@pytest.mark.parametrize("scheme", ["http", "https", "all", "grpc"])
def test_proxies_of_the_environment_are_not_used(received, protocol, nobody, monkeypatch, scheme):
    for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY"):
        monkeypatch.setenv(name, nobody)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with running(exports(received.endpoint, protocol)) as made:
        made.tracer().observe(request())
        until(lambda: made.spans.sent == 1)
    assert len(received.spans()) == 2


def test_a_certificate_that_is_not_there_is_told_and_stops_nothing(protocol, nobody, caplog):
    where = nobody.replace("http://", "https://")
    with running(exports(where, protocol, OTEL_EXPORTER_OTLP_CERTIFICATE="/nowhere/ca.pem")) as made:
        made.tracer().observe(request())
        until(lambda: made.spans.dropped == 1)
    assert "cannot be exported" in caplog.text


# Collectors that are away.


def flood(made: Exports, count=20_000) -> float:
    """Hands over so many requests; returns the longest time that one took."""
    tracer, longest = made.tracer(), 0.0
    event = request()
    for _ in range(count):
        began = time.thread_time()
        tracer.observe(event)
        longest = max(longest, time.thread_time() - began)
    return longest


@pytest.mark.parametrize("kind", ["nobody", "mute"])
def test_a_collector_that_is_away_blocks_nothing_and_the_end_comes_in_time(kind, protocol, request):
    made = exports(request.getfixturevalue(kind), protocol)
    made.start()
    flood(made)
    assert len(box(made)) <= 2048
    began = time.monotonic()
    made.stop()
    assert time.monotonic() - began < 3 + SLACK
    assert made.spans.sent == 0
    assert made.spans.dropped == 20_000


def test_a_slow_collector_gets_what_fits_and_the_rest_is_counted(received, protocol):
    free = threading.Event()
    received.mood = lambda: free.wait(1) and None
    made = exports(received.endpoint, protocol)
    made.start()
    flood(made, 5000)
    assert len(box(made)) <= 2048
    assert made.spans.dropped >= 5000 - 2048 - 2 * box(made).bounds.batch
    free.set()
    made.stop()
    assert made.spans.sent + made.spans.dropped == 5000
    assert len(received.spans()) >= 2 * made.spans.sent > 0


def test_memory_is_bounded_by_bytes_where_spans_are_large(mute):
    made = exports(mute, OTEL_BSP_MAX_QUEUE_SIZE="50000")
    tracer = made.tracer()
    fields = tuple((b"x-%d" % number, b"y" * 1000) for number in range(20))
    tags = tuple(CustomTag(f"tag.{number}", TagKind.HEADER, f"x-{number}") for number in range(20))
    large = request(request_fields=fields, trace=replace(TRACE, rule=TraceRule(tags=tags)))
    for _ in range(1000):
        tracer.observe(large)
    assert 100 < len(box(made)) <= box(made).bounds.bytes / 40_000
    made.stop(0)
    assert made.spans.dropped == 1000


def test_what_there_is_no_room_for_is_not_drawn(mute):
    made, drawn = exports(mute, OTEL_BSP_MAX_QUEUE_SIZE="5"), []
    write = box(made)._write
    box(made)._write = lambda event: drawn.append(event) or write(event)
    for _ in range(20):
        made.tracer().observe(request())
    made.stop(0)
    assert (len(drawn), made.spans.dropped) == (5, 20)


@pytest.mark.parametrize("over", [over_http, over_grpc])
def test_a_collector_that_comes_back_gets_what_comes_then(over):
    protocol = "grpc" if over is over_grpc else "http/protobuf"
    with over() as first:
        port = int(first.endpoint.rpartition(":")[2])
        made = exports(first.endpoint, protocol)
        made.start()
        tracer = made.tracer()
        tracer.observe(request())
        until(lambda: made.spans.sent == 1)
    tracer.observe(request())
    until(lambda: made.spans.dropped == 1)
    with over(port) as second:
        tracer.observe(request())
        until(lambda: made.spans.sent == 2)
        assert len(second.spans()) == 2
    made.stop()
    assert made.counts() == {"traces_exported": 2, "traces_dropped": 1}


def test_a_collector_that_refuses_now_and_then_is_asked_again(received, protocol):
    answers = [503, None, None]
    received.mood = lambda: answers.pop(0) if answers else None
    with running(exports(received.endpoint, protocol)) as made:
        made.tracer().observe(request())
        until(lambda: made.spans.sent == 1)
    assert len(received.spans()) == 2


def test_why_a_collector_does_not_take_them_is_told_once(caplog):
    with over_http() as received, running(exports(received.endpoint)) as made:
        received.mood = lambda: 401
        tracer = made.tracer()
        for count in range(1, 4):
            tracer.observe(request())
            until(lambda count=count: made.spans.dropped == count)
    told = [record.getMessage() for record in caplog.records if record.name.startswith("outgate")]
    assert len(told) == 1
    assert "401" in told[0]


def test_that_nobody_is_there_is_told(protocol, nobody, caplog):
    with running(exports(nobody, protocol)) as made:
        made.tracer().observe(request())
        until(lambda: made.spans.dropped == 1)
    (told,) = [record.getMessage() for record in caplog.records if record.name.startswith("outgate")]
    assert "refused" in told or "UNAVAILABLE" in told


def test_what_exporters_say_is_not_told_again_and_others_still_say_it(caplog):
    heard = []
    handler = otlp.Overheard()
    handler.listen()
    named = logging.getLogger("opentelemetry.exporter.otlp.x")
    record = named.makeRecord(named.name, logging.ERROR, "", 0, "no route to %s", ("it",), None)
    handler.emit(record)
    assert handler.why() == "no route to it"
    assert handler.why() == "the collector did not take them"
    elsewhere = threading.Thread(
        target=lambda: heard.append(named.makeRecord("x", logging.ERROR, "", 0, "other", (), None))
    )
    elsewhere.start()
    elsewhere.join()
    handler.emit(heard[0])
    assert "other" in caplog.text


# The process.


def test_nothing_of_opentelemetry_is_loaded_before_a_thread_exports():
    script = (
        "import sys; from outgate.telemetry.exporting import Exports;"
        "from outgate.telemetry.collector import read_export;"
        "made = Exports(read_export({'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://127.0.0.1:1'})); made.tracer().begin();"
        "heavy = {'opentelemetry', 'grpc', 'requests', 'google'};"
        "print(*[name for name in sys.modules if name.split('.')[0] in heavy])"
    )
    assert run(script) == (0, "")


@pytest.mark.parametrize("kind", ["nobody", "mute"])
def test_a_process_ends_in_time_without_its_collector(kind, protocol, request):
    script = (
        "import sys, time; from outgate.telemetry.exporting import Exports;"
        "from outgate.telemetry.collector import read_export; from telemetry.happenings import request;"
        f"made = Exports(read_export({{'OTEL_EXPORTER_OTLP_ENDPOINT': {request.getfixturevalue(kind)!r},"
        f" 'OTEL_EXPORTER_OTLP_PROTOCOL': {protocol!r}}})); made.start(); tracer = made.tracer();"
        "[tracer.observe(request()) for _ in range(1000)]; made.stop(0.5); print(made.spans.dropped)"
    )
    assert run(script) == (0, "1000")


def run(script: str) -> tuple[int, str]:
    path = os.pathsep.join([str(ADDONS), str(ADDONS.parent / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.strip()


# What is set.


def test_what_is_set_counts_before_the_variables():
    variables = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_TRACES_SAMPLER": "always_off", "OTEL_PROPAGATORS": "b3"}
    export = read_export(variables)
    by_variables = Exports(export).tracer()
    assert not by_variables.begin().sampled
    trace = by_variables.begin()
    assert [name for name, _ in by_variables.outgoing(trace).set] == [b"b3"]
    by_settings = Exports(export, Tracing(1.0, trace_propagation=Propagation.W3C)).tracer()
    assert by_settings.begin().sampled
    assert [name for name, _ in by_settings.outgoing(trace).set] == [b"traceparent"]
    assert [name for name, _ in by_settings.outgoing(trace, Propagation.B3).set] == [b"b3"]


def test_nothing_wanted_is_nothing_made():
    made = Exports(read_export({}))
    tracer = made.tracer()
    with running(made):
        assert tracer.begin(((b"traceparent", b"00-" + b"1" * 32 + b"-" + b"1" * 16 + b"-01"),)) is None
        tracer.observe(request())
        made.measure(lambda: None)
    assert (made.spans.open(), made.metrics, made.counts()) == ([], None, {})
