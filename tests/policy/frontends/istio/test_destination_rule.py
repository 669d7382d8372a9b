"""DestinationRule: what is refused and where."""

import pytest

from outgate.policy.model import Tunnel
from policy.frontends.istio.istio_building import document, entry, port, refused, warned

SHOP = entry()


def rule(spec: str) -> str:
    return document("DestinationRule", f"{{host: api.shop.example, {spec}}}")


def policy(spec: str) -> str:
    return rule(f"trafficPolicy: {{{spec}}}")


TOPOLOGICAL = (
    "loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/zone]}}"
)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("{}", "spec.host"),
        ("{host: ''}", "spec.host"),
        ("{host: a.b_c.example}", "spec.host"),
        ("{host: a.example, trafficPolicy: {}}", "spec.trafficPolicy"),
        ("{host: a.example, subsets: [{}]}", "spec.subsets[0].name"),
        ("{host: a.example, subsets: [{name: a}, {name: a}]}", "spec.subsets[1].name"),
        ("{host: a.example, subsets: [{name: a, labels: {'@': b}}]}", "spec.subsets[0].labels.@"),
        ("{host: a.example, subsets: [{name: a, trafficPolicy: {}}]}", "spec.subsets[0].trafficPolicy"),
        ("{host: a.example, exportTo: ['~']}", "spec.exportTo[0]"),
        ("{host: a.example, workloadSelector: {matchLabels: {app: '*'}}}", "spec.workloadSelector.matchLabels.app"),
        ("{host: a.example, workloadSelector: {matchLabels: {a: b}}, exportTo: ['*']}", "spec.exportTo[0]"),
    ],
)
def test_what_istio_refuses_of_the_rule(spec, field):
    assert field in refused(document("DestinationRule", spec))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("tls: {mode: STRICT}", "tls.mode"),
        ("tls: {mode: MUTUAL}", "tls.clientCertificate"),
        ("tls: {mode: MUTUAL, clientCertificate: /a}", "tls.privateKey"),
        ("tls: {mode: SIMPLE, credentialName: a, caCertificates: /a}", "tls.caCertificates"),
        ("tls: {mode: MUTUAL, credentialName: a, clientCertificate: /a}", "tls.clientCertificate"),
        ("tls: {mode: SIMPLE, credentialName: a, caCrl: /a}", "tls.caCrl"),
        ("tls: {mode: SIMPLE, credentialName: 'configmap://other/a'}", "tls.credentialName"),
        ("tls: {mode: SIMPLE, credentialName: ../a}", "tls.credentialName"),
        ("tls: {mode: SIMPLE, credentialName: ..}", "tls.credentialName"),
        ("tls: {mode: ISTIO_MUTUAL, caCertificates: /a}", "tls.caCertificates"),
        ("tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: /a}", "tls.caCertificates"),
        ("tls: {mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]}", "tls.subjectAltNames"),
        ("tls: {mode: SIMPLE, insecureSkipVerify: true, credentialName: a}", "tls.credentialName"),
        ("tls: {mode: MUTUAL, insecureSkipVerify: true, subjectAltNames: [a]}", "tls.subjectAltNames"),
        ("connectionPool: {}", "connectionPool"),
        ("connectionPool: {tcp: {maxConnections: -1}}", "connectionPool.tcp.maxConnections"),
        ("connectionPool: {tcp: {connectTimeout: 1us}}", "connectionPool.tcp.connectTimeout"),
        ("connectionPool: {tcp: {connectTimeout: 1500us}}", "connectionPool.tcp.connectTimeout"),
        ("connectionPool: {tcp: {tcpKeepalive: {time: 0s}}}", "connectionPool.tcp.tcpKeepalive.time"),
        ("connectionPool: {http: {maxRetries: -1}}", "connectionPool.http.maxRetries"),
        ("connectionPool: {http: {idleTimeout: 0s}}", "connectionPool.http.idleTimeout"),
        ("connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}",
         "connectionPool.http.useClientProtocol"),
        ("outlierDetection: {consecutiveLocalOriginFailures: 1}", "outlierDetection.consecutiveLocalOriginFailures"),
        ("outlierDetection: {maxEjectionPercent: 101}", "outlierDetection.maxEjectionPercent"),
        ("outlierDetection: {interval: 0s}", "outlierDetection.interval"),
        ("outlierDetection: {outlierDetectionHttpErrorCodes: [99]}",
         "outlierDetection.outlierDetectionHttpErrorCodes[0]"),
        ("loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}", "loadBalancer.consistentHash"),
        ("loadBalancer: {consistentHash: {useSourceIp: true, httpHeaderName: a}}",
         "loadBalancer.consistentHash.useSourceIp"),
        ("loadBalancer: {consistentHash: {httpCookie: {ttl: 0s}}}", "loadBalancer.consistentHash.httpCookie.name"),
        ("loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}",
         "loadBalancer.consistentHash.maglev.tableSize"),
        ("loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 1000}}}",
         "loadBalancer.consistentHash.maglev.tableSize"),
        ("loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 5000011}}}",
         "loadBalancer.consistentHash.maglev.tableSize"),
        ("loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 1, ringHash: {}}}",
         "loadBalancer.consistentHash.minimumRingSize"),
        ("loadBalancer: {warmup: {}}", "loadBalancer.warmup.duration"),
        ("loadBalancer: {warmup: {duration: 1s, aggression: 0.5}}", "loadBalancer.warmup.aggression"),
        ("loadBalancer: {warmup: {duration: 1s}, warmupDurationSecs: 1s}", "loadBalancer.warmup"),
        ("loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 50}}]}}",
         "loadBalancer.localityLbSetting.distribute[0].to"),
        ("loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 0, c: 100}}]}}",
         "loadBalancer.localityLbSetting.distribute[0].to.b"),
        ("loadBalancer: {localityLbSetting: {distribute: [{from: a//b, to: {b: 100}}]}}",
         "loadBalancer.localityLbSetting.distribute[0].from"),
        ("loadBalancer: {localityLbSetting: {distribute: [{from: a/*, to: {b: 100}}, {from: a/b, to: {b: 100}}]}}",
         "loadBalancer.localityLbSetting.distribute[1].from"),
        ("loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 100}}], failover: [{from: a, to: b}]}}",
         "loadBalancer.localityLbSetting.failover"),
        ("loadBalancer: {localityLbSetting: {failover: [{from: a, to: a}]}}",
         "loadBalancer.localityLbSetting.failover[0].to"),
        ("loadBalancer: {localityLbSetting: {failover: [{from: a/b, to: c}]}}",
         "loadBalancer.localityLbSetting.failover[0].from"),
        (TOPOLOGICAL,
         "loadBalancer.localityLbSetting.failoverPriority[0]"),
        ("tunnel: {targetHost: a.example, targetPort: 1}, proxyProtocol: {version: V1}", "proxyProtocol"),
        ("tunnel: {protocol: GET, targetHost: a.example, targetPort: 1}", "tunnel.protocol"),
        ("tunnel: {targetHost: '*.a', targetPort: 1}", "tunnel.targetHost"),
        ("tunnel: {targetHost: a.example}", "tunnel.targetPort"),
        ("proxyProtocol: {version: V3}", "proxyProtocol.version"),
        ("retryBudget: {percent: 101}", "retryBudget.percent"),
        ("portLevelSettings: [{tls: {mode: SIMPLE}}]", "portLevelSettings[0].port"),
        ("portLevelSettings: [{port: {}, tls: {mode: SIMPLE}}]", "portLevelSettings[0].port.number"),
        ("portLevelSettings: [{port: {number: 1}}]", "portLevelSettings[0]"),
        ("portLevelSettings: [{port: {number: 1}, tls: {}}, {port: {number: 1}, tls: {}}]",
         "portLevelSettings[1].port.number"),
        ("portLevelSettings: [{port: {number: 1}, tls: {mode: MUTUAL}}]",
         "portLevelSettings[0].tls.clientCertificate"),
    ],
)  # fmt: skip
def test_what_istio_refuses_of_a_policy(spec, field):
    assert f"spec.trafficPolicy.{field}" in refused(SHOP, policy(spec), strict=False)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("loadBalancer: {simple: PASSTHROUGH}", "loadBalancer.simple"),
        ("tunnel: {protocol: POST, targetHost: far.example, targetPort: 443}", "tunnel.protocol"),
    ],
)
def test_what_would_change_where_traffic_goes_or_as_whom_is_refused_when_strict(spec, field):
    assert refused(SHOP, policy(spec)) == [f"spec.trafficPolicy.{field}"]
    assert "not yet applied" in warned(SHOP, policy(spec), strict=False)


