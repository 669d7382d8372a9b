"""MeshProxyPatch: which modifications of Envoy are carried out, and what is said of all others."""

import re
import textwrap

import pytest

from outgate.policy.model import Fate
from outgate.policy.route_model import Bucket, LimitScope
from policy.frontends.kuma.kuma_building import HTTPBIN, faults, load, policy, port, warnings

DB = """
type: MeshExternalService
name: db
mesh: default
spec: {match: {port: 5432, protocol: tcp}, endpoints: [{address: 192.0.2.1, port: 5432}]}
"""
LIMIT = """
name: envoy.filters.http.local_ratelimit
typedConfig:
  '@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
  statPrefix: limit
  tokenBucket: {maxTokens: 4, tokensPerFill: 2, fillInterval: 60s}
  filterEnabled: {defaultValue: {numerator: 100}}
  filterEnforced: {defaultValue: {numerator: 100}}
  status: {code: 430}
"""
CONNECTIONS = """
name: envoy.filters.network.local_ratelimit
typedConfig:
  '@type': type.googleapis.com/envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit
  statPrefix: limit
  tokenBucket: {maxTokens: 3, fillInterval: 1s}
"""
BREAKER = "circuit_breakers: {thresholds: [{max_connections: 7, max_retries: 1, priority: DEFAULT}]}"


def patched(kind: str, operation: str, value: str = "", match: str = "", steps: str = "") -> str:
    lines = [f"- {kind}:", f"    operation: {operation}"]
    lines += [f"    match: {match}"] if match else []
    lines += [f"    jsonPatches: {steps}"] if steps else []
    lines += ["    value: |", textwrap.indent(value.strip(), "      ")] if value else []
    body = textwrap.indent("\n".join(lines), "    ")
    return policy("MeshProxyPatch", f"targetRef: {{kind: Mesh}}\ndefault:\n  appendModifications:\n{body}\n")


@pytest.mark.parametrize(
    ("operation", "match"),
    [
        ("AddFirst", ""),
        ("AddLast", "{origin: outbound}"),
        ("AddBefore", "{name: envoy.filters.http.router, origin: egress}"),
        ("AddFirst", "{listenerTags: {kuma.io/service: httpbin}}"),
    ],
)
def test_a_local_rate_limit_is_the_gates(operation, match):
    (limit,) = port(HTTPBIN, patched("httpFilter", operation, LIMIT, match)).routes[-1].limits
    assert (limit.bucket, limit.status, limit.scope) == (Bucket(4, 2, 60.0), 430, LimitScope.PROCESS)
    assert limit.source.field == "spec.default.appendModifications[0].httpFilter.value.typedConfig"


def test_connections_are_limited_by_the_filter_of_connections():
    (limit,) = port(DB, patched("networkFilter", "AddFirst", CONNECTIONS)).routes[-1].limits
    assert (limit.bucket, limit.connections) == (Bucket(3, 1, 1.0), True)


@pytest.mark.parametrize(
    "match",
    [
        "",
        "{name: default_httpbin___extsvc_80}",
        "{name: default_httpbin_kuma-system_east_extsvc_80, origin: egress}",
        "{name: kri_extsvc_default_east_kuma-system_httpbin_80}",
    ],
)
def test_a_cluster_is_patched_by_value_or_by_steps(match):
    steps = "[{op: replace, path: /connectTimeout, value: 9s}]"
    found = port(HTTPBIN, patched("cluster", "Patch", "connectTimeout: 9s", match)).upstream
    assert (
        found.connect_timeout == port(HTTPBIN, patched("cluster", "Patch", "", match, steps)).upstream.connect_timeout
    )
    assert found.connect_timeout == 9.0


def test_thresholds_and_idle_times():
    held = port(HTTPBIN, patched("cluster", "Patch", BREAKER)).upstream.resilience.limits
    assert (held.connections, held.retries) == (7, 1)
    idle = "[{op: replace, path: /streamIdleTimeout, value: 15s}]"
    manager = "{name: envoy.filters.network.http_connection_manager, origin: outbound}"
    assert port(HTTPBIN, patched("networkFilter", "Patch", "", manager, idle)).routes[-1].idle_timeout == 15.0
    proxy = "name: envoy.filters.network.tcp_proxy\ntypedConfig: {idleTimeout: 0s, maxConnectAttempts: 4}"
    found = port(DB, patched("networkFilter", "Patch", proxy, "{name: envoy.filters.network.tcp_proxy}"))
    assert (found.upstream.resilience.tcp_idle_timeout, found.routes[-1].connect_attempts) == (None, 4)


