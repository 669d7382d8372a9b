"""Which modifications of Envoy the gate can carry out, and what they change of something outside.

Owns the patterns: local rate limits of requests and connections, and the time limits and thresholds of clusters and
filters. Everything else is refused with what says the same here, or left out with a warning under lenient loading. What
a change does to a destination is `patching.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from outgate.policy.documents import Node
from outgate.policy.frontends import Contribution, Inert
from outgate.policy.frontends.kuma.dialect import Role
from outgate.policy.frontends.kuma.entries import Entry
from outgate.policy.frontends.kuma.policies import Policies
from outgate.policy.frontends.kuma.proxy_patch import ADDING, KIND
from outgate.policy.frontends.local_rate_limit import BUCKET, LOCAL, configured
from outgate.policy.model import Source
from outgate.policy.route_model import Bucket, RateLimit
from outgate.policy.schema import Duration, Integer, Reading, Record, Shape
from outgate.problems import Problem, Severity

ROUTER = "envoy.filters.http.router"
CONNECTIONS = "envoy.filters.network.local_ratelimit"
CONNECTIONS_TYPE = "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit"
MANAGER, TCP_PROXY = "envoy.filters.network.http_connection_manager", "envoy.filters.network.tcp_proxy"
PASSTHROUGH = ("outbound:passthrough:", "transparent")
LEAVING = {"outbound": Role.SIDECAR, "egress": Role.EGRESS}
"""Origins of what carries traffic out, and the proxy that has it."""
SPAN, OFF, COUNT = Duration(), Duration(least=0), Integer(0, 2**32 - 1)
THRESHOLDS = ("circuitBreakers", "thresholds", "0")
type Known = Mapping[tuple[str, ...], tuple[str, Shape]]
"""Fields that may be patched: what each changes, and how it is read."""
CLUSTER: Known = {
    ("connectTimeout",): ("connect_timeout", SPAN),
    (*THRESHOLDS, "maxConnections"): ("connections", COUNT),
    (*THRESHOLDS, "maxPendingRequests"): ("pending", COUNT),
    (*THRESHOLDS, "maxRequests"): ("requests", COUNT),
    (*THRESHOLDS, "maxRetries"): ("retries", COUNT),
}
FILTERS: Mapping[str, Known] = {
    MANAGER: {("streamIdleTimeout",): ("stream_idle", OFF)},
    TCP_PROXY: {
        ("idleTimeout",): ("tcp_idle", OFF),
        ("maxConnectAttempts",): ("connect_attempts", Integer(1, 2**32 - 1)),
    },
}
DOES = {"Patch": "patches", "Remove": "removes"}
INSTEAD = {
    "cluster": "write a MeshCircuitBreaker, MeshTimeout, MeshHealthCheck or MeshLoadBalancingStrategy",
    "listener": "the gate's listeners are of its settings, and what passes them of MeshTimeout and MeshRateLimit",
    "virtualHost": "write a MeshHTTPRoute, MeshRetry or MeshTimeout",
    "networkFilter": "write a MeshTimeout, MeshRetry or MeshRateLimit",
    "httpFilter": "write a policy of Kuma for it, or an addon of the gate",
    "envoy.filters.http.fault": "write a MeshFaultInjection",
    "envoy.filters.http.rbac": "write a MeshTrafficPermission",
    "envoy.filters.http.ratelimit": "write a MeshGlobalRateLimit",
    "envoy.filters.http.lua": "write an addon, and load it with --addon",
    "envoy.filters.http.wasm": "write an addon, and load it with --addon",
    "passthrough": "register what is meant with a MeshExternalService or MeshPassthrough",
}


@dataclass(frozen=True, slots=True)
class Patch:
    """One modification that the gate carries out."""

    entry: Entry
    record: Record
    """The modification's own block."""
    requests: bool | None = None
    """Of listeners for HTTP alone, or for bytes alone; None: of both."""
    limits: tuple[RateLimit, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    """What it sets, by name; 0 is no limit."""

    @property
    def source(self) -> Source:
        return self.entry.resource.source(self.record.path, self.record.where)

    @property
    def match(self) -> Record:
        return self.record.get("match") or Record(self.record.where, self.record.under("match"), {}, {})


class _ElsewhereError(Exception):
    """It is not about what leaves through the gate."""

    def __init__(self, at: Record | Node, what: str, path: str = "", instead: str = "") -> None:
        super().__init__(what)
        self.where, self.what, self.instead = at.where, what, instead
        self.path = path or (at.path if isinstance(at, Record) else "")


class _RefusedError(_ElsewhereError):
    """The gate cannot carry it out."""


def patches(policies: Policies, roles: frozenset[Role], made: Contribution) -> list[Patch]:
    """The modifications of policies in force that can be carried out, in their order. All others are reported."""
    found: list[Patch] = []
    for entry in policies.entries.get(KIND.name, []):
        for number, record in enumerate(entry.conf.get("appendModifications", [])):
            for kind, modification in record.values.items():
                reading = Reading(entry.resource.kind, entry.resource.reading.strict)
                own = replace(entry, resource=replace(entry.resource, reading=reading))
                try:
                    _check_place(modification, roles)
                    found.append(replace(_recognised(kind, modification, own, number), entry=entry))
                except _ElsewhereError as error:
                    _report(error, modification, entry, made)
                    policies.explained.add(entry.resource)
                made.fields += reading.fields
                made.problems += reading.problems
    return found


def _report(error: _ElsewhereError, record: Record, entry: Entry, made: Contribution) -> None:
    refused = isinstance(error, _RefusedError) and entry.resource.reading.strict
    severity = Severity.ERROR if refused else Severity.WARNING
    made.inert.append(Inert(entry.resource.reading, record.path, error.what))
    made.problems.append(Problem(error.where, f"{error.path}: {error.what}", error.instead, severity, error.path))


def _check_place(record: Record, roles: frozenset[Role]) -> None:
    """Raises `_ElsewhereError` where a modification is not about what leaves through this gate."""
    match: Record | None = record.get("match")
    if match is None:
        return
    origin, name = match.get("origin", ""), match.get("name") or match.get("listenerName") or ""
    if origin in LEAVING and LEAVING[origin] not in roles:
        raise _ElsewhereError(record, f"is about the {LEAVING[origin]}, whose part the gate does not play")
    if origin and origin not in (*LEAVING, *PASSTHROUGH):
        raise _ElsewhereError(record, f"is about {origin}, which is not what leaves")
    if name.startswith(("inbound:", "localhost:")):
        raise _ElsewhereError(record, "is about what arrives, which does not pass the gate")


def _recognised(kind: str, record: Record, entry: Entry, number: int) -> Patch:
    """What one modification comes to. Raises `_RefusedError`."""
    match: Record | None = record.get("match")
    operation, name = record.get("operation"), match.get("name", "") if match is not None else ""
    if match is not None and (match.get("origin") in PASSTHROUGH or name.startswith(PASSTHROUGH)):
        what = "is about what nothing registers, for which the gate keeps none of it"
        raise _RefusedError(match, what, instead=INSTEAD["passthrough"])
    if match is not None and match.get("listenerName"):
        what = "names a listener by its address, which the gate does not have"
        raise _RefusedError(match, what, match.under("listenerName"), "name it by listenerTags")
    if kind == "httpFilter" and operation in ADDING:
        return _request_limit(record, name, entry, number)
    if kind == "networkFilter" and operation in ADDING:
        return _connection_limit(record, entry)
    if kind == "cluster" and operation == "Patch":
        return Patch(entry, record, values=_values(record, CLUSTER, kind, entry.resource.reading))
    if kind == "networkFilter" and operation == "Patch" and name in FILTERS:
        spoken = name == MANAGER
        return Patch(entry, record, spoken, values=_values(record, FILTERS[name], kind, entry.resource.reading))
    what = f"{DOES.get(operation, 'adds')} a {kind} of Envoy, which the gate is not"
    raise _RefusedError(record, what, instead=INSTEAD.get(name, INSTEAD[kind]))


def _request_limit(record: Record, before: str, entry: Entry, number: int) -> Patch:
    value: Node = record.get("value")
    name = value.text("name")
    if name != LOCAL:
        what = f'adds the filter "{name}" to Envoy, which the gate is not'
        raise _RefusedError(value, what, record.under("value"), INSTEAD.get(name, INSTEAD["httpFilter"]))
    if record.get("operation") in ("AddBefore", "AddAfter") and before != ROUTER:
        match: Record = record.get("match")
        what = f'holds only where Envoy has the filter "{before}", which the gate cannot tell'
        raise _RefusedError(match, what, match.under("name"), f"write {ROUTER}, or AddFirst")
    path = record.under("value.typedConfig")
    if (config := _typed(value)) is None:
        raise _RefusedError(value, "has no typedConfig", path, "add it")
    found = configured(config, None, path, entry.resource, number)
    return Patch(entry, record, requests=True, limits=found.limits if found is not None else ())


def _connection_limit(record: Record, entry: Entry) -> Patch:
    value: Node = record.get("value")
    config, path = _typed(value), record.under("value.typedConfig")
    if value.text("name") != CONNECTIONS or config is None:
        what = f'adds the filter "{value.text("name")}" to Envoy, which the gate is not'
        raise _RefusedError(value, what, record.under("value"), INSTEAD["networkFilter"])
    if config.text("@type").rpartition("/")[2] != CONNECTIONS_TYPE:
        what = f'"{config.text("@type")}" is not the type of {CONNECTIONS}'
        raise _RefusedError(config, what, f"{path}.@type", f"write type.googleapis.com/{CONNECTIONS_TYPE}")
    if (node := _either(config, "tokenBucket", "token_bucket")) is None:
        raise _RefusedError(config, "limits nothing without it", f"{path}.tokenBucket", "add it")
    bucket = BUCKET.read(node, f"{path}.tokenBucket", entry.resource.reading)
    if bucket is None or entry.resource.reading.failed:
        return Patch(entry, record)
    sizes = Bucket(bucket.get("maxTokens"), bucket.get("tokensPerFill", 1), bucket.get("fillInterval"))
    source = entry.resource.source(record.path, record.where)
    limit = RateLimit(f"{entry.resource}/{record.path}", sizes, connections=True, source=source)
    return Patch(entry, record, limits=(limit,))


def _values(record: Record, known: Known, kind: str, reading: Reading) -> Mapping[str, float]:
    """What a patch sets, all of whose fields are known."""
    values: dict[str, float] = {}
    for place, path, node in _leaves(record, kind):
        if path == (*THRESHOLDS, "priority") and node.data == "DEFAULT":
            continue
        if path not in known:
            what = f"changes {'.'.join(path)} of Envoy, which the gate is not"
            raise _RefusedError(node, what, place, INSTEAD[kind])
        name, shape = known[path]
        if (value := shape.read(node, place, reading)) is not None:
            values[name] = value
    return values


type _Leaf = tuple[str, tuple[str, ...], Node]
"""Where a value stands in the document, what it is of Envoy's, and itself."""


def _leaves(record: Record, kind: str) -> Iterator[_Leaf]:
    value: Node | None = record.get("value")
    if value is not None:
        place = record.under("value")
        inner = _typed(value) if kind == "networkFilter" else value
        if inner is None:
            raise _RefusedError(value, "has no typedConfig", f"{place}.typedConfig", "add it")
        yield from _under(inner, place if inner is value else f"{place}.typedConfig", ())
        return
    for step in record.get("jsonPatches", []):
        if step.get("op") not in ("add", "replace") or "value" not in step:
            what = f'"{step.get("op")}" takes something of Envoy away, which the gate is not'
            raise _RefusedError(step, what, step.under("op"), INSTEAD[kind])
        path = tuple(part.replace("~1", "/").replace("~0", "~") for part in step.get("path").split("/")[1:])
        yield from _under(step.get("value"), step.under("value"), tuple(map(_camel, path)))


def _under(node: Node, place: str, path: tuple[str, ...]) -> Iterator[_Leaf]:
    for key, value in node.mapping.items():
        if key != "@type":
            yield from _under(value, f"{place}.{key}", (*path, _camel(key)))
    for number, item in enumerate(node.sequence):
        yield from _under(item, f"{place}[{number}]", (*path, str(number)))
    if not node.mapping and not node.sequence:
        yield place, path, node


def _typed(value: Node) -> Node | None:
    return _either(value, "typedConfig", "typed_config")


def _either(node: Node, *names: str) -> Node | None:
    return next((child for name in names if (child := node.child(name)) is not None), None)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
