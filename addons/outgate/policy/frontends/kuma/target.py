"""References to what a policy is about: `targetRef`, and the same with a weight as a backend.

Owns the shape, which fields go with which kind, and whether a reference means a destination or this gate. Which kinds
may be named where is `allowed.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from outgate.policy.frontends.kuma.dialect import Dialect, Role
from outgate.policy.frontends.kuma.resource import DISPLAY_NAME, Resource
from outgate.policy.frontends.kuma.shapes import Count
from outgate.policy.model import Gate
from outgate.policy.schema import Field, Fields, Integer, Mapping, Reading, Record, Sequence, Text

SERVICE = "kuma.io/service"
ON_ZONE_EGRESS = "kuma.io/listener-zoneegress"
PLAIN_NAME = re.compile(r"[a-z0-9.\-_]+")
TAG_NAME = re.compile(r"[a-zA-Z0-9.\-_/]+")

FIELDS = {
    "kind": Field(Text(empty=False), required=True),
    "name": Field(Text()),
    "namespace": Field(Text()),
    "labels": Field(Mapping(Text())),
    "tags": Field(Mapping(Text())),
    "mesh": Field(Text()),
    "sectionName": Field(Text()),
    "proxyTypes": Field(Sequence(Text(empty=False))),
    "proxyType": Field(Sequence(Text(empty=False))),
}
TARGET = Fields(FIELDS)
BACKEND = Fields(
    {
        **FIELDS,
        "weight": Field(Count(0, what="must be in inclusive range [0, 4294967295]")),
        "port": Field(Integer(1, 65535)),
    }
)

FORBIDDEN = {
    "Mesh": ("name", "tags", "mesh", "labels", "namespace", "sectionName"),
    "MeshSubset": ("name", "mesh", "labels", "namespace", "sectionName"),
    "MeshServiceSubset": ("mesh", "labels", "namespace", "sectionName", "proxyTypes"),
    "MeshGateway": ("mesh", "labels", "namespace", "sectionName", "proxyTypes"),
    "MeshService": ("mesh", "tags", "proxyTypes"),
    "MeshExternalService": ("mesh", "tags", "proxyTypes", "sectionName"),
    "MeshMultiZoneService": ("mesh", "tags", "proxyTypes"),
    "MeshHTTPRoute": ("mesh", "tags", "proxyTypes", "sectionName"),
    "Dataplane": ("mesh", "tags", "proxyTypes"),
}
NAMED = ("MeshServiceSubset", "MeshGateway")
LABELLED = ("MeshService", "MeshExternalService", "MeshMultiZoneService", "MeshHTTPRoute")
NO_NAMESPACE = ("MeshExternalService", "MeshHTTPRoute")


def check(target: Record, kinds: Iterable[str], wider: str, dialect: Dialect, reading: Reading) -> None:
    """What the fields of a reference ask of each other. `wider` is a dialect that takes a kind that this one does
    not, or empty."""
    kind = target.get("kind", "")
    if kind not in kinds:
        hint = f"dialect {wider} takes it: set kuma_dialect" if wider else f"write one of {', '.join(kinds)}"
        reading.error(target.at("kind"), target.under("kind"), f"value '{kind}' is not supported", hint)
        return
    _check_proxies(target, kind, dialect, reading)
    for name in FORBIDDEN[kind]:
        if name in target:
            reading.error(target.at(name), target.under(name), f"must not be set with kind {kind}", "remove it")
    if kind in NAMED and not target.get("name"):
        reading.error(target.at("name"), target.under("name"), f"must be set when kind is {kind}", "add it")
    if kind in LABELLED or kind == "Dataplane":
        _check_named(target, kind, dialect, reading)
    _check_texts(target, reading)


def _check_proxies(target: Record, kind: str, dialect: Dialect, reading: Reading) -> None:
    if "proxyType" in target and dialect is not Dialect.MADR062:
        hint = f'dialect {dialect} has proxyTypes; dialect {Dialect.MADR062} takes "proxyType": set kuma_dialect'
        reading.error(target.at("proxyType"), target.under("proxyType"), "unknown field", hint)
    for value in target.get("proxyType", []):
        if value.lower() not in tuple(Role):
            where = target.at("proxyType")
            reading.error(where, target.under("proxyType"), f"value '{value}' is not supported", "sidecar or egress")
    if "proxyTypes" not in target or kind not in ("Mesh", "MeshSubset"):
        return
    if dialect is Dialect.V3_0:
        hint = f"dialect {dialect} has none; {Dialect.V2_14} takes them: set kuma_dialect"
        reading.error(target.at("proxyTypes"), target.under("proxyTypes"), "unknown field", hint)
    given = target.get("proxyTypes")
    if not given:
        reading.error(target.at("proxyTypes"), target.under("proxyTypes"), "must not be empty", "remove it")
    for value in given:
        if value not in ("Sidecar", "Gateway"):
            where = target.at("proxyTypes")
            reading.error(where, target.under("proxyTypes"), f"value '{value}' is not supported", "Sidecar or Gateway")


def _check_named(target: Record, kind: str, dialect: Dialect, reading: Reading) -> None:
    named, labelled = target.get("name"), target.get("labels")
    what = "name" if kind in NO_NAMESPACE else "name and namespace"
    if labelled and (named or target.get("namespace")):
        reading.error(target.at("labels"), target.under("labels"), f"either labels or {what} must be specified")
    if kind == "Dataplane":
        return
    if dialect is Dialect.V3_0 and not labelled:
        hint = f'write labels {{"{DISPLAY_NAME}": "{named or "NAME"}"}}; dialect {Dialect.V2_14} takes names'
        reading.error(target.where, target.under("labels"), f"must be set when kind is {kind}", hint)
    elif not named and not labelled:
        reading.error(target.where, target.path, f"name or labels must be set when kind is {kind}")
    if dialect in (Dialect.V2_9, Dialect.MADR062) and labelled and "sectionName" in target:
        hint = f"dialect {Dialect.V2_14} takes both"
        where = target.at("sectionName")
        reading.error(where, target.under("sectionName"), "sectionName should not be combined with labels", hint)


def _check_texts(target: Record, reading: Reading) -> None:
    name = target.get("name")
    if name and not PLAIN_NAME.fullmatch(name):
        what = "invalid characters: must consist of lower case alphanumeric characters, '-', '.' and '_'."
        reading.error(target.at("name"), target.under("name"), what, f'"{name}" has others')
    for tag, value in target.get("tags", {}).items():
        path = f'{target.under("tags")}["{tag}"]'
        if not TAG_NAME.fullmatch(tag):
            what = "tag name must consist of alphanumeric characters, dots, dashes, slashes and underscores"
            reading.error(target.at("tags"), path, what)
        elif not value:
            reading.error(target.at("tags"), path, "tag value must be non-empty")


def meant(target: Record, resource: Resource) -> bool:
    """Whether a reference by name or labels means a document."""
    wanted: dict[str, str] = target.get("labels", {})
    if wanted:
        labels = {**resource.labels, DISPLAY_NAME: resource.display_name}
        return all(labels.get(name) == value for name, value in wanted.items())
    spelt = target.get("namespace")
    return bool(target.get("name") == resource.name and spelt in (None, resource.document.namespace))


def selects(target: Record | None, gate: Gate, roles: frozenset[Role]) -> bool:
    """Whether a policy's own reference selects the gate, as one of the proxies whose part it plays."""
    if target is None:
        return True
    kind, labels = target.get("kind"), dict(gate.labels)
    if kind == "MeshExternalService":
        return Role.EGRESS in roles
    if target.get("proxyTypes") == ["Gateway"] or kind == "MeshGateway":
        return False
    if kind in ("MeshService", "MeshServiceSubset") and target.get("name"):
        if target.get("name") not in (labels.get(SERVICE), gate.name):
            return False
    elif kind == "Dataplane" and target.get("name"):
        return bool(target.get("name") == gate.name and target.get("namespace", gate.namespace) == gate.namespace)
    wanted = {**target.get("tags", {}), **target.get("labels", {})}
    if Role.EGRESS in roles and wanted.get(ON_ZONE_EGRESS) == "enabled":
        wanted.pop(ON_ZONE_EGRESS)
    return all(labels.get(name) == value for name, value in wanted.items())
