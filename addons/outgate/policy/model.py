"""The compiled policy: frozen values, each with the document and line it came from.

Owns the vocabulary that front-ends emit and that the rest of outgate reads. Knows no mesh, no YAML and no traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from outgate.policy.forwarding_model import Forwarding as Forwarding
from outgate.policy.forwarding_model import Tunnel as Tunnel
from outgate.policy.forwarding_model import Via as Via
from outgate.policy.resilience_model import PLAIN_RESILIENCE, Resilience
from outgate.policy.tls_model import NameKind as NameKind
from outgate.policy.tls_model import SubjectName as SubjectName
from outgate.policy.tls_model import UpstreamTLS as UpstreamTLS
from outgate.policy.tls_model import Verification as Verification
from outgate.problems import Where

if TYPE_CHECKING:
    from outgate.policy.route_model import Route, Unmatched

type Network = IPv4Network | IPv6Network

EVERY_PORT = 0
"""In place of a port's number."""


@dataclass(frozen=True, slots=True)
class Source:
    """The document (and field) behind a value."""

    where: Where
    kind: str
    name: str
    namespace: str = ""
    field: str = ""

    def __str__(self) -> str:
        owner = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {owner} ({self.where})"


class Mode(StrEnum):
    """What happens to traffic that no destination covers."""

    REGISTRY_ONLY = "REGISTRY_ONLY"
    ALLOW_ANY = "ALLOW_ANY"
    OBSERVE = "OBSERVE"
    """Everything passes; each verdict is recorded as it would have been."""


class Protocol(StrEnum):
    """What the workload speaks on a port."""

    HTTP = "HTTP"
    HTTP2 = "HTTP2"
    GRPC = "GRPC"
    HTTPS = "HTTPS"
    TLS = "TLS"
    TCP = "TCP"
    ANY = "ANY"  # not said: the first bytes tell


class Intercept(StrEnum):
    """What the gate does with TLS that a workload starts."""

    DECRYPT = "DECRYPT"
    TUNNEL = "TUNNEL"


class Resolution(StrEnum):
    """How the addresses of a destination are found (Istio's names)."""

    NONE = "NONE"
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    DYNAMIC_DNS = "DYNAMIC_DNS"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A fixed place to dial: an IP address or a name that the gate resolves."""

    address: str
    port: int
    weight: int = 1
    priority: int = 0
    locality: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where and how the gate dials for one port of a destination."""

    port: int
    resolution: Resolution = Resolution.DNS
    endpoints: tuple[Endpoint, ...] = ()
    tls: UpstreamTLS | None = None
    """TLS that the gate originates whatever the workload spoke; None: as the workload spoke."""
    http2: bool = False
    """HTTP/2 upstream even when the workload speaks HTTP/1."""
    connect_timeout: float = 10.0  # seconds
    resilience: Resilience = PLAIN_RESILIENCE
    tunnel: Tunnel | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a destination, as the workload sees it."""

    number: int
    """`EVERY_PORT`: each that the destination does not have for itself; its upstream's number says nothing then."""
    protocol: Protocol
    upstream: Upstream
    intercept: Intercept = Intercept.DECRYPT
    tls: UpstreamTLS = field(default_factory=UpstreamTLS)
    """Used upstream when the workload's own TLS was decrypted and `upstream.tls` says nothing."""
    source: Source | None = None
    routes: tuple[Route, ...] = ()
    """The first that matches holds; none given: everything goes to `upstream`, and no policy but its own holds."""
    unmatched: Unmatched | None = None
    """What becomes of what no route takes, where there are routes; None: as if there were none."""


