"""Changing any field that is applied changes what the documents come to, and every applied field has its row."""

import copy
import re

import pytest
import yaml

from outgate.policy.model import Fate
from policy.frontends.istio import inventory
from policy.frontends.istio.applied_bases import BASES, GATES
from policy.frontends.istio.applied_traffic import (
    filter_rows,
    http_rows,
    layer_4_rows,
    mesh_rows,
    policy_rows,
    whole_rows,
)
from policy.frontends.istio.istio_building import errors, model, translate

NOT_VALUES = {"apiVersion", "kind"}
"""They say which shape is read; a change of them makes another document."""
UNSEEN = {("VirtualService", "metadata.name")}
"""It tells documents apart when they are overlaid; nothing of the model names a VirtualService."""
REMOVED = object()
REFERENCE = {"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "outgate"}
GATE_REF = {"": REFERENCE, "s": [REFERENCE]}

POLICY = "spec.trafficPolicy"
PORT = f"{POLICY}.portLevelSettings.0"
SUBSET, OF_SUBSET = "spec.subsets[].trafficPolicy", "spec.subsets.0.trafficPolicy"
TWO = [
    {"destination": {"host": "api.shop.example", "port": {"number": number}}, "weight": weight}
    for number, weight in ((80, 1), (81, 0))
]
MORE_HOSTS = {"spec.hosts": ["api.shop.example", "www.shop.example"]}
NO_TLS = {"spec.tls": REMOVED}
EGRESS = "egress.infra.svc.cluster.local"


def unverified(at: str) -> dict[str, object]:
    return {f"{at}.tls.{name}": REMOVED for name in ("caCertificates", "caCrl", "subjectAltNames")}


def secret(at: str) -> dict[str, object]:
    files = ("clientCertificate", "privateKey", "caCertificates", "caCrl")
    return {f"{at}.tls.{name}": REMOVED for name in files} | {f"{at}.tls.credentialName": "shop"}


def tls_rows(shown: str, at: str) -> dict[str, tuple[dict[str, object], dict[str, object]]]:
    """A row for each field of a TLS block."""
    plain = {
        "mode": "SIMPLE",
        "clientCertificate": "/c.crt",
        "privateKey": "/c.key",
        "caCertificates": "/c-ca.crt",
        "caCrl": "/c.crl",
        "sni": "c.shop.example",
    }
    rows = {f"{shown}.tls.{name}": ({}, {f"{at}.tls.{name}": value}) for name, value in plain.items()}
    rows[f"{shown}.tls.subjectAltNames[]"] = ({}, {f"{at}.tls.subjectAltNames.0": "c.shop.example"})
    rows[f"{shown}.tls.credentialName"] = (secret(at), {f"{at}.tls.credentialName": "other"})
    rows[f"{shown}.tls.insecureSkipVerify"] = (unverified(at), {f"{at}.tls.insecureSkipVerify": True})
    rows[f"{shown}.connectionPool.tcp.connectTimeout"] = ({}, {f"{at}.connectionPool.tcp.connectTimeout": "5s"})
    return rows


def tag_rows(shown: str, at: str) -> dict[str, tuple[dict[str, object], dict[str, object]]]:
    """A row for each way to say what a tag of spans is."""
    changes = {
        "literal.value": ("a", "x"),
        "environment.name": ("c", "X"),
        "environment.defaultValue": ("c", "x"),
        "header.name": ("f", "x"),
        "header.defaultValue": ("f", "x"),
        "formatter.value": ("i", "%METHOD%"),
    }
    return {f"{shown}.*.{field}": ({}, {f"{at}.{tag}.{field}": value}) for field, (tag, value) in changes.items()}


def provider_rows() -> dict[str, tuple[dict[str, object], dict[str, object]]]:
    """A row for each field of an extension provider. `number`: of the one that is changed."""
    at = "spec.meshConfig.extensionProviders"
    changes: list[tuple[int, str, object]] = [
        (4, "name", "other"),
        (0, "envoyFileAccessLog.path", "/logs/c"),
        (0, "envoyFileAccessLog.logFormat.text", "%METHOD%"),
        (0, "envoyFileAccessLog.omitEmptyValues", True),
        (1, "envoyFileAccessLog.logFormat.labels", {"a": "b"}),
        (2, "envoyOtelAls.service", "other.example"),
        (2, "envoyOtelAls.port", 1),
        (2, "envoyOtelAls.logFormat.text", "%METHOD%"),
        (2, "envoyOtelAls.logFormat.labels", {"a": "b"}),
        (3, "opentelemetry.service", "other.example"),
        (3, "opentelemetry.port", 1),
        (3, "opentelemetry.grpc.timeout", "3s"),
        (3, "opentelemetry.grpc.initialMetadata.0.name", "x"),
        (3, "opentelemetry.grpc.initialMetadata.0.value", "x"),
        (3, "opentelemetry.grpc.initialMetadata.1.envName", "X"),
        (4, "opentelemetry.http.path", "/b"),
        (4, "opentelemetry.http.timeout", "3s"),
        (4, "opentelemetry.http.headers.0.name", "x"),
        (4, "opentelemetry.http.headers.0.value", "x"),
        (4, "opentelemetry.http.headers.1.envName", "X"),
    ]
    return {
        f"{at}[].{re.sub('[.][0-9]+', '[]', field)}": ({}, {f"{at}.{number}.{field}": value})
        for number, field, value in changes
    }


TRACING = "spec.meshConfig.defaultConfig.tracing"
OVERRIDE = "spec.metrics[].overrides[]"
ROWS = {
    "ServiceEntry": {
        "metadata.name": ({}, {"metadata.name": "other"}),
        "metadata.namespace": ({}, {"metadata.namespace": "web"}),
        "spec.hosts[]": ({}, {"spec.hosts.0": "www.shop.example"}),
        "spec.addresses[]": ({}, {"spec.addresses.0": "192.0.2.2"}),
        "spec.ports[].number": ({}, {"spec.ports.0.number": 444}),
        "spec.ports[].name": (
            {"spec.endpoints.0.ports": {"sub": 9443}, "spec.ports.1": {"number": 1, "name": "sub", "protocol": "HTTP"}},
            {"spec.ports.0.name": "sub", "spec.ports.1.name": "web"},
        ),
        "spec.ports[].protocol": ({}, {"spec.ports.0.protocol": "TLS"}),
        "spec.ports[].targetPort": ({}, {"spec.ports.0.targetPort": 8444}),
        "spec.location": ({}, {"spec.location": "MESH_INTERNAL"}),
        "spec.resolution": ({}, {"spec.resolution": "DNS"}),
        "spec.endpoints[].address": ({}, {"spec.endpoints.0.address": "192.0.2.9"}),
        "spec.endpoints[].ports.*": ({}, {"spec.endpoints.0.ports.web": 9444}),
        "spec.endpoints[].weight": ({}, {"spec.endpoints.0.weight": 4}),
        "spec.endpoints[].labels": ({}, {"spec.endpoints.0.labels.zone": "b"}),
        "spec.endpoints[].locality": ({}, {"spec.endpoints.0.locality": "us"}),
        "spec.exportTo[]": ({}, {"spec.exportTo.0": "web"}),
        "spec.subjectAltNames[]": ({}, {"spec.subjectAltNames.0": "www.shop.example"}),
    },
    "DestinationRule": {
        "metadata.name": ({}, {"metadata.name": "other"}),
        "metadata.namespace": ({}, {"metadata.namespace": "elsewhere"}),
        "spec.host": ({}, {"spec.host": "www.shop.example"}),
        "spec.workloadSelector.matchLabels": (
            {"spec.exportTo": ["."], "spec.workloadSelector": {"matchLabels": {"app": "gate"}}},
            {"spec.workloadSelector.matchLabels.app": "web"},
        ),
        "spec.exportTo[]": ({}, {"spec.exportTo.0": "web"}),
        "spec.trafficPolicy.portLevelSettings[].port.number": ({}, {f"{PORT}.port.number": 444}),
        **tls_rows(POLICY, POLICY),
        **tls_rows(f"{POLICY}.portLevelSettings[]", PORT),
        **policy_rows(POLICY, POLICY),
        **policy_rows(f"{POLICY}.portLevelSettings[]", PORT),
        **whole_rows(POLICY, POLICY),
        "spec.subsets[].name": ({}, {"spec.subsets.0.name": "other"}),
        "spec.subsets[].labels": ({}, {"spec.subsets.0.labels.zone": "b"}),
        f"{SUBSET}.portLevelSettings[].port.number": ({}, {f"{OF_SUBSET}.portLevelSettings.0.port.number": 444}),
        **tls_rows(SUBSET, OF_SUBSET),
        **tls_rows(f"{SUBSET}.portLevelSettings[]", f"{OF_SUBSET}.portLevelSettings.0"),
        **policy_rows(SUBSET, OF_SUBSET),
        **policy_rows(f"{SUBSET}.portLevelSettings[]", f"{OF_SUBSET}.portLevelSettings.0"),
        **whole_rows(SUBSET, OF_SUBSET),
    },
    "VirtualService": {
        "metadata.namespace": ({}, {"metadata.namespace": "elsewhere"}),
        "spec.hosts[]": (NO_TLS, {"spec.hosts.0": "www.shop.example"}),
        "spec.gateways[]": ({}, {"spec.gateways": ["out"]}),
        "spec.exportTo[]": ({}, {"spec.exportTo.0": "web"}),
        "spec.http[].match[].port": ({}, {"spec.http.0.match.0.port": 82}),
        "spec.http[].match[].gateways[]": ({}, {"spec.http.0.match.0.gateways.0": "out"}),
        "spec.http[].route[].destination.host": ({}, {"spec.http.0.route.0.destination.host": EGRESS}),
        "spec.http[].route[].destination.port.number": ({}, {"spec.http.0.route.0.destination.port.number": 80}),
        "spec.http[].route[].weight": (
            {"spec.http.0.route": TWO},
            {"spec.http.0.route.0.weight": 0, "spec.http.0.route.1.weight": 1},
        ),
        **http_rows(),
        **layer_4_rows("tls"),
        **layer_4_rows("tcp"),
        "spec.tls[].match[].sniHosts[]": (MORE_HOSTS, {"spec.tls.0.match.0.sniHosts.0": "www.shop.example"}),
        "spec.tls[].match[].port": ({}, {"spec.tls.0.match.0.port": 445}),
        "spec.tls[].match[].gateways[]": ({}, {"spec.tls.0.match.0.gateways.0": "out"}),
        "spec.tls[].route[].destination.host": (
            {"spec.tls.0.route.0.destination.port.number": 81},
            {"spec.tls.0.route.0.destination.host": EGRESS},
        ),
        "spec.tls[].route[].destination.port.number": ({}, {"spec.tls.0.route.0.destination.port.number": 443}),
        "spec.tls[].route[].weight": (
            {"spec.tls.0.route": TWO},
            {"spec.tls.0.route.0.weight": 0, "spec.tls.0.route.1.weight": 1},
        ),
        "spec.tcp[].match[].port": ({}, {"spec.tcp.0.match.0.port": 5434}),
        "spec.tcp[].match[].gateways[]": ({}, {"spec.tcp.0.match.0.gateways.0": "out"}),
        "spec.tcp[].route[].destination.host": (
            {"spec.tcp.0.route.0.destination.port.number": 81},
            {"spec.tcp.0.route.0.destination.host": EGRESS},
        ),
        "spec.tcp[].route[].destination.port.number": ({}, {"spec.tcp.0.route.0.destination.port.number": 5432}),
        "spec.tcp[].route[].weight": (
            {"spec.tcp.0.route": TWO},
            {"spec.tcp.0.route.0.weight": 0, "spec.tcp.0.route.1.weight": 1},
        ),
    },
    "Gateway": {
        "metadata.name": ({}, {"metadata.name": "in"}),
        "metadata.namespace": ({}, {"metadata.namespace": "elsewhere"}),
        "spec.selector": ({}, {"spec.selector.app": "web"}),
        "spec.servers[].port.number": ({}, {"spec.servers.0.port.number": 444}),
        "spec.servers[].port.protocol": ({}, {"spec.servers.0.port.protocol": "HTTP"}),
        "spec.servers[].hosts[]": ({}, {"spec.servers.0.hosts.0": "www.shop.example"}),
        "spec.servers[].tls.httpsRedirect": ({}, {"spec.servers.1.tls": {"httpsRedirect": True}}),
        "spec.servers[].tls.mode": ({}, {"spec.servers.0.tls.mode": "ISTIO_MUTUAL"}),
    },
    "Sidecar": {
        "metadata.name": ({}, {"metadata.name": "other"}),
        "metadata.namespace": ({}, {"metadata.namespace": "web"}),
        "spec.workloadSelector.labels": ({}, {"spec.workloadSelector.labels.app": "api"}),
        "spec.egress[].hosts[]": ({}, {"spec.egress.0.hosts.0": "~/api.shop.example"}),
        "spec.outboundTrafficPolicy.mode": ({}, {"spec.outboundTrafficPolicy.mode": "REGISTRY_ONLY"}),
    },
    "IstioOperator": {
        "metadata.name": ({}, {"metadata.name": "other"}),
        "metadata.namespace": ({}, {"metadata.namespace": "web"}),
        **{
            f"spec.meshConfig.{name}": ({}, {f"spec.meshConfig.{name}": value})
            for name, value in {
                "outboundTrafficPolicy.mode": "REGISTRY_ONLY",
                "rootNamespace": "trunk",
                "trustDomain": "other.local",
                "pathNormalization.normalization": "MERGE_SLASHES",
                "connectTimeout": "5s",
                "tlsDefaults.minProtocolVersion": "TLSV1_2",
                "accessLogFile": "/logs/mesh",
                "accessLogFormat": "%PATH%",
            }.items()
        },
        "spec.meshConfig.accessLogEncoding": (
            {"spec.meshConfig.accessLogFormat": '{"a": "%PATH%"}'},
            {"spec.meshConfig.accessLogEncoding": "JSON"},
        ),
        "spec.meshConfig.enableTracing": (
            {"spec.meshConfig.defaultProviders.tracing": REMOVED},
            {"spec.meshConfig.enableTracing": True},
        ),
        "spec.meshConfig.defaultProviders.accessLogging[]": (
            {},
            {"spec.meshConfig.defaultProviders.accessLogging.0": "envoy"},
        ),
        "spec.meshConfig.defaultProviders.tracing[]": ({}, {"spec.meshConfig.defaultProviders.tracing.0": "http"}),
        **provider_rows(),
        f"{TRACING}.sampling": ({}, {f"{TRACING}.sampling": 20}),
        **tag_rows(f"{TRACING}.customTags", f"{TRACING}.customTags"),
        **mesh_rows(),
        "spec.meshConfig.trustDomainAliases[]": ({}, {"spec.meshConfig.trustDomainAliases.0": "older.local"}),
        **{
            f"spec.meshConfig.{name}[]": ({}, {f"spec.meshConfig.{name}.0": "web"})
            for name in ("defaultServiceExportTo", "defaultDestinationRuleExportTo", "defaultVirtualServiceExportTo")
        },
    },
    "EnvoyFilter": {
        "metadata.name": ({}, {"metadata.name": "other"}),
        "metadata.namespace": ({}, {"metadata.namespace": "elsewhere"}),
        "spec.workloadSelector.labels": (
            {"spec.workloadSelector.labels.app": "gate"},
            {"spec.workloadSelector.labels.app": "web"},
        ),
        **filter_rows(),
    },
    "Telemetry": {
        "metadata.name": ({}, {"metadata.name": "other"}),
        "metadata.namespace": ({}, {"metadata.namespace": "web"}),
        "spec.selector.matchLabels": ({}, {"spec.selector.matchLabels.app": "api"}),
        **{
            f"spec.targetRef{plural}.{field}": (
                {"spec.selector": REMOVED, f"spec.targetRef{each}": GATE_REF[each]},
                {f"spec.targetRef{index}.{field}": value},
            )
            for plural, each, index in (("", "", ""), ("s[]", "s", "s.0"))
            for field, value in (("kind", "Service"), ("group", ""), ("name", "other"), ("namespace", "web"))
        },
        "spec.accessLogging[].providers[].name": ({}, {"spec.accessLogging.0.providers.0.name": "two"}),
        "spec.accessLogging[].disabled": ({}, {"spec.accessLogging.0.disabled": True}),
        "spec.accessLogging[].filter.expression": ({}, {"spec.accessLogging.0.filter.expression": "b"}),
        "spec.metrics[].providers[].name": (
            {"spec.metrics.0.providers": [{"name": "prometheus"}]},
            {"spec.metrics.0.providers.0.name": "one"},
        ),
        f"{OVERRIDE}.match.metric": ({}, {"spec.metrics.0.overrides.0.match.metric": "REQUEST_SIZE"}),
        f"{OVERRIDE}.disabled": ({}, {"spec.metrics.0.overrides.0.disabled": True}),
        f"{OVERRIDE}.tagOverrides.*.operation": (
            {},
            {
                "spec.metrics.0.overrides.0.tagOverrides.a.operation": "REMOVE",
                "spec.metrics.0.overrides.0.tagOverrides.a.value": REMOVED,
            },
        ),
        f"{OVERRIDE}.tagOverrides.*.value": ({}, {"spec.metrics.0.overrides.0.tagOverrides.a.value": "'x'"}),
        "spec.tracing[].providers[].name": ({}, {"spec.tracing.0.providers.0.name": "there"}),
        "spec.tracing[].randomSamplingPercentage": ({}, {"spec.tracing.0.randomSamplingPercentage": 20}),
        "spec.tracing[].disableSpanReporting": ({}, {"spec.tracing.0.disableSpanReporting": True}),
        "spec.tracing[].disableContextPropagation": ({}, {"spec.tracing.0.disableContextPropagation": True}),
        **tag_rows("spec.tracing[].customTags", "spec.tracing.0.customTags"),
    },
}


def changed(text: str, *changes: dict[str, object]) -> str:
    """The documents with some values of the first one set or removed."""
    documents = [each for each in yaml.safe_load_all(text) if each is not None]
    for path, value in (item for change in changes for item in change.items()):
        _put(documents[0], path.split("."), value if value is REMOVED else copy.deepcopy(value))
    return yaml.safe_dump_all(documents)


def _put(node, path: list[str], value: object) -> None:
    for key in path[:-1]:
        node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
    last = path[-1]
    if value is REMOVED:
        node.pop(last, None)
    elif isinstance(node, list) and int(last) == len(node):
        node.append(value)
    else:
        node[int(last) if isinstance(node, list) else last] = value


def result(text: str, kind: str) -> object:
    found = translate(text, **GATES.get(kind, {}))
    return [problem.field for problem in errors(found)] or model(found)


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, rows in ROWS.items() for field in rows])
def test_changing_an_applied_field_changes_the_model(kind, field):
    setup, change = ROWS[kind][field]
    before = changed(BASES[kind], setup)
    assert not errors(translate(before, **GATES.get(kind, {})))
    assert result(before, kind) != result(changed(BASES[kind], setup, change), kind)


@pytest.mark.parametrize("kind", BASES)
def test_every_applied_field_has_a_row(kind):
    applied = {entry.path for entry in inventory.entries(kind) if entry.leaf and entry.fate is Fate.APPLIED}
    unseen = {field for owner, field in UNSEEN if owner == kind}
    assert applied - NOT_VALUES - unseen == set(ROWS[kind])


def test_every_kind_with_applied_fields_has_rows():
    """AuthorizationPolicy has tests of its own; MeshConfig is the same in whatever carries it."""
    assert set(inventory.SHAPES) - {"AuthorizationPolicy"} == set(BASES)