def test_what_is_inside_of_a_field_that_is_not_applied_is_not_reported_again():
    text = warned(SHOP, policy("loadBalancer: {zoneAwareLbSetting: {enabled: true, minClusterSize: 2}}"))
    assert text.count("not yet applied") == 1


def test_a_tunnel_is_of_tls_and_tcp_alone():
    tunnel = policy("tunnel: {targetHost: FAR.example., targetPort: 444}")
    web, sql = "{number: 80, name: http, protocol: HTTP}", "{number: 5432, name: sql, protocol: TCP}"
    assert port(entry(f"ports: [{sql}]"), tunnel, number=5432).upstream.tunnel == Tunnel("far.example", 444)
    assert "is for TLS and TCP" in warned(entry(f"ports: [{web}]"), tunnel)
    assert port(entry(f"ports: [{web}]"), tunnel, number=80).upstream.tunnel is None


def test_an_unverified_server_is_warned_of_loudly():
    assert "not verified: anyone on the way" in warned(SHOP, policy("tls: {mode: SIMPLE, insecureSkipVerify: true}"))


def test_a_certificate_that_simple_would_not_present_is_said():
    assert "presents no certificate" in warned(SHOP, policy("tls: {mode: SIMPLE, clientCertificate: /a.crt}"))


def test_deprecated_fields_are_said():
    assert "is deprecated" in warned(SHOP, policy("outlierDetection: {consecutiveErrors: 2}"))


def test_failover_without_outlier_detection_is_said():
    spec = "loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}"
    assert "nothing fails over" in warned(SHOP, policy(spec))
