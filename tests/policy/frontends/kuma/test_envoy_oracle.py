"""What policies come to, beside the configurations of Envoy that Kuma's own tests expect of such policies.

Kuma has these without the documents that they are made of: each test writes a policy that means the same. They lie
beside the project, in the directory that MESH_CORPUS names; without it these tests are skipped.
"""

import base64
import itertools
import os
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from outgate.policy.decide import decide
from outgate.policy.model import Mode, Protocol, Resolution
from outgate.policy.resilience_model import FailurePercentage, HealthCheck, Limits, Outliers, Probe, SuccessRate
from outgate.policy.route_model import Bucket
from outgate.policy.telemetry_model import SinkKind
from policy.building import http, tcp, tls
from policy.frontends.kuma.kuma_building import CLOSED, load, policy, port

CORPUS = Path(os.environ.get("MESH_CORPUS") or "/nonexistent")
ENVOY = CORPUS / "oracle" / "kuma" / "envoy"
pytestmark = pytest.mark.skipif(not ENVOY.is_dir(), reason="MESH_CORPUS names no directory of mesh documents")


def golden(name: str) -> Any:
    return yaml.safe_load((ENVOY / f"{name}.golden.yaml").read_text())


def resources(name: str) -> dict[str, Any]:
    return {each["name"]: each["resource"] for each in golden(name)["resources"]}


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def service(name: str = "example", number: int = 9000, protocol: str = "http", mesh: str = "default") -> str:
    match = f"{{match: {{port: {number}, protocol: {protocol}}}, endpoints: [{{address: 192.0.2.1, port: {number}}}]}}"
    return f"type: MeshExternalService\nname: {name}\nmesh: {mesh}\nspec: {match}\n"


def to(kind: str, conf: str, name: str = "example") -> str:
    return policy(kind, f"to: [{{targetRef: {{kind: MeshExternalService, name: {name}}}, default: {conf}}}]")


# Circuit breakers.

LIMITS = (
    "connectionLimits: {maxConnectionPools: 1111, maxConnections: 2222, maxPendingRequests: 3333, maxRequests: 4444,"
    " maxRetries: 5555}"
)
OUTLIERS = (
    "outlierDetection: {interval: 10s, baseEjectionTime: 8s, maxEjectionPercent: 88, healthyPanicThreshold: '30.2',"
    " splitExternalAndLocalErrors: true, detectors: {totalFailures: {consecutive: 12},"
    " gatewayFailures: {consecutive: 91}, localOriginFailures: {consecutive: 3},"
    " successRate: {minimumHosts: 33, requestVolume: 99, standardDeviationFactor: '1.9'},"
    " failurePercentage: {minimumHosts: 32, requestVolume: 182, threshold: 80}}}"
)


def thresholds(cluster: dict) -> Limits:
    (found,) = cluster["circuitBreakers"]["thresholds"]
    return Limits(
        connections=found.get("maxConnections"),
        pending=found.get("maxPendingRequests"),
        requests=found.get("maxRequests"),
        retries=found.get("maxRetries"),
    )


def outliers(cluster: dict) -> Outliers | None:
    """Envoy has the deviation in thousandths; every detector is enforced."""
    if (found := cluster.get("outlierDetection")) is None:
        return None
    assert {value for name, value in found.items() if name.startswith("enforcing")} == {100}
    return Outliers(
        consecutive_5xx=found["consecutive5xx"],
        consecutive_gateway=found["consecutiveGatewayFailure"],
        consecutive_local=found["consecutiveLocalOriginFailure"],
        split_local=found["splitExternalLocalOriginErrors"],
        success_rate=SuccessRate(
            found["successRateMinimumHosts"], found["successRateRequestVolume"], found["successRateStdevFactor"] / 1000
        ),
        failure_percentage=FailurePercentage(
            found["failurePercentageMinimumHosts"],
            found["failurePercentageRequestVolume"],
            found["failurePercentageThreshold"],
        ),
        interval=seconds(found["interval"]),
        base_ejection=seconds(found["baseEjectionTime"]),
        maximum_percent=found["maxEjectionPercent"],
        always_one=True,
    )


