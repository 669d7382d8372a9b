"""The mesh's own log, its providers, and what holds for logs and traces by default."""

import textwrap

import pytest

from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio.frontend import IstioFrontend
from outgate.policy.model import Gate
from outgate.policy.telemetry_model import Encoding, SinkKind, TelemetryPolicy, TraceRule
from policy.frontends.istio.istio_building import errors, loaded, refused, translate, warned


def said(text, strict=True):
    return loaded(textwrap.dedent(text), strict=strict).telemetry


def log(text):
    (sink,) = said(text).sinks
    return sink


class TestMeshLog:
    def test_a_mesh_that_says_nothing_of_logs_leaves_them_to_the_gate(self):
        assert said("outboundTrafficPolicy: {}") == TelemetryPolicy()
        assert said("accessLogFile: ''") == TelemetryPolicy()

    def test_it_goes_to_standard_output_or_a_file(self):
        assert (log("accessLogFile: /dev/stdout").kind, log("accessLogFile: /dev/stdout").target) == ("stdout", "")
        made = log("accessLogFile: /var/log/a")
        assert (made.kind, made.target) == (SinkKind.FILE, "/var/log/a")
        assert said("accessLogFile: /var/log/a").fallback_sinks == (made.name,)

    def test_its_form_is_text_as_written_lines_and_all(self):
        made = log("accessLogFile: /dev/stdout\naccessLogFormat: |\n  [%START_TIME%]\n  %DURATION%\n")
        assert (made.encoding, made.text) == (Encoding.TEXT, "[%START_TIME%]\n%DURATION%\n")
        assert made.source.field == "accessLogFormat"

    def test_its_form_is_json_with_numbers_as_numbers(self):
        made = log("""
            accessLogFile: /dev/stdout
            accessLogEncoding: JSON
            accessLogFormat: '{"code": "%RESPONSE_CODE%", "in": {"a": 1}}'
        """)
        assert (made.encoding, made.text) == (Encoding.TYPED_JSON, "")
        assert made.fields == {"code": "%RESPONSE_CODE%", "in": {"a": 1}}
        plain = log("accessLogFile: /dev/stdout\naccessLogEncoding: JSON")
        assert (plain.encoding, plain.fields) == (Encoding.TYPED_JSON, {})


class TestDefaults:
    def test_default_providers_are_sinks(self):
        made = said("""
            defaultProviders: {accessLogging: [envoy, Files], tracing: [otel], metrics: [prometheus]}
            extensionProviders:
            - {name: files, envoyFileAccessLog: {path: /logs/a}}
            - {name: otel, opentelemetry: {service: otel.example, port: 4317}}
        """)
        assert made.default_sinks == ("envoy", "files")
        assert [sink.name for sink in made.sinks] == ["envoy", "files"]
        assert made.default_trace == TraceRule(sink="otel")

    def test_one_that_is_not_there_is_refused(self):
        assert refused("defaultProviders: {accessLogging: [file]}") == ["defaultProviders.accessLogging[0]"]
        assert 'there is no provider "file"' in warned("defaultProviders: {accessLogging: [file]}", strict=False)

    @pytest.mark.parametrize(
        ("text", "trace"),
        [
            ("enableTracing: true", (None, None)),
            ("enableTracing: false", (None, True)),
            ("defaultConfig: {tracing: {sampling: 0}}", (0.0, None)),
            ("defaultConfig: {tracing: {sampling: 100}, concurrency: 2}\nenableTracing: true", (1.0, None)),
        ],
    )
    def test_tracing(self, text, trace):
        made = said(text).default_trace
        assert (made.sampling, made.disabled) == trace
        assert made.source.field in ("enableTracing", "defaultConfig")

    def test_proxies_that_are_told_nothing_of_traces(self):
        assert said("defaultConfig: {concurrency: 2, proxyMetadata: {A: b}}").default_trace is None


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("accessLogFile: logs/a", "accessLogFile"),
        ("accessLogFile: a\naccessLogFormat: 100%", "accessLogFormat"),
        ("accessLogFormat: 'a: %PATH%'\naccessLogEncoding: JSON", "accessLogFormat"),
        ("accessLogFormat: '[1]'\naccessLogEncoding: JSON", "accessLogFormat"),
        (f"accessLogFormat: '{'[' * 50_000}'\naccessLogEncoding: JSON", "accessLogFormat"),
        ("accessLogEncoding: YAML", "accessLogEncoding"),
        ("defaultConfig: {tracing: {sampling: 101}}", "defaultConfig.tracing.sampling"),
        ("defaultConfig: {tracing: {customTags: {a: {}}}}", "defaultConfig.tracing.customTags.a"),
        ("defaultConfig: {tracingg: {}}", "defaultConfig.tracingg"),
        ("defaultProviders: {logging: []}", "defaultProviders.logging"),
    ],
)
def test_what_is_refused(text, field):
    assert field in refused(text, strict=False)


def test_a_format_with_a_stray_percent_sign_names_line_and_column():
    (problem,) = errors(translate("accessLogFormat: |\n  %PATH%\n  ok %START_TIME(%Y)% at 100% of\n"))
    assert (problem.where.line, problem.where.column) == (1, 18)
    assert 'at line 2, column 27: "% of"' in problem.what


class TestSeveralCarriers:
    BASE = "accessLogFile: /logs/a\nextensionProviders: [{name: x, envoyFileAccessLog: {path: /logs/x}}]"
    OVER = "accessLogFile: /logs/b\nextensionProviders: [{name: X, envoyFileAccessLog: {path: /logs/y}}]"
    USED = "defaultProviders: {accessLogging: [x]}"

    def made(self, *layers):
        documents = [one for number, text in enumerate(layers) for one in parse(text, f"{number}.yaml", number)]
        return IstioFrontend().translate(documents, Setting(Gate(namespace="prod")))

    def test_the_later_directory_wins_and_says_over_whom(self):
        found = self.made(self.BASE, self.OVER, self.USED)
        assert [sink.target for sink in found.telemetry.sinks] == ["/logs/y", "/logs/b"]
        assert [(winner.where.file, loser.where.file) for winner, loser in found.replaced] == [("1.yaml", "0.yaml")] * 2

    def test_in_one_directory_two_values_are_an_error_and_one_twice_is_none(self):
        assert refused("accessLogFile: /logs/a", "accessLogFile: /logs/b") == ["accessLogFile"]
        assert refused("accessLogFile: /logs/a", "accessLogFile: /logs/a") == []
        assert refused(self.USED.replace("x", "envoy"), self.USED.replace("x", "envoy")) == []
        (problem,) = errors(translate(self.BASE, self.OVER.partition("\n")[2]))
        assert 'the provider "X" is in MeshConfig' in problem.what
