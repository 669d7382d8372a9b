"""`EgressTelemetry`: every field changes what is compiled, and fields that contradict each other are refused."""

import pytest

from outgate.policy.model import Gate, Identity
from outgate.policy.plain import plain_policy
from outgate.policy.telemetry_model import (
    CustomTag,
    Encoding,
    ExportHeader,
    LogSink,
    MetricRule,
    SinkKind,
    SpanProtocol,
    SpanSink,
    TagKind,
    TagOverride,
)
from outgate.problems import Severity
from policy.building import DEFAULTS, policy, problems

HEAD = "---\napiVersion: outgate.dev/v1alpha1\nkind: EgressTelemetry\nmetadata: {name: %s, namespace: prod}\nspec: "
MODE = DEFAULTS + "{mode: REGISTRY_ONLY}\n"


def document(spec, name="t"):
    return HEAD % name + spec + "\n"


def compiled(*specs, more=""):
    return policy(MODE + more + "".join(document(spec, f"t{number}") for number, spec in enumerate(specs)))


def made(spec):
    return compiled(spec).telemetry


def errors(*specs):
    text = "".join(document(spec, f"t{number}") for number, spec in enumerate(specs))
    return {problem.field: str(problem) for problem in problems(MODE + text) if problem.severity is Severity.ERROR}


def written(caller, *specs, more=""):
    found = compiled(*specs, more=more).telemetry_of(caller).logs
    return None if found is None else [(use.sink.target or str(use.sink.kind), *use.filters) for use in found]


def test_whom_it_is_about():
    (everybody,) = made("{logs: []}").rules
    assert (everybody.namespace, everybody.labels, everybody.gate) == ("", (), False)
    (some,) = made("{logs: [], for: {namespace: web, labels: {b: c, a: b}}}").rules
    assert (some.namespace, some.labels) == ("web", (("a", "b"), ("b", "c")))
    assert some.source.name == "t0"


@pytest.mark.parametrize(
    ("log", "sink"),
    [
        ("{to: stdout}", LogSink("", SinkKind.STDOUT, encoding=Encoding.NATIVE)),
        ("{to: /a/b, encoding: TEXT}", LogSink("", SinkKind.FILE, "/a/b")),
        ("{to: 'tcp://[::1]:9', format: '%PATH%'}", LogSink("", SinkKind.TCP, "[::1]:9", text="%PATH%")),
        (
            "{to: stdout, fields: {a: '%PATH%', b: {c: 1}}, omitEmpty: true}",
            LogSink(
                "", SinkKind.STDOUT, "", Encoding.TYPED_JSON, fields={"a": "%PATH%", "b": {"c": 1}}, omit_empty=True
            ),
        ),
        (
            "{to: stdout, fields: {a: b}, encoding: json}",
            LogSink("", SinkKind.STDOUT, "", Encoding.JSON, "", {"a": "b"}),
        ),
        (
            "{to: 'otlp://o.example:4317', labels: {a: '%PATH%'}}",
            LogSink("", SinkKind.OTLP, "o.example:4317", Encoding.NATIVE, labels=(("a", "%PATH%"),)),
        ),
    ],
)
def test_a_log(log, sink):
    (found,) = made(f"{{logs: [{log}]}}").sinks
    assert found.name == "EgressTelemetry/prod/t0/spec.logs[0]"
    assert (found.kind, found.target, found.encoding, found.text) == (sink.kind, sink.target, sink.encoding, sink.text)
    assert (found.fields, found.labels, found.omit_empty) == (sink.fields, sink.labels, sink.omit_empty)


class TestLevels:
    WEB = Identity(namespace="web", labels=(("app", "a"),))
    ALL = "{logs: [{to: /all}, {to: /errors, filter: response.code > 499}]}"

    def test_the_most_particular_list_holds(self):
        near, nearest = "{for: {namespace: web}, logs: [{to: /web}]}", "{for: {labels: {app: a}}, logs: [{to: /app}]}"
        assert written(Identity(namespace="dev"), self.ALL, near) == [("/all",), ("/errors", "response.code > 499")]
        assert written(self.WEB, self.ALL, near) == [("/web",)]
        assert written(self.WEB, self.ALL, near, nearest) == [("/app",)]

    def test_an_empty_list_is_silence_whatever_was_said_before(self):
        assert written(self.WEB, self.ALL, "{for: {namespace: web}, logs: []}") == []

    def test_where_logs_are_not_spoken_of_the_gates_own_settings_hold(self):
        assert written(self.WEB, "{traces: {sampling: 1}}") is None

    def test_it_has_the_last_word_where_a_meshs_document_is_as_general(self):
        mesh = "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: m, namespace: istio-system}\n"
        mesh += "spec: {accessLogging: [{providers: [{name: envoy}]}]}\n"
        assert written(self.WEB, more=mesh) == [("stdout",)]
        assert written(self.WEB, self.ALL, more=mesh)[0] == ("/all",)

    def test_two_about_the_same_callers_are_an_error(self):
        assert "is about the same callers" in errors("{logs: []}", "{traces: {}}")["spec.for"]
        assert errors("{logs: []}", "{for: {namespace: a}, traces: {}}") == {}


def test_metrics():
    spec = "{metrics: [{set: {a: request.host, b: \"'x'\"}}, {metric: request_count, disabled: true, remove: [c]}]}"
    (rule,) = made(spec).rules
    first, second = rule.metrics
    assert first == MetricRule(
        tags=(TagOverride("a", "request.host", first.source), TagOverride("b", "'x'", first.source)),
        source=first.source,
    )
    assert (second.metric, second.disabled, second.tags) == (
        "REQUEST_COUNT",
        True,
        (TagOverride("c", None, second.source),),
    )