def breakers() -> list[tuple[str, dict]]:
    legacy = resources("meshcircuitbreaker/basic-meshexternalservice.egress_cluster")
    return [
        (OUTLIERS, golden("meshcircuitbreaker/basic-meshexternalservice-outlier.zone_proxy_cluster")),
        (LIMITS, golden("meshcircuitbreaker/basic-meshexternalservice.zone_proxy_cluster")),
        (f"{LIMITS}, {OUTLIERS}", legacy["external-default"]),
        (LIMITS, legacy["external-mesh2"]),
    ]


def test_circuit_breakers_have_the_same_limits_and_detectors():
    for conf, cluster in breakers():
        held = port(service(), to("MeshCircuitBreaker", f"{{{conf}}}")).upstream.resilience
        assert (held.limits, held.outliers) == (thresholds(cluster), outliers(cluster))
        if "commonLbConfig" in cluster:
            assert held.panic_percent == cluster["commonLbConfig"]["healthyPanicThreshold"]["value"]


# Health checks.

BYTES = [base64.b64encode(base64.b64encode(text)).decode() for text in (b"ping\n", b"pong\n")]
SPOKEN = f"tcp: {{send: {BYTES[0]}, receive: [{BYTES[1]}]}}"


def checked(cluster: dict) -> tuple[HealthCheck, ...]:
    (found,) = cluster["healthChecks"]
    probe = found["tcpHealthCheck"]
    return (
        HealthCheck(
            Probe.TCP,
            interval=seconds(found["interval"]),
            timeout=seconds(found["timeout"]),
            healthy_threshold=found["healthyThreshold"],
            unhealthy_threshold=found["unhealthyThreshold"],
            send=bytes.fromhex(probe.get("send", {}).get("text", "")),
            receive=tuple(bytes.fromhex(each["text"]) for each in probe.get("receive", [])),
        ),
    )


def test_health_checks_ask_as_often_and_the_same():
    legacy = resources("meshhealthcheck/basic_egress_meshexternalservice_cluster")
    cases = {
        "{interval: 10s, timeout: 2s, unhealthyThreshold: 3, healthyThreshold: 1, tcp: {}}": golden(
            "meshhealthcheck/basic-meshexternalservice-tcp.zone_proxy_cluster"
        ),
        f"{{interval: 11s, timeout: 99s, unhealthyThreshold: 7, healthyThreshold: 77, {SPOKEN}}}": legacy[
            "external-default"
        ],
        f"{{interval: 55s, timeout: 5s, unhealthyThreshold: 122, healthyThreshold: 311, {SPOKEN}}}": legacy[
            "external-mesh2"
        ],
    }
    for conf, cluster in cases.items():
        made = port(service(protocol="tcp"), to("MeshHealthCheck", conf))
        assert made.upstream.resilience.health == checked(cluster)


# Rate limits and time limits.


def chains(listener: dict) -> dict[str, list[dict]]:
    """The filters of each chain, by the server name that selects it."""
    return {
        name: chain.get("filters", [])
        for chain in listener["filterChains"]
        for name in chain["filterChainMatch"]["serverNames"]
    }


def found_in(value: Any, name: str) -> list[Any]:
    """Everything of one name, at any depth."""
    if isinstance(value, list):
        return [found for each in value for found in found_in(each, name)]
    if not isinstance(value, dict):
        return []
    return [*([value[name]] if name in value else []), *(f for each in value.values() for f in found_in(each, name))]


def buckets(filters: list[dict]) -> list[Bucket]:
    return [
        Bucket(each["maxTokens"], each["tokensPerFill"], seconds(each["fillInterval"]))
        for each in found_in(filters, "tokenBucket")
    ]


HTTP = "{http: {requestRate: {num: 100, interval: 10s}}}"
LIMITED = {
    "external-service-1{mesh=mesh-1}": ("http", HTTP),
    "external-service-2{mesh=mesh-1}": ("tcp", HTTP),
    "external-service-1{mesh=mesh-2}": ("tcp", "{tcp: {connectionRate: {num: 22, interval: 22s}}}"),
    "external-service-2{mesh=mesh-2}": ("http", HTTP),
}


