"""Attempts to try an AuthorizationPolicy with: made of the texts in it and in the filters it became, and near misses.

The same seed gives the same attempts. Half are drawn freely; half aim at one rule, so that rules with many parts are
met and not only missed.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

SOURCE = {
    "principals": "principal",
    "namespaces": "namespace",
    "serviceAccounts": "account",
    "trustDomains": "domain",
    "ipBlocks": "source",
    "remoteIpBlocks": "source",
}
OPERATION = {"hosts": "host", "ports": "port", "methods": "method", "paths": "path"}
WHEN = {
    "source.principal": "principal",
    "source.namespace": "namespace",
    "source.serviceAccount": "account",
    "source.trustDomain": "domain",
    "source.ip": "source",
    "remote.ip": "source",
    "destination.ip": "destination",
    "destination.port": "port",
    "connection.sni": "sni",
}
ALWAYS = {
    "namespace": ["default", "foo"],
    "account": ["web"],
    "domain": ["cluster.local", "elsewhere.example"],
    "source": ["127.9.9.9", "2001:db8::9"],
    "destination": ["203.0.113.9"],
    "host": ["other.example"],
    "port": ["80", "443", "9"],
    "method": ["GET", "POST"],
    "path": ["/", "/other?x=/allow", "/a/b"],
    "sni": ["", "other.example"],
}
NETWORKS = {"source", "destination"}


@dataclass(frozen=True)
class Draft:
    """One attempt, before it is told to either side. `headers` are those that policies name."""

    principal: str
    source: str
    destination: str
    host: str
    port: int
    method: str
    path: str
    sni: str
    headers: Mapping[str, str] = field(default_factory=dict)


type Words = dict[str, list[str]]


def drafts(policies: list[Mapping[str, Any]], filters: Iterable[Any], count: int, seed: str) -> Iterator[Draft]:
    """`count` attempts for the specs of some policies and the filters they became."""
    rng = random.Random(seed)
    rules = [dict(_words(rule, positive=True)) for spec in policies for rule in spec.get("rules") or []]
    everything: Words = {key: list(values) for key, values in ALWAYS.items()}
    for spec in policies:
        for rule in spec.get("rules") or []:
            for key, values in _words(rule, positive=False).items():
                everything.setdefault(key, []).extend(values)
    everything["principal"] = [*everything.get("principal", []), *_named_principals(filters)]
    tried = {
        key: sorted({made for value in values for made in _variants(key, value)}) for key, values in everything.items()
    }
    for number in range(count):
        aim = rng.choice(rules) if rules and number % 2 else {}
        yield _draft(rng, tried, aim)


def _draft(rng: random.Random, tried: Words, aim: Words) -> Draft:
    def pick(key: str, default: str = "") -> str:
        if aim.get(key) and rng.random() < 0.9:
            return _fulfilled(key, rng.choice(aim[key]), rng)
        return rng.choice(tried[key]) if tried.get(key) else default

    headers = {}
    for key in tried:
        if key.startswith("header:") and (rng.random() < 0.7 or key in aim):
            headers[key.removeprefix("header:")] = pick(key)
    return Draft(
        principal=_principal(rng, pick, tried, aim),
        source=pick("source"),
        destination=pick("destination"),
        host=pick("host"),
        port=int(pick("port")),
        method=pick("method"),
        path=pick("path"),
        sni=pick("sni"),
        headers=headers,
    )


def _principal(rng: random.Random, pick: Any, tried: Words, aim: Words) -> str:
    """A principal as it is named, or one put together of the parts that are named."""
    composed = bool({"namespace", "account", "domain"} & aim.keys())
    if tried.get("principal") and rng.random() < (0.4 if composed else 0.8):
        return pick("principal")
    namespace, _, account = pick("account").rpartition("/")
    return f"{pick('domain')}/ns/{namespace or pick('namespace')}/sa/{account}"


def _words(rule: Mapping[str, Any], *, positive: bool) -> Words:
    """The values of a rule by what they are about; `positive`: those that it asks for."""
    found: Words = {}

    def add(key: str, values: Iterable[str]) -> None:
        found.setdefault(key, []).extend(values)

    for part, inner, table in (("from", "source", SOURCE), ("to", "operation", OPERATION)):
        for entry in rule.get(part) or []:
            for name, key in table.items():
                add(key, entry[inner].get(name, []))
                if not positive:
                    add(key, entry[inner].get(f"not{name[0].upper()}{name[1:]}", []))
    for when in rule.get("when") or []:
        header = re.fullmatch(r"request\.headers\[([^:].*)\]", when["key"])
        key = f"header:{header[1].lower()}" if header else WHEN.get(when["key"], "")
        if key:
            add(key, when.get("values", []))
            add(key, [] if positive else when.get("notValues", []))
    return {key: values for key, values in found.items() if values}


def _named_principals(filters: Iterable[Any]) -> Iterator[str]:
    """Every principal that a filter names in full."""
    for node in _nodes(filters):
        exact = node.get("principalName", {}).get("exact", "") if isinstance(node.get("principalName"), Mapping) else ""
        if exact:
            yield exact.removeprefix("spiffe://")


def _nodes(tree: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, Mapping):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from _nodes(value)


def _fulfilled(key: str, value: str, rng: random.Random) -> str:
    """A text that a value asks for."""
    if key in NETWORKS:
        network = ip_network(value)
        return str(network[rng.randrange(min(network.num_addresses, 250))])
    return value.replace("{**}", "x/y").replace("{*}", "x").replace("*", "x")


def _variants(key: str, value: str) -> Iterator[str]:
    """What a value matches, and what it nearly does."""
    if key in NETWORKS:
        network = ip_network(value)
        yield from {str(network[0]), str(network[-1]), str(network[0] + network.num_addresses), str(network[0] - 1)}
        return
    if key == "port":
        yield from {value, str((int(value) + 1) % 65536)}
        return
    whole = {
        value.replace("{**}", rest).replace("{*}", one).replace("*", star)
        for rest in ("x", "x/y", "")
        for one in ("x", "x/y", "")
        for star in ("", "x", "x.y")
    }
    yield from whole if key in ("path", "sni") or key.startswith("header:") else whole - {""}
    if key == "path":
        yield from (f"{text}?x=1" for text in sorted(whole))
    for text in sorted(whole)[:3]:
        if len(text) > 1:
            yield from (f"{text}x", f"x{text}", text[:-1], text.swapcase())