def test_traces():
    tags = "[{name: a, literal: b}, {name: c, environment: D, default: e}, {name: f, header: g}, %s]"
    tags %= "{name: h, format: '%PATH%'}"
    found = made(f"{{traces: {{sampling: 2.5, disabled: false, propagates: true, tags: {tags}}}}}")
    (trace,) = found.rules[0].traces
    assert (trace.sink, trace.sampling, trace.disabled, trace.propagates) == ("", 0.025, False, True)
    assert trace.tags == (
        CustomTag("a", TagKind.LITERAL, "b"),
        CustomTag("c", TagKind.ENVIRONMENT, "D", "e"),
        CustomTag("f", TagKind.HEADER, "g"),
        CustomTag("h", TagKind.FORMAT, "%PATH%"),
    )
    assert found.span_sinks == ()


@pytest.mark.parametrize(
    ("traces", "sink"),
    [
        ("{to: 'otlp://o.example:4317'}", SpanSink("", "o.example:4317")),
        (
            "{to: 'http://o.example:4318/x', timeout: 1s, headers: [{name: a, value: b}, {name: c, environment: D}]}",
            SpanSink(
                "",
                "o.example:4318",
                SpanProtocol.HTTP,
                "/x",
                (ExportHeader("a", "b"), ExportHeader("c", environment="D")),
                1.0,
            ),
        ),
    ],
)
def test_where_spans_go(traces, sink):
    telemetry = made(f"{{traces: {traces}}}")
    (found,) = telemetry.span_sinks
    assert telemetry.rules[0].traces[0].sink == found.name == "EgressTelemetry/prod/t0/spec.traces"
    assert (found.target, found.protocol, found.path) == (sink.target, sink.protocol, sink.path)
    assert (found.headers, found.timeout) == (sink.headers, sink.timeout)


@pytest.mark.parametrize(
    ("spec", "field", "says"),
    [
        ("{}", "spec", "give logs, metrics or traces"),
        ("{for: {namespace: a}}", "spec", "says nothing"),
        ("{for: {labels: {}}, logs: []}", "spec.for.labels", "at least 1"),
        ("{for: {namespace: }, logs: []}", "spec.for.namespace", "fill it in"),
        ("{logs: [{}]}", "spec.logs[0].to", "required"),
        ("{logs: [{to: a/b}]}", "spec.logs[0].to", "write stdout"),
        ("{logs: [{to: 'tcp://a:70000'}]}", "spec.logs[0].to", "no place"),
        ("{logs: [{to: 'udp://a:1'}]}", "spec.logs[0].to", "no place"),
        ("{logs: [{to: stdout, format: 5%}]}", "spec.logs[0].format", "at column 2"),
        ("{logs: [{to: stdout, fields: {a: '%a%'}}]}", "spec.logs[0].fields.a", "write %NAME%"),
        ("{logs: [{to: stdout, format: a, encoding: json}]}", "spec.logs[0].format", "not written with encoding json"),
        ("{logs: [{to: stdout, fields: {}, encoding: text}]}", "spec.logs[0].fields", "not written with encoding text"),
        ("{logs: [{to: stdout, labels: {a: b}}]}", "spec.logs[0].labels", "of lines that go by OTLP"),
        ("{logs: [{to: stdout, filtre: a}]}", "spec.logs[0].filtre", 'did you mean "filter"?'),
        ("{metrics: [{metric: REQUESTS}]}", "spec.metrics[0].metric", "not known"),
        ("{metrics: [{set: {a: request.hots}}]}", "spec.metrics[0].set.a", 'did you mean "request.host"?'),
        ("{metrics: [{set: {a: b}}]}", "spec.metrics[0].set.a", "connection.mtls"),
        ("{traces: {to: 'zipkin://a:1'}}", "spec.traces.to", "write otlp://"),
        ("{traces: {to: 'otlp://a:1/x'}}", "spec.traces.to", "has a path"),
        ("{traces: {timeout: 1s}}", "spec.traces.timeout", "give to"),
        ("{traces: {to: 'otlp://a:1', headers: [{name: a}]}}", "spec.traces.headers[0]", "give one of the two"),
        ("{traces: {sampling: 101}}", "spec.traces.sampling", "out of range"),
        ("{traces: {tags: [{name: a}]}}", "spec.traces.tags[0]", "0 values for one tag"),
        ("{traces: {tags: [{name: a, literal: b, header: c}]}}", "spec.traces.tags[0]", "2 values for one tag"),
        ("{traces: {tags: [{name: a, format: 5%}]}}", "spec.traces.tags[0].format", "at column 2"),
        ("{traces: {tags: [{name: a, literal: b, default: c}]}}", "spec.traces.tags[0].default", "never needed"),
    ],
)
def test_what_is_wrong_is_said(spec, field, says):
    assert says in errors(spec)[field]


def test_the_generation_is_another_where_something_else_is_recorded():
    assert compiled("{logs: []}").generation != compiled("{traces: {}}").generation
    assert compiled("{logs: []}").generation == compiled("{logs: []}").generation


def test_values_of_headers_are_masked_where_the_policy_is_shown():
    spec = "{traces: {to: 'otlp://a:1', headers: [{name: a, value: hunter2}, {name: b, environment: KEY}]}}"
    told = plain_policy(policy(MODE + document(spec), gate=Gate()))
    assert "hunter2" not in str(told)
    assert told["telemetry"]["span_sinks"][0]["headers"][1]["environment"] == "KEY"