def test_rate_limits_have_the_same_buckets_for_what_each_destination_speaks():
    listener = resources("meshratelimit/basic_egress")["test_listener"]
    wanted = {name: buckets(filters) for name, filters in chains(listener).items() if name in LIMITED}
    found = {}
    for key, (protocol, conf) in LIMITED.items():
        name, mesh = key.removesuffix("}").split("{mesh=")
        top = f"targetRef: {{kind: MeshExternalService, name: {name}, proxyType: [egress]}}"
        items = f"{top}\nfrom: [{{targetRef: {{kind: Mesh}}, default: {{local: {conf}}}}}]"
        made = port(
            service(name, 80, protocol, mesh),
            policy("MeshRateLimit", items, mesh=mesh),
            mesh=CLOSED.replace("name: default", f"name: {mesh}"),
            kuma_dialect="kuma-madr062",
        )
        found[key] = [limit.bucket for limit in made.routes[-1].limits]
        assert {limit.connections for limit in made.routes[-1].limits} <= {protocol == "tcp"}
    assert found == wanted


def test_a_rate_limit_by_server_name_has_the_same_bucket():
    listener = golden("meshratelimit/zoneegress_matches_sni.listener")
    ((sni, filters),) = chains(listener).items()
    name, number = sni.split(".")[-2:]
    conf = "{local: {http: {requestRate: {num: 50, interval: 5s}}}}"
    match = f"{{sni: {{type: Exact, value: {sni}}}}}"
    rules = f"targetRef: {{kind: Dataplane}}\nrules: [{{matches: [{match}], default: {conf}}}]"
    (limit,) = port(service(name, int(number)), policy("MeshRateLimit", rules)).routes[-1].limits
    assert [limit.bucket] == buckets(filters)
    assert {limit.enforced_percent} == {
        each["defaultValue"]["numerator"] for each in found_in(filters, "filterEnforced")
    }


def test_time_limits_are_the_same():
    cluster = resources("meshtimeout/zone_egress_sni.cluster")["mes-http"]
    listener = resources("meshtimeout/zone_egress_sni.listener")["self_zoneegress_dp_ze-port"]
    (options,) = found_in(cluster, "commonHttpProtocolOptions")
    ((sni, filters),) = [each for each in chains(listener).items() if found_in(each[1], "route")]
    (route,) = found_in(filters, "route")
    name, number = sni.split(".")[-2:]
    conf = (
        "{connectionTimeout: 7s, idleTimeout: 13s, http: {requestTimeout: 2s, streamIdleTimeout: 4s,"
        " maxStreamDuration: 30s, maxConnectionDuration: 40s, requestHeadersTimeout: 5s}}"
    )
    made = port(service(name, int(number)), to("MeshTimeout", conf, name))
    assert made.upstream.connect_timeout == seconds(cluster["connectTimeout"])
    assert made.upstream.resilience.idle_timeout == seconds(options["idleTimeout"])
    assert made.upstream.resilience.maximum_duration == seconds(options["maxConnectionDuration"])
    assert made.routes[-1].maximum_duration == seconds(options["maxStreamDuration"])
    assert made.routes[-1].timeout == seconds(route["timeout"])
    assert made.routes[-1].idle_timeout == seconds(route["idleTimeout"])


# Access logs.


def test_the_usual_line_is_kumas_without_the_ids_of_other_tracers():
    listener = golden("meshaccesslog/basic_outbound_real_meshexternalservice.listener")
    (text,), (path,) = found_in(listener, "inlineString"), [each for each in found_in(listener, "path") if "/" in each]
    name = "other-meshexternalservice-http"
    text = text.strip().replace('"%REQ(X-B3-TRACEID?X-DATADOG-TRACEID)%" ', "")
    caller = '"%DYNAMIC_METADATA(outgate:service_account)%"', '"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"'
    text = text.replace('"backend"', caller[0]).replace('"127.0.0.1"', caller[1])
    made = load(service(name), to("MeshAccessLog", f"{{backends: [{{type: File, file: {{path: {path}}}}}]}}", name))
    (sink,) = made.telemetry.sinks
    assert (sink.kind, sink.target, sink.text) == (SinkKind.FILE, path, text)


# What passes although nothing registers it.


def passing(conf: str):
    return load(f"type: MeshPassthrough\nname: p\nmesh: default\nspec: {{default: {conf}}}\n")


def test_nothing_passes_where_a_policy_says_so():
    assert golden("meshpassthrough/disabled_on_policy.clusters") == {}
    made = passing("{passthroughMode: None}")
    assert (made.destinations, made.defaults.mode) == ((), Mode.REGISTRY_ONLY)