@dataclass(frozen=True, slots=True)
class HeaderInjection:
    """A header that the gate sets, after the destination is verified. Exactly one of `value` and `file` is given."""

    name: str
    value: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """A place outside that is known. `key` is unique and stable: breakers, limits and labels are kept by it."""

    key: str
    name: str
    namespace: str
    hosts: tuple[str, ...]
    """Canonical patterns: `api.example.com`, `*.example.com` or `*`."""
    networks: tuple[Network, ...]
    ports: tuple[Port, ...]
    source: Source
    export_to: tuple[str, ...] = ("*",)
    """Namespaces that see it; `*` all, `.` its own, and `~NAME` not that one whatever the others say."""
    internal: bool = False  # in-mesh: forwarded as it is, counted apart
    headers: tuple[HeaderInjection, ...] = ()
    allow_networks: tuple[Network, ...] = ()
    """Addresses its names may resolve to although they are not public."""
    region: str = ""
    propagation: str = ""  # of trace context: none, w3c, b3, b3multi or passthrough; empty: as for everything else
    via: Via | None = None
    """The way that it is reached; None: as the gate's defaults have it."""
    expires: datetime | None = None
    owner: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """Destinations that a scope lets a workload see: namespace pattern (`*`, `.`, name) and host pattern."""

    namespace: str
    host: str
    excluded: bool = False
    """Taken away from what the other imports show: a destination is seen when one imports it and none excludes it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What some workloads see and what happens to the rest (Istio's Sidecar)."""

    namespace: str
    """Empty: every namespace."""
    labels: tuple[tuple[str, str], ...] = ()
    mode: Mode | None = None
    imports: tuple[Import, ...] | None = None
    """None: everything exported."""
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class IdentityMapping:
    """Who calls from some uids of the gate's own machine, or from some addresses. Both given: both must hold."""

    namespace: str
    service_account: str
    uids: tuple[int, ...] = ()
    networks: tuple[Network, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    """Everything that holds for the gate as a whole."""

    mode: Mode = Mode.REGISTRY_ONLY
    mode_source: Source | None = None
    deny_status: int = 502
    """HTTP status for what is not in the registry."""
    internal_hosts: tuple[str, ...] = ()
    internal_networks: tuple[Network, ...] = ()
    tunnel_hosts: str = "sni"
    """How rules that name hosts judge a tunnel: by `sni`, or as `istio` does (such an ALLOW rule never matches)."""
    unregistered_tls: Intercept = Intercept.TUNNEL
    """Unregistered TLS under ALLOW_ANY."""
    identities: tuple[IdentityMapping, ...] = ()
    """For callers that no certificate and no declaration of the pod's own identifies; the first that fits counts."""
    path_normalization: str = "BASE"
    trust_domain: str = "cluster.local"
    trust_domain_aliases: tuple[str, ...] = ()
    """Other names of the same trust domain: a principal named under one is meant under all."""
    nat64: tuple[IPv6Network, ...] = ()  # prefixes of the site's own
    forwarding: tuple[Forwarding, ...] = ()
    """Which way what leaves takes, where its destination does not say; the first that fits counts."""
    ways: tuple[Via, ...] = ()
    """Those that this gate has beside the direct one, the usual one first. The settings' word, as is the next."""
    is_gateway: bool = False
    source: Source | None = None

    @property
    def usual_via(self) -> Via:
        """The way of what no document says anything of."""
        return self.ways[0] if self.ways else Via.DIRECT


@dataclass(frozen=True, slots=True)
class Gate:
    """What this gate is called, so that selectors mean something."""

    name: str = "outgate"
    namespace: str = "default"
    labels: tuple[tuple[str, str], ...] = ()
    root_namespace: str = "istio-system"
    collapses: bool = True
    """It stands for sidecar and egress gateway at once."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is calling. Empty strings: not known. `how` says what established it."""

    namespace: str = ""
    service_account: str = ""
    principal: str = ""
    """`trust-domain/ns/NAMESPACE/sa/ACCOUNT`, without `spiffe://`."""
    labels: tuple[tuple[str, str], ...] = ()
    address: str = ""
    uid: int | None = None
    how: str = "none"


class AttemptKind(StrEnum):
    HTTP = "http"
    TLS = "tls"  # a tunnel: only the SNI is seen
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing a workload tries. `host` is the verified, canonical name; None where none was named."""

    kind: AttemptKind
    caller: Identity
    port: int
    host: str | None = None
    address: str | None = None
    """The address the workload dialled; None where it named a proxy instead."""
    sni: str | None = None
    encrypted: bool = False
    """HTTP inside TLS that the gate decrypted."""
    method: str = ""
    path: str = ""
    """Path and query as sent."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Looked up by lower-case name."""
    grpc: bool = False


class Verdict(StrEnum):
    ALLOW = "allow"
    DENY = "deny"


class Code(StrEnum):
    """Why: stable, shared by the answer, the log, the metric and `explain`."""

    REGISTERED = "registered"
    INTERNAL = "internal"
    ALLOW_ANY = "allow_any"
    OBSERVED = "observed"
    UNREGISTERED = "unregistered"
    PORT_UNREGISTERED = "port_unregistered"
    PROTOCOL_MISMATCH = "protocol_mismatch"
    NOT_EXPORTED = "not_exported"
    EXPIRED = "expired"
    NAMES_DISAGREE = "names_disagree"
    NAME_MALFORMED = "name_malformed"
    NAME_MISSING = "name_missing"
    REQUEST_MALFORMED = "request_malformed"
    PATH_AMBIGUOUS = "path_ambiguous"
    UPGRADE_REFUSED = "upgrade_refused"
    CONNECT_REFUSED = "connect_refused"
    REFUSED_BY_RULE = "refused_by_rule"
    ADDRESS_REFUSED = "address_refused"
    LOOP = "loop"
    ECH_REFUSED = "ech_refused"
    PROTOCOL_UNKNOWN = "protocol_unknown"
    CALLER_UNPROVEN = "caller_unproven"
    """Who calls a gateway does not prove who it is, or a PROXY header is missing or malformed."""
    REDACTION_BLOCKED = "redaction_blocked"
    """A live message holds what a rule blocks."""
    REDACTION_REFUSED = "redaction_refused"
    """A live message cannot be looked into, or not be changed."""
    POLICY_FAILURE = "policy_failure"


class Traffic(StrEnum):
    """Which kind of egress it was."""

    REGISTERED = "registered"
    INTERNAL = "internal"
    PASSTHROUGH = "passthrough"
    BLACKHOLE = "blackhole"


@dataclass(frozen=True, slots=True)
class ShadowVerdict:
    """What a rule in dry-run would have done."""

    verdict: Verdict
    source: Source


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to an attempt, as data. Log line, metric, response body and `explain` render this one value."""

    verdict: Verdict
    code: Code
    reason: str
    traffic: Traffic
    source: Source | None = None
    """The document behind the verdict."""
    destination: Destination | None = None
    port: Port | None = None
    status: int = 0
    """HTTP status of a denial."""
    would: Decision | None = None
    """Under OBSERVE, the verdict that would have been."""
    shadows: tuple[ShadowVerdict, ...] = ()
    audited: tuple[Source, ...] = ()
    via: Via = Via.DIRECT

    @property
    def allowed(self) -> bool:
        return self.verdict is Verdict.ALLOW


class Fate(StrEnum):
    """What became of a field of a document."""

    APPLIED = "applied"
    APPROXIMATED = "approximated"
    IGNORED = "ignored"
    LATER = "not yet applied"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FieldReport:
    """The fate of one field: `path` as `spec.hosts[0]`."""

    where: Where
    kind: str
    path: str
    fate: Fate
    note: str = ""
