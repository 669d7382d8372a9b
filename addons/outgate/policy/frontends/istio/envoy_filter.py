"""EnvoyFilter: its shape, what upstream asks of a patch, and which patches the gate can carry out.

Owns the recognition of Envoy's local rate limit, for a whole listener and for routes. Any other patch is refused, or
under lenient loading left out with a warning. What a limit says is `local_rate_limit.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from outgate.policy.documents import Node
from outgate.policy.frontends.istio.common import Labels, unapplied
from outgate.policy.frontends.istio.resource import Kind, Resource, envelope
from outgate.policy.frontends.local_rate_limit import LOCAL, LimitConfig, configured
from outgate.policy.model import Fate
from outgate.policy.schema import Anything, Choice, Field, Fields, Integer, Reading, Record, Sequence, Text

LISTENERS = ("LISTENER", "FILTER_CHAIN", "NETWORK_FILTER", "HTTP_FILTER", "LISTENER_FILTER")
ROUTES = ("ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE")
TARGETS = (*LISTENERS, *ROUTES, "CLUSTER", "EXTENSION_CONFIG", "BOOTSTRAP", "INVALID")
MATCHED = dict.fromkeys(LISTENERS, "listener") | dict.fromkeys(ROUTES, "routeConfiguration")
OPERATIONS = (
    "INVALID",
    "MERGE",
    "ADD",
    "REMOVE",
    "INSERT_BEFORE",
    "INSERT_AFTER",
    "INSERT_FIRST",
    "REPLACE",
    "MERGE_AND_REPLACE_LIST",
)
ADDING = ("ADD", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST")
CONTEXTS = ("ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "WAYPOINT")
OUTWARD = ("ANY", "SIDECAR_OUTBOUND", "GATEWAY")
ACTIONS = ("ANY", "ROUTE", "REDIRECT", "DIRECT_RESPONSE")


def _later(note: str) -> Field:
    """What would make a limit hold for less than it does."""
    return Field(Text(), fate=Fate.LATER, guards=True, note=note)


NAMED = Fields({"name": Field(Text())}, snake=True)

PLACE = "where in Envoy's chain: limits come after authorization in any case"
FILTER = Fields({"name": Field(Text()), "subFilter": Field(NAMED)}, snake=True)
CHAIN = Fields(
    {
        "name": _later("name its port or sni"),
        "sni": Field(Text()),
        "transportProtocol": _later("name its port or sni"),
        "applicationProtocols": _later("name its port or sni"),
        "destinationPort": Field(Integer(0, 65535)),
        "filter": Field(FILTER, fate=Fate.IGNORED, note=PLACE),
    },
    snake=True,
)
LISTENER = Fields(
    {
        "portNumber": Field(Integer(0, 65535)),
        "portName": _later("name its number"),
        "filterChain": Field(CHAIN),
        "listenerFilter": Field(Text(), fate=Fate.IGNORED, note=PLACE),
        "name": _later("name its port"),
    },
    snake=True,
)
ROUTE = Fields(
    {
        "name": Field(Text()),
        "action": Field(Choice(ACTIONS), fate=Fate.APPROXIMATED, note="routes are limited whatever they do"),
    },
    snake=True,
)
VHOST = Fields({"name": Field(Text()), "domainName": Field(Text()), "route": Field(ROUTE)}, snake=True)
ROUTE_CONFIGURATION = Fields(
    {
        "portNumber": Field(Integer(0, 65535)),
        "portName": _later("name its number"),
        "gateway": Field(
            Text(), fate=Fate.APPROXIMATED, note="the gate stands for its gateways: requests are limited on all ways"
        ),
        "vhost": Field(VHOST),
        "name": _later("name its port"),
    },
    snake=True,
)
MATCH = Fields(
    {
        "context": Field(Choice(CONTEXTS)),
        "proxy": Field(Anything(), fate=Fate.IGNORED, note="of Envoy's version and metadata"),
        "listener": Field(LISTENER),
        "routeConfiguration": Field(ROUTE_CONFIGURATION),
        "cluster": Field(Anything(), fate=Fate.IGNORED, note="patches of clusters are refused"),
        "waypoint": Field(Anything(), fate=Fate.IGNORED, note="patches of waypoints are left out"),
    },
    snake=True,
)
PATCH = Fields(
    {
        "operation": Field(Choice(OPERATIONS)),
        "value": Field(Anything(), note="a local rate limit; anything else is refused"),
        "filterClass": Field(Text(), fate=Fate.IGNORED, note=PLACE),
    },
    snake=True,
)
SPEC = Fields(
    {
        "workloadSelector": Field(Fields({"labels": Field(Labels())}, snake=True)),
        "targetRefs": Field(Anything(), fate=Fate.LATER, guards=True, note="select by workloadSelector"),
        "configPatches": Field(
            Sequence(
                Fields({"applyTo": Field(Choice(TARGETS)), "match": Field(MATCH), "patch": Field(PATCH)}, snake=True)
            )
        ),
        "priority": Field(Integer(-(2**31), 2**31 - 1), fate=Fate.IGNORED, note="all limits hold at once"),
    },
    snake=True,
)


@dataclass(frozen=True, slots=True)
class Limited:
    """Where one patch sets limits. What is empty says nothing."""

    filter: Resource
    index: int
    listener: bool
    """For all requests of a listener; else of routes."""
    ports: frozenset[int]
    """All that are named; none: any port."""
    vhost: str
    domain: str
    route: str
    config: LimitConfig


def check(resource: Resource) -> None:
    """Everything that one value alone does not show."""
    reading = resource.reading
    if not resource.spec.get("configPatches"):
        reading.warn(resource.spec.where, "spec.configPatches", "no patches: it does nothing")
    for index, record in enumerate(resource.spec.get("configPatches", [])):
        _check_patch(record, reading)
        if not reading.failed:
            _config(resource, record, index)


def _check_patch(record: Record, reading: Reading) -> None:
    target, patch = record.get("applyTo", "INVALID"), record.get("patch")
    match: Record | None = record.get("match")
    if target == "INVALID":
        reading.error(record.at("applyTo"), record.under("applyTo"), "required value is missing", "add it")
    if patch is None or patch.get("operation", "INVALID") == "INVALID":
        where = record.where if patch is None else patch.at("operation")
        reading.error(where, record.under("patch.operation"), "required value is missing", "add it")
    elif patch.get("operation") != "REMOVE" and "value" not in patch:
        reading.error(patch.where, patch.under("value"), "required value is missing", "add it")
    _check_name(patch.get("value") if patch is not None else None, patch, reading)
    if match is None:
        return
    for name in ("listener", "routeConfiguration", "cluster"):
        if name in match and MATCHED.get(target, "cluster" if target == "CLUSTER" else name) != name:
            reading.error(match.at(name), match.under(name), f"does not fit applyTo {target}", "remove it")
    sub = _inner(match, "listener", "filterChain", "filter", "subFilter")
    if sub is not None and target != "HTTP_FILTER":
        reading.error(sub.where, sub.path, "is for applyTo HTTP_FILTER only", "remove it")


def _check_name(value: Node | None, patch: Record | None, reading: Reading) -> None:
    """A patch's name is text, also where it is written as a protobuf struct."""
    if value is None or patch is None:
        return
    for path in (("name",), ("fields", "name", "kind")):
        name = value.child(*path)
        if name is not None and name.data is not None and not isinstance(name.data, (str, dict, list)):
            reading.error(name.where, ".".join((patch.under("value"), *path)), "expected a string", "quote it")


