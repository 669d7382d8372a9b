"""MeshAccessLog and MeshTrace: where lines and spans go, and of which attempts."""

import pytest

from outgate.policy.model import Fate, Gate, Identity
from outgate.policy.telemetry_model import CustomTag, Encoding, SinkKind, TagKind
from outgate.policy.telemetry_rules import telemetry_of
from outgate.telemetry import accesslogs
from policy.frontends.kuma.kuma_building import HTTPBIN, faults, load, policy, warnings


def log(backend: str, target: str = "kind: Mesh", name: str = "p") -> str:
    backends = f"[{backend}]" if backend else "[]"
    return policy("MeshAccessLog", f"to: [{{targetRef: {{{target}}}, default: {{backends: {backends}}}}}]", name)


FILE = "{type: File, file: {path: /tmp/a.log, format: {type: Plain, plain: '%KUMA_MESH% %RESPONSE_CODE%'}}}"
JSON = "{type: Json, json: [{key: to, value: '%KUMA_DESTINATION_SERVICE%'}]}"
TCP = f"{{type: Tcp, tcp: {{address: 'logs:5000', format: {JSON}}}}}"


def used(*texts: str, **setting: object):
    made = load(HTTPBIN, *texts, **setting)
    assert accesslogs.problems(made.telemetry) == []
    return telemetry_of(made.telemetry, Gate(), Identity()).logs


def test_lines_go_to_a_file_with_kumas_operators_in_the_gates_words():
    (use,) = used(log(FILE))
    assert (use.sink.kind, use.sink.target, use.sink.text) == (SinkKind.FILE, "/tmp/a.log", "default %RESPONSE_CODE%")
    assert use.filters == ()


def test_a_destination_has_its_own_lines_and_not_everybody_elses():
    both = used(log(FILE), log(TCP, "kind: MeshExternalService, name: httpbin", "q"))
    own = next(use for use in both if use.sink.kind is SinkKind.TCP)
    usual = next(use for use in both if use.sink.kind is SinkKind.FILE)
    assert (own.sink.target, own.sink.encoding, own.sink.fields) == ("logs:5000", Encoding.JSON, {"to": "httpbin"})
    assert own.filters == ('xds.route_name == "kuma/default/httpbin"',)
    assert "kuma/default/httpbin" in usual.filters[0]


def test_otlp_and_the_default_line():
    backend = (
        "{type: OpenTelemetry, openTelemetry: {endpoint: collector, attributes: [{key: mesh, value: '%KUMA_MESH%'}]}}"
    )
    (use,) = used(log(backend))
    assert (use.sink.kind, use.sink.target, use.sink.labels) == (
        SinkKind.OTLP,
        "collector:4317",
        (("mesh", "default"),),
    )
    assert "%RESPONSE_CODE%" in use.sink.text
    assert "KUMA" not in use.sink.text


def test_an_object_as_a_body_is_written_as_json():
    backend = "{type: OpenTelemetry, openTelemetry: {endpoint: 'c:1', body: {code: '%RESPONSE_CODE%'}}}"
    (use,) = used(log(backend))
    assert use.sink.text == '{"code": "%RESPONSE_CODE%"}'


def test_no_backends_log_nothing():
    assert used(log("")) == ()


def test_no_policy_says_nothing_of_logs():
    assert used() is None


@pytest.mark.parametrize(
    ("backend", "what"),
    [
        ("{type: File, file: {path: relative}}", "file backend requires a valid path"),
        ("{type: Tcp, tcp: {address: 'http://logs'}}", "tcp backend requires valid address"),
        ("{type: File, tcp: {address: 'a:1'}}", "file: must be defined"),
        ("{type: File, file: {path: /a, format: {type: Json}}}", "json: must be defined"),
        ("{type: File, file: {path: /a, format: {type: Plain, plain: '%broken'}}}", "begins no operator"),
    ],
)
def test_a_backend_that_cannot_be(backend, what):
    assert any(what in each for each in faults(log(backend)))


def test_a_reference_to_a_backend_is_refused_unless_lenient():
    reference = "{kind: MeshOpenTelemetryBackend, labels: {a: b}}"
    text = log(f"{{type: OpenTelemetry, openTelemetry: {{backendRef: {reference}}}}}")
    assert any("is not read" in each for each in faults(text))
    assert "is not read" in warnings(text, strict=False)


def trace(conf: str) -> str:
    return policy("MeshTrace", f"default: {conf}")


def traced(text: str, **setting: object):
    made = load(text, **setting)
    return made.telemetry.span_sinks, telemetry_of(made.telemetry, Gate(), Identity()).trace


def test_spans():
    sinks, rule = traced(
        trace(
            "{backends: [{type: OpenTelemetry, openTelemetry: {endpoint: 'c:4317'}}],"
            " sampling: {random: 50, overall: '10'},"
            " tags: [{name: team, literal: core}, {name: env, header: {name: x-env, default: prod}}]}"
        )
    )
    assert [sink.target for sink in sinks] == ["c:4317"]
    assert (rule.sink, rule.sampling, rule.disabled) == (sinks[0].name, 0.05, False)
    assert rule.tags == (
        CustomTag("team", TagKind.LITERAL, "core"),
        CustomTag("env", TagKind.HEADER, "x-env", "prod"),
    )


def test_no_backend_reports_no_spans():
    assert traced(trace("{backends: []}"))[1].disabled


ZIPKIN = trace("{backends: [{type: Zipkin, zipkin: {url: 'http://z:9411/api/v2/spans'}}]}")


def test_what_is_not_spoken_is_refused_unless_lenient():
    assert any("zipkin is not spoken" in each for each in faults(ZIPKIN))
    sinks, rule = traced(ZIPKIN, strict=False)
    assert (sinks, rule.sink) == ((), "")


@pytest.mark.parametrize(
    ("backend", "what"),
    [
        ("{type: Zipkin, zipkin: {url: ''}}", "must not be empty"),
        ("{type: Zipkin, zipkin: {url: nothing}}", "must be a valid url"),
        ("{type: Datadog, datadog: {url: 'http://d'}}", "port must be defined"),
        ("{type: Datadog, datadog: {url: 'http://d:99999'}}", "port must be a valid"),
        ("{type: OpenTelemetry, openTelemetry: {endpoint: 'http://c:1'}}", "must be in host:port format"),
        ("{type: OpenTelemetry}", "must be defined"),
    ],
)
def test_a_trace_backend_that_cannot_be(backend, what):
    assert any(what in each for each in faults(trace(f"{{backends: [{backend}]}}")))


def test_logs_and_traces_hold_beside_each_other():
    both = load(log(FILE), trace("{backends: [{type: OpenTelemetry, openTelemetry: {endpoint: 'c:4317'}}]}"))
    told = telemetry_of(both.telemetry, Gate(), Identity())
    assert (len(told.logs), told.trace.sink) == (1, "kuma/default/traces")


METRIC = policy("MeshMetric", "default: {backends: [{type: Prometheus, prometheus: {port: 5670, path: /metrics}}]}")


def test_metrics_are_the_gates_own_and_that_is_said():
    made = load(METRIC)
    assert "MeshMetric p says nothing here: the gate's own metrics" in warnings(METRIC)
    fates = {field.path: field.fate for field in made.fields if field.kind == "MeshMetric"}
    assert fates["spec.default.backends[0].prometheus.port"] is Fate.IGNORED
    assert made.telemetry.rules == ()
