"""AuthorizationPolicy: the checks that need two fields at once.

Owns what Istio's own validation refuses, and that CUSTOM is refused whole. Says nothing of what a policy comes to.
"""

from __future__ import annotations

from outgate.policy.access_model import Attribute
from outgate.policy.frontends.istio.authorization_fields import SOURCES, Look, look, negation
from outgate.policy.frontends.istio.common import one_of
from outgate.policy.frontends.istio.resource import DRY_RUN, Resource
from outgate.policy.schema import Reading, Record
from outgate.problems import Severity

TARGETS = {
    "Gateway": "gateway.networking.k8s.io",
    "GatewayClass": "gateway.networking.k8s.io",
    "ServiceEntry": "networking.istio.io",
    "Service": "",
}
"""Kinds that may be targets, and their groups."""
UNVERIFIED = frozenset(
    {
        Attribute.PRINCIPAL,
        Attribute.NAMESPACE,
        Attribute.SERVICE_ACCOUNT,
        Attribute.TRUST_DOMAIN,
        Attribute.REQUEST_PRINCIPAL,
        Attribute.REQUEST_CLAIM,
    }
)
"""What Istio does not know yet when it asks an external authorizer."""


def check(resource: Resource) -> None:
    spec, reading = resource.spec, resource.reading
    action = spec.get("action", "ALLOW")
    _check_action(action, spec, reading)
    _check_dry_run(action, resource)
    check_selection(spec, reading)
    for rule in spec.get("rules", []):
        for entry in rule.get("from", []):
            _check_source(entry.get("source"), action, reading)
        for entry in rule.get("to", []):
            _check_filled(entry.get("operation"), reading)
        for when in rule.get("when", []):
            _check_custom(when, "key", look(when.get("key", "")), action, reading)


def _check_action(action: str, spec: Record, reading: Reading) -> None:
    if action in ("DENY", "CUSTOM") and not spec.get("rules") and not _faulty(spec.under("rules"), reading):
        reading.error(
            spec.at("action"),
            spec.under("rules"),
            f"{action} without rules never applies",
            "add rules; an empty rule, {}, matches everything",
        )
    if action == "CUSTOM":
        reading.error(
            spec.at("action"),
            spec.under("action"),
            "CUSTOM is not supported: the gate asks no authorizer",
            "use ALLOW, DENY or AUDIT, or leave the policy to the mesh",
        )
        provider: Record | None = spec.get("provider")
        if provider is None or not provider.get("name"):
            reading.error(spec.at("provider"), spec.under("provider.name"), "CUSTOM needs the name of a provider")
    elif "provider" in spec:
        reading.error(spec.at("provider"), spec.under("provider"), f"{action} has no provider", "remove it")


def _check_dry_run(action: str, resource: Resource) -> None:
    value = dry_run(resource)
    node = resource.document.root.child("metadata", "annotations", DRY_RUN)
    if value is None or node is None:
        return
    path = f"metadata.annotations.{DRY_RUN}"
    if value not in ("true", "false"):
        resource.reading.error(node.where, path, f'"{value}" is not known', 'use "true" or "false"')
    elif value == "true" and action not in ("ALLOW", "DENY"):
        resource.reading.error(node.where, path, f"{action} cannot be tried in dry-run", "only ALLOW and DENY can")


def check_selection(spec: Record, reading: Reading) -> None:
    """That a policy, of whichever kind, selects in one way, and what may be selected."""
    one_of(spec, ("selector", "targetRef", "targetRefs"), reading)
    if "selector" in spec and not labels(spec):
        reading.warn(spec.at("selector"), spec.under("selector"), "no labels, so every workload is selected")
    for reference in references(spec):
        _check_reference(reference, reading)


def _check_reference(reference: Record, reading: Reading) -> None:
    kind, group = reference.get("kind", ""), reference.get("group", "")
    if TARGETS.get(kind) != (group if group != "core" else ""):
        known = ", ".join(f"{of}/{name}" if of else name for name, of in TARGETS.items())
        field = "group" if kind in TARGETS else "kind"
        reading.error(
            reference.at(field), reference.under(field), f'"{group}/{kind}" cannot be a target', f"targets are {known}"
        )
    if not reference.get("name"):
        reading.error(reference.where, reference.under("name"), "a target needs a name")
    if reference.get("namespace"):
        reading.error(
            reference.at("namespace"),
            reference.under("namespace"),
            "a target lies in the policy's own namespace",
            "remove it",
        )


def _check_source(source: Record | None, action: str, reading: Reading) -> None:
    _check_filled(source, reading)
    if source is None:
        return
    accounts = [name for name in ("serviceAccounts", "notServiceAccounts") if source.get(name)]
    if accounts and any(source.get(name) for name in ("principals", "notPrincipals", "namespaces", "notNamespaces")):
        reading.error(
            source.at(accounts[0]),
            source.under(accounts[0]),
            "cannot stand beside principals or namespaces",
            "an account names its namespace; use two sources",
        )
    for name, looked in SOURCES.items():
        for field in (name, negation(name)):
            if source.get(field):
                _check_custom(source, field, looked, action, reading)


def _check_filled(record: Record | None, reading: Reading) -> None:
    """An empty mapping, and an empty list, say nothing and would match everything."""
    if record is None:
        return
    for name, value in record.values.items():
        if not value:
            reading.warn(record.at(name), record.under(name), "an empty list restricts nothing", "fill it in")
    if not any(record.values.values()) and not _faulty(record.path, reading):
        reading.error(record.where, record.path, "must not be empty", "name what it is about, or remove it")


def _faulty(path: str, reading: Reading) -> bool:
    """Whether something under a path could not be read, so that what is missing there says nothing."""
    return any(problem.severity is Severity.ERROR and problem.field.startswith(path) for problem in reading.problems)


def _check_custom(record: Record, field: str, looked: Look | None, action: str, reading: Reading) -> None:
    if action == "CUSTOM" and looked is not None and looked.attribute in UNVERIFIED:
        reading.error(record.at(field), record.under(field), f"{looked.attribute} cannot be used with CUSTOM")


def dry_run(resource: Resource) -> str | None:
    """The annotation that makes a policy a shadow, as it is written."""
    metadata: Record | None = resource.root.get("metadata")
    return metadata.get("annotations", {}).get(DRY_RUN) if metadata is not None else None


def labels(spec: Record) -> dict[str, str]:
    """That the selector asks for; none: every workload."""
    selector: Record | None = spec.get("selector")
    found: dict[str, str] = selector.get("matchLabels", {}) if selector is not None else {}
    return found


def references(spec: Record) -> list[Record]:
    """All targets, however they are written."""
    return [*spec.get("targetRefs", []), *([spec.get("targetRef")] if "targetRef" in spec else [])]
