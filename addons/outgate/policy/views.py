"""A policy as people ask about it: which names lead where, and which rules there are, for everybody or for one caller.

Owns the rows and their words, as data. Decides nothing: what a caller sees and what a rule means are read from the
policy as the data plane reads them. Header values that rules compare with are masked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from outgate.policy.access_model import AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.conditions import Terms, compile_condition, describe
from outgate.policy.facts import Facts
from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Destination,
    Identity,
    Intercept,
    Mode,
    Port,
    Protocol,
    Resolution,
)
from outgate.policy.plain import plain
from outgate.policy.registry import By, Match
from outgate.policy.route_views import routes_of
from outgate.policy.snapshot import Policy

WHO = frozenset({Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.TRUST_DOMAIN})
"""What a namespace and a service account settle; the rest depends on the request."""
CLOSED = (Protocol.TLS, Protocol.HTTPS)

type Row = dict[str, Any]


def routes(policy: Policy, caller: Identity | None = None) -> Row:
    """Every host and port and where it leads; for a caller, those that it sees, and what happens to the rest."""
    sight = policy.sight(caller) if caller is not None else None
    rows = [
        _route(policy, match, port)
        for match in _matches(policy)
        if sight is None or sight.sees(match)
        for port in match.destination.ports
    ]
    mode = sight.mode if sight is not None else policy.defaults.mode
    source = sight.mode_source if sight is not None else policy.defaults.mode_source
    return {
        "namespace": sight.namespace if sight is not None else None,
        "mode": str(mode),
        "otherwise": _otherwise(policy, mode),
        "source": plain(source),
        "scope": plain(sight.scope.source) if sight is not None and sight.scope is not None else None,
        "routes": rows,
    }


def rules(policy: Policy, caller: Identity | None = None) -> list[Row]:
    """Every access policy and its rules in words; for a caller, those that may say something about it."""
    return [
        {
            "name": rule.source.name,
            "kind": rule.source.kind,
            "action": str(rule.action),
            "dry_run": rule.shadow,
            "mesh": layer.mesh,
            "targets": list(rule.targets),
            "rules": [_rule(each) for each in rule.rules],
            "source": plain(rule.source),
        }
        for layer in policy.access
        for rule in layer.policies
        if caller is None or _may_concern(policy, rule, caller)
    ]


def _matches(policy: Policy) -> Iterator[Match]:
    for destination in policy.destinations:
        yield from (Match(destination, host, By.NAME) for host in destination.hosts)
        yield from (Match(destination, str(network), By.NETWORK) for network in destination.networks)


def _route(policy: Policy, match: Match, port: Port) -> Row:
    destination = match.destination
    expired = destination.expires is not None and destination.expires <= policy.now()
    return {
        "match": match.pattern,
        "port": port.number,
        "protocol": str(port.protocol),
        "seen": _seen(port),
        "leads_to": _leads_to(destination, port),
        "resolution": str(port.upstream.resolution),
        "tls": _tls(port),
        "destination": destination.key,
        "expired": expired,
        "routes": routes_of(port),
        "source": plain(port.source or destination.source),
    }


def _seen(port: Port) -> str:
    """What the gate sees of what passes."""
    if port.protocol is Protocol.TCP:
        return "bytes"
    if port.intercept is Intercept.TUNNEL and port.protocol is not Protocol.HTTP:
        return "server name" if port.protocol in CLOSED else "requests, or server name"
    return "requests"


def _tls(port: Port) -> str:
    """Whose TLS reaches the origin: `simple` and `mutual` are the gate's."""
    if port.upstream.tls is not None:
        return "mutual" if port.upstream.tls.mutual else "simple"
    if port.protocol in CLOSED:
        decrypted = "mutual" if port.tls.mutual else "simple"
        return "the workload's" if port.intercept is Intercept.TUNNEL else decrypted
    return "none" if port.protocol in (Protocol.HTTP, Protocol.TCP) else "as the workload speaks"


def _leads_to(destination: Destination, port: Port) -> str:
    upstream = port.upstream
    if upstream.endpoints:
        return ", ".join(f"{each.address}:{each.port}" for each in upstream.endpoints)
    if upstream.resolution is Resolution.NONE and destination.networks:
        return f"the address dialled, port {upstream.port}"
    return f"the name asked for, port {upstream.port}"


def _otherwise(policy: Policy, mode: Mode) -> str:
    if mode is Mode.REGISTRY_ONLY:
        return f"denied with {policy.defaults.deny_status}"
    return "passed where rules allow it" if mode is Mode.ALLOW_ANY else "passed, and recorded as it would be"


def _rule(rule: AccessRule) -> str:
    """`source: ...; operation: ...; when: ...`, alternatives with `or` between them."""
    parts = [("from", rule.sources), ("to", rule.operations), ("when", (rule.conditions,) if rule.conditions else ())]
    said = [f"{name} {' or '.join(map(_all, groups))}" for name, groups in parts if groups]
    return "; ".join(said) or "everything"


def _all(conditions: tuple[Condition, ...]) -> str:
    masked = (replace(each, values=tuple(plain(each)["values"])) for each in conditions)
    return " and ".join(map(describe, masked)) or "anything"


def _may_concern(policy: Policy, rules: AccessPolicy, caller: Identity) -> bool:
    """Whether nothing in some rule excludes the caller. Without rules it is about everybody: an ALLOW allows nobody."""
    if not rules.rules:
        return True
    facts = Facts(Attempt(AttemptKind.HTTP, caller, 443), policy.defaults)
    terms = Terms(policy.defaults, granting=rules.action is Action.ALLOW)

    def fits(conditions: tuple[Condition, ...]) -> bool:
        return all(
            each.attribute not in WHO or compile_condition(each, terms)(facts) is not False for each in conditions
        )

    return any(fits(rule.conditions) and (not rule.sources or any(map(fits, rule.sources))) for rule in rules.rules)
