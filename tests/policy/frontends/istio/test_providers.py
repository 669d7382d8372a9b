"""Extension providers: what each comes to, and what is wrong with one."""

import pytest

from outgate.policy.telemetry_model import Encoding, ExportHeader, LogSink, SinkKind, SpanProtocol, SpanSink
from policy.frontends.istio.istio_building import loaded, refused, warned


def log(kind, name="a"):
    """The sink of a provider, without its place."""
    text = f"defaultProviders: {{accessLogging: [{name}]}}\nextensionProviders: [{{name: {name}, {kind}}}]"
    (sink,) = loaded(text).telemetry.sinks
    return LogSink(
        sink.name, sink.kind, sink.target, sink.encoding, sink.text, sink.fields, sink.labels, sink.omit_empty
    )


def spans(block):
    text = f"defaultProviders: {{tracing: [a]}}\nextensionProviders: [{{name: a, opentelemetry: {block}}}]"
    (sink,) = loaded(text).telemetry.span_sinks
    assert sink.source.field == "extensionProviders[0]"
    return SpanSink(sink.name, sink.target, sink.protocol, sink.path, sink.headers, sink.timeout)


@pytest.mark.parametrize(
    ("kind", "sink"),
    [
        ("envoyFileAccessLog: {}", LogSink("a", SinkKind.STDOUT)),
        ("envoyFileAccessLog: {path: /logs/a}", LogSink("a", SinkKind.FILE, "/logs/a")),
        (
            "envoyFileAccessLog: {path: /dev/stdout, logFormat: {text: '%PATH%'}, omitEmptyValues: true}",
            LogSink("a", SinkKind.STDOUT, text="%PATH%", omit_empty=True),
        ),
        (
            "envoyFileAccessLog: {logFormat: {labels: {a: '%PATH%', b: [1, true, {c: null}]}}}",
            LogSink("a", SinkKind.STDOUT, "", Encoding.TYPED_JSON, fields={"a": "%PATH%", "b": [1, True, {"c": None}]}),
        ),
        ("envoyOtelAls: {service: ns/logs.example, port: 4317}", LogSink("a", SinkKind.OTLP, "logs.example:4317")),
        (
            "envoyOtelAls: {service: 2001:db8::1, port: 1, logFormat: {text: '%PATH%', labels: {a: '%PATH%'}}}",
            LogSink("a", SinkKind.OTLP, "[2001:db8::1]:1", text="%PATH%", labels=(("a", "%PATH%"),)),
        ),
        ("envoy_file_access_log: {log_format: {text: '%PATH%'}}", LogSink("a", SinkKind.STDOUT, text="%PATH%")),
    ],
)
def test_a_log(kind, sink):
    assert log(kind) == sink


def test_the_built_in_one_may_be_defined_anew():
    assert log("envoyFileAccessLog: {path: /logs/a}", "envoy") == LogSink("envoy", SinkKind.FILE, "/logs/a")


@pytest.mark.parametrize(
    ("block", "sink"),
    [
        ("{service: o.example, port: 4317}", SpanSink("a", "o.example:4317")),
        (
            "{service: o.example, port: 4318, http: {path: /x, timeout: 1.5s, headers: [{name: k, envName: V}]}}",
            SpanSink(
                "a", "o.example:4318", SpanProtocol.HTTP, "/x", (ExportHeader("k", environment="V"),), timeout=1.5
            ),
        ),
        (
            "{service: o.example, port: 4317, grpc: {timeout: 2s, initialMetadata: [{name: k, value: v}]}}",
            SpanSink("a", "o.example:4317", headers=(ExportHeader("k", "v"),), timeout=2.0),
        ),
    ],
)
def test_spans(block, sink):
    assert spans(block) == sink


def test_one_that_nothing_refers_to_is_not_opened():
    assert loaded("extensionProviders: [{name: a, envoyFileAccessLog: {path: /logs/a}}]").telemetry.sinks == ()


@pytest.mark.parametrize(
    ("providers", "field"),
    [
        ("{name: a}", "extensionProviders[0]"),
        ("{envoyFileAccessLog: {}}", "extensionProviders[0].name"),
        ("{name: a, envoyFileAccessLog: {}, prometheus: {}}", "extensionProviders[0].prometheus"),
        ("{name: a, prometheus: {}}, {name: A, prometheus: {}}", "extensionProviders[1].name"),
        ("{name: a, opentelemetry: {port: 1}}", "extensionProviders[0].opentelemetry.service"),
        ("{name: a, opentelemetry: {service: 'a/b/c', port: 1}}", "extensionProviders[0].opentelemetry.service"),
        ("{name: a, opentelemetry: {service: a, port: 0}}", "extensionProviders[0].opentelemetry.port"),
        ("{name: a, opentelemetry: {service: a, port: 1, http: {}, grpc: {}}}",
         "extensionProviders[0].opentelemetry.grpc"),
        ("{name: a, opentelemetry: {service: a, port: 1, http: {headers: [{name: a, value: b, envName: c}]}}}",
         "extensionProviders[0].opentelemetry.http.headers[0].envName"),
        ("{name: a, envoyFileAccessLog: {path: a}}", "extensionProviders[0].envoyFileAccessLog.path"),
        ("{name: a, envoyFileAccessLog: {logFormat: {text: a, labels: {}}}}",
         "extensionProviders[0].envoyFileAccessLog.logFormat.labels"),
        ("{name: a, envoyFileAccessLog: {logFormat: {labels: {a: {b: ['%a%']}}}}}",
         "extensionProviders[0].envoyFileAccessLog.logFormat.labels.a.b[0]"),
        ("{name: a, zipkins: {}}", "extensionProviders[0].zipkins"),
    ],
)  # fmt: skip
def test_what_is_refused(providers, field):
    assert field in refused(f"extensionProviders: [{providers}]", strict=False)


def test_what_the_gate_does_not_speak_is_said_where_it_is_defined():
    assert "extensionProviders[0].zipkin: is not yet applied; the gate does not speak it" in warned(
        "extensionProviders: [{name: a, zipkin: {service: z, port: 1}}]"
    )
