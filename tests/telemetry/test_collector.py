"""The standard variables say where telemetry goes, and one that cannot be used is named."""

import pytest

from outgate.telemetry.collector import Collector, ExportError, Protocol, read_export
from outgate.telemetry.outbox import Bounds
from outgate.telemetry.propagation import Propagation

OTLP = "OTEL_EXPORTER_OTLP_"


def test_without_variables_nothing_is_exported():
    export = read_export({"HOME": "/root"})
    assert [each.wanted for each in (export.traces, export.metrics, export.logs)] == [False] * 3
    assert export.resource == (("service.name", "outgate"),)
    assert (export.sampling, export.follows, export.propagation) == (None, True, None)


def test_an_endpoint_is_enough_for_traces_and_metrics_but_not_for_lines():
    export = read_export({f"{OTLP}ENDPOINT": "http://collector:4318/"})
    assert (export.traces.wanted, export.metrics.wanted, export.logs.wanted) == (True, True, False)
    assert export.traces.endpoint == "http://collector:4318/v1/traces"
    assert export.metrics.endpoint == "http://collector:4318/v1/metrics"
    assert export.traces.protocol is Protocol.HTTP


def test_an_endpoint_of_a_signals_own_is_taken_as_it_is():
    export = read_export(
        {f"{OTLP}TRACES_ENDPOINT": "https://t.example/in", f"{OTLP}LOGS_ENDPOINT": "http://l.example/"}
    )
    assert (export.traces.wanted, export.metrics.wanted, export.logs.wanted) == (True, False, True)
    assert export.traces.endpoint == "https://t.example/in"
    assert not export.traces.insecure


@pytest.mark.parametrize(
    ("endpoint", "insecure", "found"),
    [
        ("http://collector:4317", None, ("http://collector:4317", True)),
        ("https://collector:4317", "true", ("https://collector:4317", False)),
        ("collector:4317", None, ("https://collector:4317", False)),
        ("collector:4317", "true", ("http://collector:4317", True)),
        (None, None, ("http://localhost:4317", True)),
    ],
)
def test_grpc_takes_endpoints_with_and_without_a_scheme(endpoint, insecure, found):
    variables = {f"{OTLP}PROTOCOL": "grpc", f"{OTLP}ENDPOINT": endpoint, f"{OTLP}INSECURE": insecure}
    traces = read_export({name: text for name, text in variables.items() if text}).traces
    assert (traces.endpoint, traces.insecure) == found


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", f"{OTLP}ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_TRACES_EXPORTER": "otlp"}, False),
        ({"OTEL_SDK_DISABLED": "false", "OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({f"{OTLP}ENDPOINT": "  "}, False),
    ],
)
def test_exporting_is_turned_on_and_off(variables, wanted):
    assert read_export(variables).traces.wanted is wanted


def test_lines_leave_where_they_are_asked_to():
    assert read_export({"OTEL_LOGS_EXPORTER": "otlp"}).logs.wanted
    assert not read_export({"OTEL_METRICS_EXPORTER": "prometheus"}).metrics.wanted
    assert read_export({"OTEL_METRICS_EXPORTER": "prometheus,otlp"}).metrics.wanted


def test_the_signals_own_variables_count_before_the_common_ones():
    variables = {
        f"{OTLP}HEADERS": "Authorization=Bearer%20abc, x-tenant=a=b",
        f"{OTLP}TRACES_HEADERS": "x-tenant=traces",
        f"{OTLP}TIMEOUT": "5000",
        f"{OTLP}METRICS_TIMEOUT": "500",
        f"{OTLP}COMPRESSION": "gzip",
        f"{OTLP}LOGS_COMPRESSION": "none",
        f"{OTLP}CERTIFICATE": "/ca.pem",
        f"{OTLP}METRICS_PROTOCOL": "grpc",
    }
    export = read_export(variables)
    assert export.traces.headers == (("x-tenant", "traces"),)
    assert export.metrics.headers == (("authorization", "Bearer abc"), ("x-tenant", "a=b"))
    assert (export.traces.timeout, export.metrics.timeout) == (5.0, 0.5)
    assert (export.traces.gzip, export.logs.gzip) == (True, False)
    assert export.logs.certificate == "/ca.pem"
    assert (export.traces.protocol, export.metrics.protocol) == (Protocol.HTTP, Protocol.GRPC)


