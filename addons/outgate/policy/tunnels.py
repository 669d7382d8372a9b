"""Warnings for access rules that name what a tunnel does not show, about ports that are tunnelled.

Owns the foresight: which rules could be asked about which tunnelled ports, and how they will be read there. The reading
itself is in `rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from outgate.policy.conditions import HTTP_ONLY
from outgate.policy.matching import strings
from outgate.policy.model import (
    AccessPolicy,
    AccessRule,
    Action,
    Attribute,
    Condition,
    Defaults,
    Destination,
    Intercept,
    Port,
    Protocol,
)
from outgate.policy.rules import conditions_of
from outgate.problems import Problem, Severity

SHOWN = 3
"""Endpoints named in a warning."""


def tunnel_warnings(
    policies: Iterable[AccessPolicy], destinations: Sequence[Destination], defaults: Defaults
) -> list[Problem]:
    """One warning for each rule and each way in which it is read otherwise on a tunnel than it looks."""
    tunnelled = [
        (destination, port) for destination in destinations for port in destination.ports if is_tunnelled(port)
    ]
    return [
        problem for policy in policies for rule in policy.rules for problem in _about(policy, rule, tunnelled, defaults)
    ]


def is_tunnelled(port: Port) -> bool:
    """Whether only bytes, or TLS that is not opened, pass at a port."""
    return port.protocol is Protocol.TCP or port.intercept is Intercept.TUNNEL


def _about(
    policy: AccessPolicy, rule: AccessRule, tunnelled: Iterable[tuple[Destination, Port]], defaults: Defaults
) -> Iterator[Problem]:
    named = {condition.attribute for condition in conditions_of(rule)} & HTTP_ONLY
    if not named:
        return
    meant = [pair for pair in tunnelled if _concerns(policy, pair[0]) and _may_mean(rule, *pair)]
    if not meant:
        return
    source = rule.source or policy.source
    hidden = named - {Attribute.HOST} if defaults.tunnel_hosts == "sni" else named
    what, hint = _unseen(policy.action, hidden) if hidden else _by_other_name(meant)
    yield Problem(source.where, f"{source.field}: {what} on {_listed(meant)}", hint, Severity.WARNING, source.field)


def _concerns(policy: AccessPolicy, destination: Destination) -> bool:
    source = destination.source
    return not policy.targets or f"{source.kind}/{source.namespace}/{source.name}" in policy.targets


def _unseen(action: Action, hidden: set[Attribute]) -> tuple[str, str]:
    names = ", ".join(sorted(hidden))
    if action is Action.ALLOW:
        hint = "a tunnel shows caller, addresses, port and SNI: give it a rule of its own, or have the port decrypted"
        return f"this ALLOW rule names {names}, and so never matches", hint
    return f"{action} cannot see {names}, and so matches more than it says", "name the ports it is about"


def _by_other_name(meant: Sequence[tuple[Destination, Port]]) -> tuple[str, str]:
    raw = all(port.protocol is Protocol.TCP for _, port in meant)
    name = "the destination's own name" if raw else "the SNI"
    return f"hosts are judged by {name}", "Istio would not judge them at all; tunnelHosts: istio does as Istio does"


def _listed(meant: Sequence[tuple[Destination, Port]]) -> str:
    names = [f"{_name(destination)}:{port.number}" for destination, port in meant]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}, tunnelled"


def _name(destination: Destination) -> str:
    return destination.hosts[0] if destination.hosts else destination.name


def _may_mean(rule: AccessRule, destination: Destination, port: Port) -> bool:
    """Whether a rule could be asked about a port of a destination, as far as ports and hosts say."""
    if not all(_allows(condition, destination, port) for condition in rule.conditions):
        return False
    groups = rule.operations or ((),)
    return any(all(_allows(condition, destination, port) for condition in group) for group in groups)


def _allows(condition: Condition, destination: Destination, port: Port) -> bool:
    if condition.attribute is Attribute.PORT:
        return (str(port.number) in condition.values) is not condition.negated
    if condition.attribute is Attribute.HOST and not condition.negated and destination.hosts:
        return any(_overlap(value, host, port) for value in condition.values for host in destination.hosts)
    return True


def _overlap(value: str, host: str, port: Port) -> bool:
    """Whether a rule's host and a destination's pattern have a name in common."""
    value = value.lower()
    if not host.startswith("*"):
        match = strings([value])
        return match(host) or match(f"{host}:{port.number}")
    suffix = host[1:]
    bare = value.partition(":")[0]
    return bare.endswith(("*", suffix)) or (bare.startswith("*") and suffix.endswith(bare[1:]))
