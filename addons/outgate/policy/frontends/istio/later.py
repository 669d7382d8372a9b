"""Istio's kinds that are recognised and not applied: reported by name, never dropped silently.

Owns the list, and what leaving each out means.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio import service_entry
from outgate.policy.frontends.istio.resource import NETWORKING, Kind, envelope
from outgate.policy.frontends.istio.service_entry_checks import check_endpoint
from outgate.policy.model import Fate, FieldReport
from outgate.policy.schema import Field, Fields
from outgate.problems import Problem, Severity


@dataclass(frozen=True, slots=True)
class Other:
    """A kind and why it is not applied. Strict loading refuses what is `guarded`: it decides or records something."""

    group: str
    fate: Fate
    note: str
    guarded: bool = True


OTHERS: dict[str, Other] = {
    "WasmPlugin": Other("extensions.istio.io", Fate.LATER, "it runs in Envoy, which the gate is not"),
    "TrafficExtension": Other("extensions.istio.io", Fate.LATER, "it runs in Envoy, which the gate is not"),
    "RequestAuthentication": Other("security.istio.io", Fate.LATER, "the gate verifies no tokens"),
    "ProxyConfig": Other("networking.istio.io", Fate.LATER, "it configures Envoy", guarded=False),
    "PeerAuthentication": Other("security.istio.io", Fate.IGNORED, "it is about what comes in", guarded=False),
    "WorkloadEntry": Other(
        "networking.istio.io",
        Fate.IGNORED,
        "the gate knows no workloads; a ServiceEntry lists its endpoints",
        guarded=False,
    ),
    "WorkloadGroup": Other("networking.istio.io", Fate.IGNORED, "the gate knows no workloads", guarded=False),
}
WORKLOAD_ENTRY = Kind(
    "WorkloadEntry",
    "networking.istio.io",
    NETWORKING,
    envelope(Field(Fields(service_entry.ENDPOINT, snake=True), required=True, fate=Fate.IGNORED)),
    lambda entry: check_endpoint(entry.spec, None, entry.reading),
)
KNOWN = (
    "ServiceEntry",
    "DestinationRule",
    "EnvoyFilter",
    "VirtualService",
    "Gateway",
    "Sidecar",
    "AuthorizationPolicy",
    "Telemetry",
    *OTHERS,
)


def report(document: Document, setting: Setting, contribution: Contribution) -> None:
    """Says what became of a document of another kind. One whose fields are known is checked all the same."""
    other = OTHERS.get(document.kind)
    if other is None or other.group != document.group:
        contribution.problems.append(_unknown(document))
        return
    if document.kind == WORKLOAD_ENTRY.name:
        resource = WORKLOAD_ENTRY.read(document, setting, contribution)
        contribution.problems += resource.reading.problems if resource is not None else []
    contribution.fields.append(FieldReport(document.where, document.kind, "", other.fate, other.note))
    what = f"{document.kind} {document.name} is {other.fate}"
    severity = Severity.ERROR if other.guarded and setting.strict else Severity.WARNING
    hint = f"{other.note}; remove it, or load with --lenient" if severity is Severity.ERROR else other.note
    contribution.problems.append(Problem(document.where, what, hint, severity, "kind"))


def _unknown(document: Document) -> Problem:
    node = document.root.child("kind") or document.root
    close = difflib.get_close_matches(document.kind, KNOWN, 1, 0.6)
    hint = f'did you mean "{close[0]}"?' if close else f"known: {', '.join(KNOWN)}"
    return Problem(node.where, f'"{document.kind}" is not a kind of {document.group}', hint, field="kind")