def test_an_address_passes_on_its_port_alone():
    (cluster,) = resources("meshpassthrough/only-ipv4-rules.clusters").values()
    listeners = resources("meshpassthrough/only-ipv4-rules.listener")
    (chain,) = [each for each in found_in(listeners, "filterChainMatch") if each]
    (prefix,) = chain["prefixRanges"]
    match = "{type: IP, value: 192.168.0.0, port: 80, protocol: tcp}"
    (made,) = passing(f"{{passthroughMode: Matched, appendMatch: [{match}]}}").destinations
    (known,) = made.ports
    assert made.networks == (ip_network(f"{prefix['addressPrefix']}/{prefix['prefixLen']}"),)
    assert (known.number, known.protocol) == (chain["destinationPort"], Protocol.TCP)
    assert (cluster["type"], known.upstream.resolution) == ("ORIGINAL_DST", Resolution.NONE)
    assert known.upstream.connect_timeout == seconds(cluster["connectTimeout"])


def written(matches: list[dict]) -> str:
    """The entries that matches are made of. What is said of no port Kuma repeats for each that another names."""
    told = {(value, each["Port"], each["Protocol"]) for each in matches for value in _values(each)}
    entries = []
    for value, number, protocol in sorted(told):
        whole = (value, 0, protocol) in told and not ("*" in value and protocol == "http")
        if bool(number) == whole:
            continue
        at = {"port": number} if number else {}
        entries.append({"type": _type(value), "value": value, "protocol": protocol, **at})
    return yaml.safe_dump({"passthroughMode": "Matched", "appendMatch": entries}, default_flow_style=True)


def _values(match: dict) -> list[str]:
    return [each["Value"] for each in match["Routes"]] if match["Routes"] else [match["Value"]]


def _type(value: str) -> str:
    return "CIDR" if "/" in value else "IP" if ":" in value or value[-1].isdigit() else "Domain"


def first(matches: list[dict], address: str, number: int) -> str | None:
    """The value of the first match of raw connections that means an address."""
    told = [each for each in matches if each["Protocol"] == "tcp"]
    ports = {each["Port"] for each in matches}
    for each in told:
        network = ip_network(each["Value"], strict=False)
        if each["Port"] == (number if number in ports else 0) and ip_address(address) in network:
            return each["Value"]
    return None


def test_of_several_matches_the_same_one_is_the_first():
    matches = golden("meshpassthrough/ordered")
    made = passing(written(matches))
    compared = 0
    for each in matches:
        if each["Protocol"] != "tcp":
            continue
        address = each["Value"].partition("/")[0]
        for number in (each["Port"] or 7777, 9091, 8080, 6666):
            found = decide(made, tcp(address, number)).destination
            assert (found.name if found else None) == first(matches, address, number), (address, number)
            compared += 1
    assert compared


def first_named(matches: list[dict], protocol: str, host: str, number: int) -> str | None:
    """The value of the first match that means a name."""
    told = [each for each in matches if each["Protocol"] == protocol]
    listed = {each["Port"] for each in matches}
    told = [each for each in told if each["Port"] == (number if number in listed else 0)]
    for value in (value for each in told for value in _values(each)):
        if value == host or (value.startswith("*.") and host.endswith(value[1:])):
            return value
    return None


@pytest.mark.parametrize(("protocol", "attempt"), [("tls", tls), ("http", http)])
def test_the_same_names_pass_on_the_same_ports(protocol, attempt):
    """Kuma's validation refuses requests to a wildcard on every port, which its golden file has."""
    matches = [each for each in golden("meshpassthrough/ordered") if each["Port"] or each["Protocol"] == "tls"]
    made = passing(written(matches))
    hosts = {value for each in matches for value in _values(each) if _type(value) == "Domain"}
    found, wanted = {}, {}
    for host, number in itertools.product({host.replace("*", "any") for host in hosts}, (443, 8080, 9091, 7777)):
        decision = decide(made, attempt(host, number, **({"encrypted": False} if protocol == "http" else {})))
        found[host, number] = decision.allowed
        wanted[host, number] = first_named(matches, protocol, host, number) is not None
    assert found == wanted