def test_the_later_policy_has_the_last_word_and_all_limits_hold():
    texts = [patched("cluster", "Patch", f"connectTimeout: {number}s") for number in (1, 2)]
    named = [text.replace("name: p\n", f"name: {name}\n") for text, name in zip(texts, "ba", strict=True)]
    assert port(HTTPBIN, *named).upstream.connect_timeout == 2.0
    twice = patched("httpFilter", "AddFirst", LIMIT)
    again = twice[twice.index("      - httpFilter") :]
    assert len({limit.key for limit in port(HTTPBIN, twice + again).routes[-1].limits}) == 2


LUA = "name: envoy.filters.http.lua\ntypedConfig: {inline_code: x}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (patched("httpFilter", "AddFirst", LUA), '27:1: .*"envoy.filters.http.lua".*; write an addon'),
        (patched("cluster", "Add", "name: a"), "adds a cluster of Envoy, which the gate is not; write a MeshCircuit"),
        (patched("cluster", "Remove"), "removes a cluster"),
        (patched("cluster", "Patch", "connectTimeout: 1s\nlbPolicy: RANDOM"), r"28:1: .*value.lbPolicy: changes lbPo"),
        (patched("cluster", "Patch", "", "", "[{op: remove, path: /a}]"), "jsonPatches.0..op: .*takes something"),
        (patched("cluster", "Patch", "connectTimeout: x"), "27:1: .*connectTimeout: expected a duration"),
        (patched("listener", "Patch", "a: b"), "patches a listener of Envoy"),
        (patched("virtualHost", "Patch", "retryPolicy: {}"), "write a MeshHTTPRoute, MeshRetry or MeshTimeout"),
        (patched("networkFilter", "AddFirst", LIMIT), "write a MeshTimeout, MeshRetry or MeshRateLimit"),
        (patched("networkFilter", "AddFirst", CONNECTIONS.replace("network.local", "http.local")), "adds the filter"),
        (patched("httpFilter", "AddAfter", LIMIT, "{name: x}"), 'match.name: holds only where .* filter "x"'),
        (patched("httpFilter", "AddFirst", LIMIT, "{listenerName: 'outbound:1.2.3.4:80'}"), "by its address"),
        (
            patched("cluster", "Patch", BREAKER, "{name: 'outbound:passthrough:ipv4'}"),
            "is about what nothing registers",
        ),
    ],
)
def test_what_is_not_recognised_is_refused_with_what_to_use_instead(text, said):
    found = faults(HTTPBIN, text)
    assert len(found) == 1
    assert re.search(said, found[0]), found[0]


def test_leniently_it_is_left_out_and_not_told_as_applied():
    text = patched("httpFilter", "AddFirst", LUA)
    found = load(HTTPBIN, text, strict=False)
    told = {report.path: report for report in found.fields if report.kind == "MeshProxyPatch"}
    assert told["spec.default.appendModifications[0].httpFilter.value"].fate is Fate.IGNORED
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("match", "role", "said"),
    [
        ("{origin: inbound}", "both", "is about inbound, which is not what leaves"),
        ("{name: 'inbound:127.0.0.1:80'}", "both", "is about what arrives"),
        ("{origin: egress}", "sidecar", "is about the egress, whose part the gate does not play"),
        ("{name: default_other___extsvc_80}", "both", "is about nothing outside that is known"),
        ("{name: default_httpbin___extsvc_81}", "both", "is about nothing outside that is known"),
    ],
)
def test_what_is_about_something_else_is_left_out_and_said(match, role, said):
    text = patched("cluster", "Patch", "connectTimeout: 9s", match)
    assert port(HTTPBIN, text, kuma_role=role).upstream.connect_timeout == 5.0
    found = warnings(HTTPBIN, text, kuma_role=role)
    assert said in found
    assert found.count("\n") == 0
