"""What holds for an origin is written as it was said, and nothing where nothing was."""

import pytest
import yaml

from converting.rewritten import HEAD, HOME, native, spec, specs

BLOCKS = (
    "balancing: {balancer: MAGLEV, table: 101, hash: [{'on': header, name: x-a, terminal: true}]}",
    "balancing: {balancer: RING_HASH, hash: [{'on': cookie, name: c, ttl: 5s, path: /, attributes: {a: b}}]}",
    "balancing: {balancer: LEAST_REQUEST, choices: 4}",
    "balancing: {balancer: RANDOM, locality: {shares: {eu/a: {eu/b: 60, eu/c: 40}}}}",
    "balancing: {balancer: RANDOM, locality: {failover: {eu: us}}}",
    "balancing: {balancer: RANDOM, locality: {priorityLabels: [zone]}}",
    "balancing: {balancer: ROUND_ROBIN, warmup: {duration: 30s, minimumPercent: 20.0}}",
    "limits: {connections: 3, pending: 2, requests: 5, retries: 1, requestsPerConnection: 7}",
    "outliers: {consecutive5xx: 0, consecutiveGateway: 4, interval: 5s, statuses: [429]}",
    "outliers: {successRate: {minimumHosts: 3}, failurePercentage: {threshold: 50}}",
    "healthChecks: [{probe: http, interval: 9s, path: /up, statuses: [204], headers: {x-a: b}}]",
    "healthChecks: [{probe: tcp, send: ping, receive: [pong]}, {probe: grpc, service: a.B}]",
    "retryBudget: {percent: 30.0, minimum: 4}",
    "connectionIdleTimeout: 3s",
    "tcpIdleTimeout: 250ms",
    "connectionDuration: 60s",
    "keepalive: {probes: 3, time: 30s, interval: 5s}",
    "proxyProtocol: 2",
    "http2Ping: {interval: 30s, timeout: 5s}",
    "panicPercent: 40",
)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_written_as_it_was_said(block):
    text = HEAD + HOME + native("EgressTraffic", f"{{destination: home, {block}}}")
    assert spec(text, "EgressTraffic") == {"destination": "home", **yaml.safe_load(block)}


def test_nothing_is_written_where_nothing_is_said():
    assert specs(HEAD + HOME, "EgressTraffic") == []