def _inner(record: Record | None, *names: str) -> Record | None:
    for name in names:
        record = record.get(name) if record is not None else None
    return record


def limits(resource: Resource) -> Iterator[Limited]:
    """The limits of the patches that can be carried out; each other one is reported."""
    for index, record in enumerate(resource.spec.get("configPatches", [])):
        context = _inner(record, "match")
        said = context.get("context", "ANY") if context is not None else "ANY"
        if said not in OUTWARD:
            resource.reading.warn(record.where, record.path, f"is about {said}, which is not what leaves")
            continue
        # What is wrong with it was said when it was checked.
        config = _config(replace(resource, reading=Reading(resource.kind)), record, index)
        if config is not None:
            yield _limited(resource, index, record, config)
        else:
            what = f"patches {record.get('applyTo')} of Envoy, which the gate is not"
            unapplied(resource.reading, record.where, record.path, what)


def _limited(resource: Resource, index: int, record: Record, config: LimitConfig) -> Limited:
    match = record.get("match")
    listener, routes = _inner(match, "listener"), _inner(match, "routeConfiguration")
    chain, vhost = _inner(listener, "filterChain"), _inner(routes, "vhost")
    route = _inner(vhost, "route")
    ports = [each.get(name, 0) for each, name in ((listener, "portNumber"), (routes, "portNumber")) if each is not None]
    ports += [chain.get("destinationPort", 0)] if chain is not None else []
    return Limited(
        resource,
        index,
        record.get("applyTo") == "HTTP_FILTER",
        frozenset(ports) - {0},
        vhost.get("name", "") if vhost is not None else "",
        (vhost.get("domainName", "") if vhost is not None else "")
        or (chain.get("sni", "") if chain is not None else ""),
        route.get("name", "") if route is not None else "",
        config,
    )


def _config(resource: Resource, record: Record, index: int) -> LimitConfig | None:
    """The limits of one patch; None where it is about something else."""
    patch: Record = record.get("patch")
    target, operation = record.get("applyTo"), patch.get("operation")
    value: Node | None = patch.get("value")
    found: Node | None = None
    rates: Node | None = None
    if value is not None and target == "HTTP_FILTER" and operation in ADDING:
        name = value.child("name")
        found = _either(value, "typed_config", "typedConfig") if name is not None and name.data == LOCAL else None
    elif value is not None and target in ROUTES and operation == "MERGE":
        per_filter = _either(value, "typed_per_filter_config", "typedPerFilterConfig")
        found = per_filter.child(LOCAL) if per_filter is not None else None
        holder = value.child("route") if target == "HTTP_ROUTE" else value
        rates = _either(holder, "rate_limits", "rateLimits") if holder is not None else None
    return configured(found, rates, patch.under("value"), resource, index) if found is not None else None


def _either(node: Node, *names: str) -> Node | None:
    return next((child for name in names if (child := node.child(name)) is not None), None)


KIND = Kind("EnvoyFilter", "networking.istio.io", ("v1alpha3",), envelope(Field(SPEC)), check)
