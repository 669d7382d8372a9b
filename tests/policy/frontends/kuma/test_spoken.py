"""What is told of the fields of a policy: applied is what has a say in something that is there, and nothing else."""

import pytest

from outgate.policy.model import Fate
from policy.frontends.kuma.kuma_building import HTTPBIN, load, policy

TCP = """
type: MeshExternalService
name: db
mesh: default
spec: {match: {port: 5432, protocol: tcp}, endpoints: [{address: 192.0.2.1, port: 5432}]}
"""
GRPC = HTTPBIN.replace("name: httpbin", "name: calls").replace("protocol: http}", "protocol: grpc}")
RETRY = "{http: {numRetries: 2}, grpc: {numRetries: 3}, tcp: {maxConnectAttempt: 4}}"
CHECK = "{interval: 10s, failTrafficOnPanic: true, http: {path: /up}, tcp: {}, grpc: {serviceName: a}}"
OFF = "{interval: 10s, failTrafficOnPanic: true, tcp: {disabled: true}}"
TIMES = "{connectionTimeout: 1s, http: {requestTimeout: 2s}}"


def fates(kind: str, conf: str, *services: str) -> set[str]:
    """What is applied of a conf about all of some services."""
    text = policy(kind, f"to: [{{targetRef: {{kind: Mesh}}, default: {conf}}}]")
    return {
        report.path.removeprefix("spec.to[0].default.")
        for report in load(*services, text).fields
        if report.kind == kind and report.path.startswith("spec.to[0].default.") and report.fate is Fate.APPLIED
    }


@pytest.mark.parametrize(
    ("kind", "conf", "services", "applied"),
    [
        ("MeshRetry", RETRY, [HTTPBIN], {"http", "http.numRetries"}),
        ("MeshRetry", RETRY, [GRPC], {"grpc", "grpc.numRetries"}),
        ("MeshRetry", RETRY, [TCP], {"tcp", "tcp.maxConnectAttempt"}),
        ("MeshRetry", RETRY, [HTTPBIN, TCP], {"http", "http.numRetries", "tcp", "tcp.maxConnectAttempt"}),
        ("MeshTimeout", TIMES, [TCP], {"connectionTimeout"}),
        ("MeshTimeout", TIMES, [HTTPBIN], {"connectionTimeout", "http", "http.requestTimeout"}),
        ("MeshHealthCheck", CHECK, [HTTPBIN], {"interval", "failTrafficOnPanic", "http", "http.path"}),
        ("MeshHealthCheck", CHECK, [TCP], {"interval", "failTrafficOnPanic", "tcp"}),
        ("MeshHealthCheck", OFF, [HTTPBIN], {"failTrafficOnPanic", "tcp", "tcp.disabled"}),
    ],
)
def test_a_block_counts_where_something_speaks_it(kind, conf, services, applied):
    assert fates(kind, conf, *services) == applied


IDLE_TLS = HTTPBIN.replace("{enabled: true}", "{enabled: false, verification: {serverName: a.example}}")
NO_ITEMS = policy("MeshHTTPRoute", "targetRef: {kind: Mesh}\nto: []")
OTHERS = "[{predicate: OmitPreviousHosts}, {predicate: OmitPreviousPriorities}]"
SELECTION = policy("MeshRetry", f"to: [{{targetRef: {{kind: Mesh}}, default: {{http: {{hostSelection: {OTHERS}}}}}}}]")
ZIPKIN = policy("MeshTrace", "default: {backends: [{type: Zipkin, zipkin: {url: 'http://z.example:9411/'}}]}")


@pytest.mark.parametrize(
    ("texts", "kind", "path"),
    [
        ([IDLE_TLS], "MeshExternalService", "spec.tls.verification.serverName"),
        ([HTTPBIN, NO_ITEMS], "MeshHTTPRoute", "spec.targetRef.kind"),
        ([HTTPBIN, SELECTION], "MeshRetry", "spec.to[0].default.http.hostSelection[1].predicate"),
        ([HTTPBIN, ZIPKIN], "MeshTrace", "spec.default.backends[0].type"),
    ],
    ids=["tls that is off", "no items", "a predicate", "what is not spoken"],
)
def test_what_nothing_reads_is_ignored_with_a_reason(texts, kind, path):
    (report,) = [report for report in load(*texts, strict=False).fields if (report.kind, report.path) == (kind, path)]
    assert report.fate is Fate.IGNORED
    assert report.note
