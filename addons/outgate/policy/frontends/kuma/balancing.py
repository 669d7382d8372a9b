"""MeshLoadBalancingStrategy: how one of several endpoints is chosen.

Owns the conf's shape, its checks, and what the part of it comes to that endpoints outside the mesh have: they are in
no zone, so what is said of zones says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.policy.frontends.kuma.dialect import Dialect
from outgate.policy.frontends.kuma.entries import Entry, Kind
from outgate.policy.frontends.kuma.shapes import Count, Decimal, Span
from outgate.policy.model import Fate
from outgate.policy.resilience_model import Balancer, Balancing, HashKey, HashOn
from outgate.policy.schema import Boolean, Choice, Field, Fields, Reading, Record, Sequence, Text

LARGEST_RING, LARGEST_TABLE = 8_000_000, 5_000_011
BALANCERS = {
    "RoundRobin": Balancer.ROUND_ROBIN,
    "LeastRequest": Balancer.LEAST_REQUEST,
    "RingHash": Balancer.RING_HASH,
    "Maglev": Balancer.MAGLEV,
    "Random": Balancer.RANDOM,
}
HASHING = {"ringHash": "RingHash", "maglev": "Maglev"}
POLICIES = {
    "Header": "header",
    "Cookie": "cookie",
    "Connection": "connection",
    "SourceIP": "connection",
    "QueryParameter": "queryParameter",
    "FilterState": "filterState",
}
"""The block that a type of hashing has."""

COOKIE = Fields({"name": Field(Text(empty=False), required=True), "ttl": Field(Span()), "path": Field(Text())})
POLICY = Fields(
    {
        "type": Field(Text(), required=True),
        "terminal": Field(Boolean()),
        "header": Field(Fields({"name": Field(Text(empty=False), required=True)})),
        "cookie": Field(COOKIE),
        "connection": Field(Fields({"sourceIP": Field(Boolean())})),
        "queryParameter": Field(Fields({"name": Field(Text(empty=False), required=True)})),
        "filterState": Field(
            Fields({"key": Field(Text(empty=False), required=True)}), fate=Fate.IGNORED, note="there is no such state"
        ),
    }
)
HASHED = Field(Sequence(POLICY))
RING = Fields(
    {
        "hashFunction": Field(Choice(("XXHash", "MurmurHash2")), fate=Fate.IGNORED, note="the gate has its own"),
        "minRingSize": Field(Count(1, LARGEST_RING)),
        "maxRingSize": Field(Count(1, LARGEST_RING)),
        "hashPolicies": HASHED,
    }
)
LEAST = Fields(
    {
        "choiceCount": Field(Count(2, what="must be greater or equal then: 2")),
        "activeRequestBias": Field(
            Decimal(0, 1e9, "must be greater or equal then: 0"), fate=Fate.IGNORED, note="all endpoints weigh the same"
        ),
    }
)
BALANCER = Fields(
    {
        "type": Field(Choice(tuple(BALANCERS)), required=True),
        "leastRequest": Field(LEAST),
        "ringHash": Field(RING),
        "maglev": Field(Fields({"tableSize": Field(Count(1, LARGEST_TABLE)), "hashPolicies": HASHED})),
        "roundRobin": Field(Fields({})),
        "random": Field(Fields({})),
    }
)
ZONES = Field(Sequence(Text()))
FROM = Fields({"zones": ZONES})
TO = Fields({"type": Field(Choice(("None", "Only", "Any", "AnyExcept")), required=True), "zones": ZONES})
TAG = Fields({"key": Field(Text(empty=False), required=True), "weight": Field(Count())})
LOCALITY = Fields(
    {
        "disabled": Field(Boolean()),
        "localZone": Field(Fields({"affinityTags": Field(Sequence(TAG))})),
        "crossZone": Field(
            Fields(
                {
                    "failover": Field(Sequence(Fields({"from": Field(FROM), "to": Field(TO, required=True)}))),
                    "failoverThreshold": Field(Fields({"percentage": Field(Decimal(positive=True), required=True)})),
                }
            )
        ),
    }
)
CONF = Fields(
    {
        "loadBalancer": Field(BALANCER),
        "hashPolicies": HASHED,
        "localityAwareness": Field(LOCALITY, fate=Fate.IGNORED, note="what is outside is in no zone"),
    }
)


def balancing(conf: Record | None) -> Balancing:
    block: Record | None = conf.get("loadBalancer") if conf is not None else None
    if conf is None or block is None:
        return Balancing(Balancer.ROUND_ROBIN)
    kind, usual = block.get("type"), Balancing()
    ring: Record | None = block.get("ringHash") if kind == "RingHash" else None
    table: Record | None = block.get("maglev") if kind == "Maglev" else None
    least: Record | None = block.get("leastRequest") if kind == "LeastRequest" else None
    own: Record | None = ring or table
    policies: list[Record] = conf.get("hashPolicies") or (own.get("hashPolicies", []) if own is not None else [])
    return Balancing(
        BALANCERS[kind],
        choices=least.get("choiceCount", usual.choices) if least is not None else usual.choices,
        hash_keys=tuple(_keys(policies)) if kind in HASHING.values() else (),
        minimum_ring=ring.get("minRingSize", usual.minimum_ring) if ring is not None else usual.minimum_ring,
        maximum_ring=ring.get("maxRingSize", usual.maximum_ring) if ring is not None else usual.maximum_ring,
        table=table.get("tableSize", usual.table) if table is not None else usual.table,
    )


def _keys(policies: list[Record]) -> Iterator[HashKey]:
    for policy in policies:
        kind, terminal = policy.get("type"), policy.get("terminal", False)
        block: Record = policy.get(POLICIES[kind]) or Record(policy.where, policy.path, {}, {})
        if kind == "Header":
            yield HashKey(HashOn.HEADER, block.get("name").lower(), terminal=terminal)
        elif kind == "Cookie":
            ttl, path = block.get("ttl"), block.get("path", "")
            yield HashKey(HashOn.COOKIE, block.get("name"), ttl, path, terminal=terminal)
        elif kind == "QueryParameter":
            yield HashKey(HashOn.QUERY, block.get("name"), terminal=terminal)
        elif kind == "SourceIP" or (kind == "Connection" and block.get("sourceIP")):
            yield HashKey(HashOn.SOURCE_IP, terminal=terminal)


def _check_item(entry: Entry) -> None:
    conf, target, reading = entry.conf, entry.target, entry.resource.reading
    _check_hashing(conf, entry.resource.dialect, reading)
    locality: Record | None = conf.get("localityAwareness")
    kind = target.get("kind") if target is not None else ""
    if locality is not None:
        _check_locality(locality, reading)
        cross = locality.get("crossZone")
        if kind == "MeshService" and cross is not None:
            reading.error(cross.where, cross.path, "must not be set: MeshService traffic is local", "remove it")
    if kind == "MeshHTTPRoute":
        for name in ("loadBalancer", "localityAwareness"):
            if name in conf:
                what = "field is not allowed when targetRef.kind is MeshHTTPRoute, only hashPolicies is supported"
                reading.error(conf.at(name), conf.under(name), what, "remove it")
    top = entry.top
    if (
        target is not None
        and top is not None
        and top.get("kind") == "MeshGateway"
        and kind != "Mesh"
        and "loadBalancer" in conf
    ):
        what = "value 'MeshGateway' is not supported, only Mesh is allowed if loadBalancer is set"
        reading.error(target.at("kind"), target.under("kind"), what, "write Mesh")


def _check_hashing(conf: Record, dialect: Dialect, reading: Reading) -> None:
    _check_policies(conf.get("hashPolicies", []), dialect, reading)
    block: Record | None = conf.get("loadBalancer")
    for name in HASHING:
        own: Record | None = block.get(name) if block is not None else None
        if own is None or "hashPolicies" not in own:
            continue
        if "hashPolicies" in conf:
            where = own.at("hashPolicies")
            reading.error(where, own.under("hashPolicies"), "hashPolicies already specified in the root level")
        _check_policies(own.get("hashPolicies"), dialect, reading)


def _check_policies(policies: list[Record], dialect: Dialect, reading: Reading) -> None:
    for policy in policies:
        kind = policy.get("type")
        if kind not in POLICIES or (kind == "SourceIP" and dialect is Dialect.V3_0):
            hint = f"dialect {Dialect.V2_14} takes it" if kind == "SourceIP" else f"use one of {', '.join(POLICIES)}"
            reading.error(policy.at("type"), policy.under("type"), "unrecognized type", hint)
            continue
        needed = POLICIES[kind]
        if kind != "SourceIP" and needed not in policy.places:
            reading.error(policy.where, policy.under(needed), "must be defined", "add it")
        cookie: Record | None = policy.get("cookie")
        if cookie is not None and cookie.get("path") and not cookie.get("path").startswith("/"):
            reading.error(cookie.at("path"), cookie.under("path"), "must be an absolute path", "begin with a slash")


def _check_locality(locality: Record, reading: Reading) -> None:
    local: Record | None = locality.get("localZone")
    tags: list[Record] = local.get("affinityTags", []) if local is not None else []
    if local is not None and 0 < sum("weight" in tag for tag in tags) < len(tags):
        what = "all or none affinity tags should have weight"
        reading.error(local.at("affinityTags"), local.under("affinityTags"), what)
    cross: Record | None = locality.get("crossZone")
    for rule in cross.get("failover", []) if cross is not None else ():
        _check_failover(rule, reading)


def _check_failover(rule: Record, reading: Reading) -> None:
    source: Record | None = rule.get("from")
    if source is not None and not source.get("zones"):
        reading.error(source.where, source.under("zones"), "must not be empty", "name a zone")
    for index, zone in enumerate(source.get("zones", []) if source is not None else []):
        if not zone:
            reading.error(
                source.where if source else rule.where, f"{rule.path}.from.zones[{index}]", "must not be empty"
            )
    to: Record = rule.get("to")
    kind, zones = to.get("type"), to.get("zones", [])
    if kind in ("Any", "None") and zones:
        reading.error(to.at("zones"), to.under("zones"), f"must be empty when type is {kind}", "remove it")
    elif kind in ("Only", "AnyExcept") and not zones:
        reading.error(to.where, to.under("zones"), f"must not be empty when type is {kind}", "name a zone")
    for index, zone in enumerate(zones):
        if not zone:
            reading.error(to.at("zones"), f"{to.under('zones')}[{index}]", "must not be empty", "name a zone")


def _check(conf: Record, reading: Reading) -> None:
    """Everything asks for the reference, too."""


KIND = Kind("MeshLoadBalancingStrategy", CONF, ("to",), _check, _check_item)
