"""`explain` says how an attempt would be recorded: by which logs, in which traces, under which labels."""

import json

import pytest

from cli.test_explain import sections

REGISTRY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: mesh}
    spec: {mode: REGISTRY_ONLY}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: open}
    spec:
      hosts: [open.example]
      ports: [{number: 443, protocol: HTTPS}, {number: 80, protocol: HTTP}, {number: 8443, protocol: TLS}]
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: partner}
    spec:
      hosts: [partner.example]
      ports: [{number: 80, protocol: HTTP}]
      propagation: b3
"""
EVERYBODY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressTelemetry
    metadata: {name: everybody}
    spec:
      logs:
        - {to: stdout, format: "%RESPONSE_CODE%"}
        - {to: /var/log/failures.json, fields: {code: "%RESPONSE_CODE%"}, filter: response.code >= 500}
        - {to: "tcp://127.0.0.1:514", encoding: text}
        - {to: "otlp://collector:4317"}
      traces:
        to: otlp://collector:4317
        sampling: 5
        headers: [{name: authorization, value: hunter2}]
        tags: [{name: tenant, header: x-tenant}]
      metrics:
        - {set: {destination_service: request.host}}
        - {metric: REQUEST_SIZE, disabled: true}
"""
PAYMENTS = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressTelemetry
    metadata: {name: payments}
    spec:
      for: {namespace: payments}
      logs: []
      traces: {disabled: true, propagates: false}
      metrics: [{metric: REQUEST_COUNT, remove: [source_principal]}]
"""


@pytest.fixture
def gate(terminal):
    terminal.write("policy/a.yaml", REGISTRY)
    return terminal


@pytest.fixture
def ruled(gate):
    gate.write("policy/b.yaml", EVERYBODY)
    gate.write("policy/c.yaml", PAYMENTS)
    return gate


def recorded(gate, url="https://open.example/", *arguments):
    return sections(gate.run("explain", "GET", url, *arguments).stdout)["telemetry"]


def test_without_documents_the_settings_hold(gate):
    assert recorded(gate) == [
        "log the gate's own line, on standard output",
        "traces none: no collector is named",
        "told the workload's own traceparent",
    ]
    settings = ("--set", "access_log=false", "--set", "trace_propagation=none")
    assert recorded(gate, "https://open.example/", *settings) == [
        "log none: access_log is false",
        "traces none: no collector is named",
        "told nothing of a trace",
    ]


def test_the_variables_name_a_collector(gate, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hunter2@collector:4318")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "otlp")
    assert recorded(gate, "https://open.example/", "--set", "trace_sampling=0.125") == [
        "log the gate's own line, on standard output and at the collector of the environment",
        "traces 12.5% of those that begin here, to the collector of the environment",
        "told the trace, as w3c",
    ]
    settings = ("--set", "access_log=false", "--set", "trace_propagation=passthrough")
    told = recorded(gate, "https://open.example/", *settings)
    assert told[0] == "log the gate's own line, at the collector of the environment"
    assert told[2] == "told what the workload wrote of its trace"


def test_documents_say_where_lines_and_traces_go_and_what_is_counted(ruled):
    by = "[EgressTelemetry default/everybody (policy/b.yaml:"
    assert [line.replace(by, "[") for line in recorded(ruled, "http://open.example/")] == [
        "log standard output, text [6:28)]",
        "log /var/log/failures.json, JSON with types, where response.code >= 500 [7:44)]",
        "log tcp://127.0.0.1:514, Istio's text [8:7)]",
        "log otlp://collector:4317, the gate's own JSON [9:7)]",
        "traces 5% of those that begin here, to otlp://collector:4317, with tenant [11:5)]",
        "told the trace, as w3c",
        "metric all but REQUEST_SIZE: destination_service = request.host [16:7)]",
        "metric REQUEST_SIZE: not counted [17:7)]",
    ]


def test_what_is_said_of_some_callers_holds_for_them(ruled):
    told = recorded(ruled, "https://open.example/", "--as", "payments/web")
    assert told[0] == "log none: the documents say so"
    assert told[1].startswith("traces none is reported [EgressTelemetry default/payments (policy/c.yaml:")
    assert told[2] == "told nothing of a trace"
    assert any("REQUEST_COUNT: destination_service = request.host, without source_principal" in line for line in told)
    assert any(line.startswith("metric REQUEST_SIZE: not counted") for line in told)


def test_a_destination_says_what_it_is_told(ruled):
    assert "told the trace, as b3" in recorded(ruled, "http://partner.example/")


@pytest.mark.parametrize("url", ["http://other.example/", "tls://open.example:8443"])
def test_what_is_denied_or_unread_tells_nobody_of_a_trace(ruled, url):
    told = recorded(ruled, url)
    assert not [line for line in told if line.startswith("told")]
    assert [line for line in told if line.startswith("traces 5%")]


def test_json_holds_the_same_and_no_secret(ruled):
    result = ruled.run("explain", "GET", "http://partner.example/", "-o", "json")
    told = json.loads(result.stdout)["telemetry"]
    assert [use["sink"]["kind"] for use in told["logs"]] == ["stdout", "file", "tcp", "otlp"]
    assert told["logs"][1]["filters"] == ["response.code >= 500"]
    assert (told["sampling"], told["propagation"], told["spans"]["target"]) == (0.05, "b3", "collector:4317")
    assert {rule["metric"] for rule in told["metrics"]} >= {"REQUEST_COUNT", "TCP_SENT_BYTES"}
    assert "hunter2" not in result.stdout
