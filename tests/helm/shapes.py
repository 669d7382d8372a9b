"""Kinds that no schema of Kubernetes' own knows: those of cert-manager and the Prometheus operator, as far as the chart
makes them.

Owns what each must and may hold, taken from the operators' references. Every field that the chart writes is here, so
that one that is misspelt is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT, "minItems": 1}
LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
DURATION = {"type": "string", "pattern": r"^([0-9]+(ms|s|m|h))+$"}


def record(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {
        "type": "object",
        "required": sorted(required),
        "properties": properties,
        "additionalProperties": False,
    }


SELECTOR = record({"matchLabels": LABELS})
ENDPOINTS = {
    "type": "array",
    "minItems": 1,
    "items": record({"port": TEXT, "path": {"enum": ["/stats/prometheus", "/metrics"]}, "interval": DURATION}),
}
USAGES = {
    "type": "array",
    "items": {"enum": ["digital signature", "server auth", "client auth", "cert sign", "crl sign"]},
}
PRIVATE_KEY = record(
    {
        "algorithm": {"enum": ["RSA", "ECDSA", "Ed25519"]},
        "size": {"enum": [256, 384, 521]},
        "rotationPolicy": {"enum": ["Never", "Always"]},
    }
)
ISSUER = record({"name": TEXT, "kind": {"enum": ["Issuer", "ClusterIssuer"]}, "group": {"const": "cert-manager.io"}})
RULE = record(
    {"alert": TEXT, "expr": TEXT, "labels": LABELS, "annotations": LABELS},
    {"for": DURATION},
)
GROUP = record({"name": TEXT, "rules": {"type": "array", "items": RULE}}, {"interval": DURATION})
SHAPES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "Certificate": (
        "cert-manager.io/v1",
        record(
            {"secretName": TEXT, "issuerRef": ISSUER, "usages": USAGES, "privateKey": PRIVATE_KEY},
            {
                "commonName": {"type": "string", "minLength": 1, "maxLength": 64},
                "dnsNames": TEXTS,
                "uris": TEXTS,
                "isCA": {"type": "boolean"},
                "duration": DURATION,
                "renewBefore": DURATION,
            },
        ),
    ),
    "Issuer": ("cert-manager.io/v1", record({"selfSigned": record({})})),
    "ServiceMonitor": (
        "monitoring.coreos.com/v1",
        record(
            {"selector": SELECTOR, "namespaceSelector": record({"matchNames": TEXTS}), "endpoints": ENDPOINTS},
            {"jobLabel": TEXT},
        ),
    ),
    "PodMonitor": (
        "monitoring.coreos.com/v1",
        record(
            {"selector": SELECTOR, "namespaceSelector": record({"matchNames": TEXTS}), "podMetricsEndpoints": ENDPOINTS}
        ),
    ),
    "PrometheusRule": (
        "monitoring.coreos.com/v1",
        record({"groups": {"type": "array", "minItems": 1, "items": GROUP}}),
    ),
}
"""By kind: the API, and what its `spec` is."""


def misshapen(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one of these; a certificate needs a name of some kind, too."""
    api, shape = SHAPES[manifest["kind"]]
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    if manifest["apiVersion"] != api:
        yield f"{name}: {manifest['apiVersion']} is not {api}"
    for error in jsonschema.Draft7Validator(shape).iter_errors(manifest["spec"]):
        yield f"{name}: {error.json_path}: {error.message}"
    if manifest["kind"] == "Certificate" and not {"commonName", "dnsNames", "uris"} & set(manifest["spec"]):
        yield f"{name}: names nobody"
