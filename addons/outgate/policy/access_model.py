"""The compiled model's rules of who may do what, each with the document and line it came from.

Owns the vocabulary of access rules, whichever mesh they come from. How they are judged is `access.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outgate.policy.model import Source


class Action(StrEnum):
    ALLOW = "ALLOW"
    DENY = "DENY"
    AUDIT = "AUDIT"


class Attribute(StrEnum):
    """What a condition looks at."""

    PRINCIPAL = "principal"
    NAMESPACE = "namespace"
    SERVICE_ACCOUNT = "service_account"
    TRUST_DOMAIN = "trust_domain"
    SOURCE_IP = "source_ip"
    REMOTE_IP = "remote_ip"
    REQUEST_PRINCIPAL = "request_principal"
    REQUEST_CLAIM = "request_claim"
    HOST = "host"
    PORT = "port"
    METHOD = "method"
    PATH = "path"
    HEADER = "header"
    SNI = "sni"
    DESTINATION_IP = "destination_ip"
    REGION = "region"
    """The destination's. The value `.` is the caller's own."""
    SOURCE_LABEL = "source_label"
    """One label of the caller; `key` is its name as written."""
    METADATA = "metadata"
    """Envoy filter metadata, which the gate never has."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one attribute: any of `values` must match, or none of them when `negated`.

    How a value is read depends on the attribute: networks for addresses, decimal numbers for ports, else Istio's
    string match (`exact`, `prefix*`, `*suffix`, `*` for present), and for paths also templates.
    """

    attribute: Attribute
    values: tuple[str, ...]
    key: str = ""
    """Header or claim name, lower case."""
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AccessRule:
    """`sources` OR inside, AND with `operations` OR inside, AND with all `conditions`. Empty parts match everything."""

    sources: tuple[tuple[Condition, ...], ...] = ()
    operations: tuple[tuple[Condition, ...], ...] = ()
    conditions: tuple[Condition, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """One document's rules, OR-ed. An ALLOW without rules allows nothing, and its presence denies the rest."""

    action: Action
    rules: tuple[AccessRule, ...]
    source: Source
    shadow: bool = False
    targets: tuple[str, ...] = ()
    """`KIND/NAMESPACE/NAME` of the documents whose destinations it is about; none: every destination."""
    layer: str = ""
    """Of its mesh's layers; the one without a name unless its document says another."""


@dataclass(frozen=True, slots=True)
class AccessLayer:
    """The access policies of one mesh, or those among them that name a layer. Every layer must allow; any deny wins."""

    mesh: str
    """With the layer's own name behind a slash, where it has one."""
    policies: tuple[AccessPolicy, ...]