def test_who_exports():
    resource = read_export(
        {"OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=p1,service.name=a", "OTEL_SERVICE_NAME": "gate"}
    ).resource
    assert dict(resource) == {"service.name": "gate", "k8s.pod.name": "p1"}
    assert dict(read_export({"OTEL_RESOURCE_ATTRIBUTES": "service.name=a%20b"}).resource)["service.name"] == "a b"


def test_bounds_and_intervals():
    export = read_export(
        {
            "OTEL_BSP_MAX_QUEUE_SIZE": "64",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "512",
            "OTEL_BSP_SCHEDULE_DELAY": "250",
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "100",
        }
    )
    assert export.span_bounds == Bounds(64, 64, 0.25)
    assert export.log_bounds == Bounds()
    assert (export.metric_interval, export.value_length) == (5.0, 100)


@pytest.mark.parametrize(
    ("name", "argument", "found"),
    [
        ("always_on", None, (1.0, False)),
        ("always_off", None, (0.0, False)),
        ("traceidratio", "0.25", (0.25, False)),
        ("parentbased_traceidratio", "0.25", (0.25, True)),
        ("parentbased_always_on", None, (1.0, True)),
        ("traceidratio", None, (1.0, False)),
    ],
)
def test_samplers(name, argument, found):
    variables = {"OTEL_TRACES_SAMPLER": name} | ({"OTEL_TRACES_SAMPLER_ARG": argument} if argument else {})
    export = read_export(variables)
    assert (export.sampling, export.follows) == found


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("tracecontext,baggage", Propagation.W3C),
        ("baggage,b3multi", Propagation.B3MULTI),
        ("b3", Propagation.B3),
        ("none", Propagation.NONE),
        ("jaeger", None),
    ],
)
def test_propagators(text, mode):
    assert read_export({"OTEL_PROPAGATORS": text}).propagation is mode


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (f"{OTLP}PROTOCOL", "http/json", '"http/json" does not fit'),
        (f"{OTLP}ENDPOINT", "collector", "write http://HOST:PORT"),
        (f"{OTLP}ENDPOINT", "ftp://collector", "write http://HOST:PORT"),
        (f"{OTLP}ENDPOINT", "http://", "write http://HOST:PORT"),
        (f"{OTLP}COMPRESSION", "zstd", "write gzip or none"),
        (f"{OTLP}TIMEOUT", "soon", "write a number"),
        (f"{OTLP}TIMEOUT", "0", "write a number from 10"),
        (f"{OTLP}TIMEOUT", "nan", "write a number"),
        (f"{OTLP}HEADERS", "secret-without-a-name", "part 1"),
        (f"{OTLP}HEADERS", "a=b%0D%0Ac", "part 1"),
        ("OTEL_TRACES_EXPORTER", "zipkin", '"zipkin" is not an exporter'),
        ("OTEL_TRACES_SAMPLER", "sometimes", "parentbased_"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "write a number from 1"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_with_what_to_write(name, text, says):
    with pytest.raises(ExportError, match=r".") as told:
        read_export({name: text})
    assert says in str(told.value)
    assert "OTEL_" in str(told.value)
    assert "secret" not in str(told.value)


def test_a_collector_does_not_show_its_credentials():
    collector = Collector(True, "https://user:pw@c/v1/traces", headers=(("authorization", "Bearer abc"),))
    assert "abc" not in repr(collector)
    assert "pw" not in repr(collector)


def test_a_service_of_a_document_is_asked_by_grpc_and_without_the_others_credentials():
    collector = Collector(headers=(("authorization", "Bearer abc"),)).at("als.infra:4317")
    assert (collector.endpoint, collector.protocol, collector.headers) == ("http://als.infra:4317", Protocol.GRPC, ())
