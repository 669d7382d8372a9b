"""AuthorizationPolicy: which policies are about this gate, and what they come to.

Owns selection and the translation to access policies. How they are judged is `access.py`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from outgate.policy.access_model import AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio.authorization_checks import check, dry_run, labels, references
from outgate.policy.frontends.istio.authorization_fields import OPERATIONS, SHAPE, SOURCES, Look, look, negation
from outgate.policy.frontends.istio.common import is_egress, qualified, selects
from outgate.policy.frontends.istio.gateway import names_egress
from outgate.policy.frontends.istio.resource import Kind, Resource
from outgate.policy.model import Gate
from outgate.policy.schema import Record

GROUP = "security.istio.io"
GATEWAY_LABEL = "gateway.networking.k8s.io/gateway-name"


def translate(documents: Iterable[Document], setting: Setting, contribution: Contribution) -> None:
    """Adds the access policies of all AuthorizationPolicies that are about this gate. `documents` are all of the mesh:
    ServiceEntries among them may be targets."""
    given = list(documents)
    entries = {
        (document.namespace or setting.gate.namespace, document.name)
        for document in given
        if document.kind == "ServiceEntry"
    }
    beside = frozenset(gateway_namespaces(given, setting.gate))
    for document in given:
        if document.kind != KIND.name or document.group != GROUP:
            continue
        resource = KIND.read(document, setting, contribution)
        if resource is not None:
            contribution.access += _policies(resource, setting.gate, entries, beside)
            contribution.problems += resource.reading.problems


def gateway_namespaces(documents: Iterable[Document], gate: Gate) -> Iterator[str]:
    """Where the egress gateways live that the gate stands for: the namespaces of those that routes lead through."""
    for document in documents if gate.collapses else ():
        if document.kind == "VirtualService":
            hosts = (qualified(host, document.namespace or gate.namespace) for host in _routed_to(document))
            yield from (name for host in hosts if names_egress(host) for name in host.split(".")[1:2])


def _routed_to(document: Document) -> Iterator[str]:
    for kind in ("http", "tls", "tcp"):
        rules = document.root.child("spec", kind)
        for rule in rules.sequence if rules is not None else ():
            shares = rule.child("route")
            yield from (share.text("destination", "host") for share in (shares.sequence if shares is not None else ()))


def _policies(
    resource: Resource, gate: Gate, entries: Collection[tuple[str, str]], beside: Collection[str]
) -> Iterator[AccessPolicy]:
    whole = applies(resource, gate, beside)
    targets = () if whole else tuple(_targets(resource, entries))
    if not whole and not targets:
        chosen = next((name for name in ("selector", "targetRef", "targetRefs") if name in resource.spec), "")
        resource.reading.warn(
            resource.spec.at(chosen) if chosen else resource.document.where,
            resource.spec.under(chosen) if chosen else "metadata.namespace",
            f"{resource} selects nothing on this gate, and is not applied",
            f"the gate is {gate.namespace}/{gate.name}; its labels can be set",
        )
        return
    yield AccessPolicy(
        Action(resource.spec.get("action", Action.ALLOW)),
        tuple(_rule(record, resource) for record in resource.spec.get("rules", [])),
        resource.source(),
        shadow=dry_run(resource) == "true",
        targets=targets,
    )


def applies(resource: Resource, gate: Gate, beside: Collection[str] = ()) -> bool:
    """Whether a policy is about the gate as a whole. Policies of the root namespace are about every workload, others
    about those of their namespace. A gate that stands for the egress gateway too takes what selects one, wherever, and
    what is about all workloads of the namespaces in which one lives: `beside`."""
    spec, here = resource.spec, resource.namespace in (gate.namespace, gate.root_namespace)
    if targets := references(spec):
        return any(is_gate(reference, resource, gate) for reference in targets)
    wanted = labels(spec)
    if gate.collapses and any(is_egress(value) for value in wanted.values()):
        return True
    return (here and selects(wanted, gate.labels)) or (not wanted and resource.namespace in beside)


def is_gate(reference: Record, resource: Resource, gate: Gate) -> bool:
    if reference.get("kind") != "Gateway":
        return False
    name = reference.get("name")
    local = resource.namespace == gate.namespace and (name == gate.name or (GATEWAY_LABEL, name) in gate.labels)
    return local or (gate.collapses and is_egress(name))


def _targets(resource: Resource, entries: Collection[tuple[str, str]]) -> Iterator[str]:
    """The ServiceEntries that a policy is about, as `AccessPolicy.targets` writes them."""
    for reference in references(resource.spec):
        kind, name = reference.get("kind"), reference.get("name")
        if kind == "ServiceEntry" and (resource.namespace, name) in entries:
            yield f"{kind}/{resource.namespace}/{name}"


def _rule(record: Record, resource: Resource) -> AccessRule:
    return AccessRule(
        sources=tuple(_group(entry.get("source"), SOURCES, resource) for entry in record.get("from", [])),
        operations=tuple(_group(entry.get("operation"), OPERATIONS, resource) for entry in record.get("to", [])),
        conditions=tuple(condition for when in record.get("when", []) for condition in _when(when, resource)),
        source=resource.source(record.path, record.where),
    )


def _group(record: Record, table: dict[str, Look], resource: Resource) -> tuple[Condition, ...]:
    found = (
        _condition(looked, record.get(field), resource, negated=negated)
        for name, looked in table.items()
        for field, negated in ((name, False), (negation(name), True))
        if record.get(field)
    )
    return tuple(found)


def _when(record: Record, resource: Resource) -> Iterator[Condition]:
    looked = look(record.get("key"))
    for field, negated in (("values", False), ("notValues", True)):
        if looked is not None and (values := record.get(field)):
            yield _condition(looked, values, resource, negated=negated)


def _condition(looked: Look, values: list[str], resource: Resource, *, negated: bool) -> Condition:
    if looked.attribute is Attribute.SERVICE_ACCOUNT:
        values = [value if "/" in value else f"{resource.namespace}/{value}" for value in values]
    return looked.condition(values, negated=negated)


KIND = Kind("AuthorizationPolicy", GROUP, ("v1", "v1beta1"), SHAPE, check)
