"""Warnings for access rules that name what a tunnel does not show, about ports that are tunnelled.

Owns the foresight: which rules could be asked about which tunnelled ports, and how they will be read there. The reading
itself is in `rules.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from outgate.policy.access_model import AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.conditions import HTTP_ONLY
from outgate.policy.hosts import bracketed, value_as_spelt
from outgate.policy.matching import strings
from outgate.policy.model import EVERY_PORT, Defaults, Destination, Intercept, Port, Protocol
from outgate.policy.rules import conditions_of
from outgate.problems import Problem, Severity

type Pair = tuple[Destination, Port]
type Test = Callable[[Destination, Port], bool]

PORT = re.compile(r":(?:\d+|\d*\*)$")
"""Of an authority, where it is given."""
SHOWN = 3
"""Endpoints named in a warning."""


def tunnel_warnings(
    policies: Iterable[AccessPolicy], destinations: Sequence[Destination], defaults: Defaults
) -> list[Problem]:
    """One warning for each rule and each way in which it is read otherwise on a tunnel than it looks."""
    tunnels = Tunnels(destinations)
    return [
        problem for policy in policies for rule in policy.rules for problem in _about(policy, rule, tunnels, defaults)
    ]


def is_tunnelled(port: Port) -> bool:
    """Whether only bytes, or TLS that is not opened, pass at a port."""
    return port.protocol is Protocol.TCP or port.intercept is Intercept.TUNNEL


class Tunnels:
    """All tunnelled ports, found by name for rules that name hosts in full: most rules, and most hosts."""

    def __init__(self, destinations: Iterable[Destination]) -> None:
        self.all: list[Pair] = [
            (destination, port) for destination in destinations for port in destination.ports if is_tunnelled(port)
        ]
        self._named: dict[str, list[int]] = {}
        """By exact name, the places in `all`; by `*`, those of wildcards and of what has no name."""
        for place, (destination, _) in enumerate(self.all):
            for host in destination.hosts or ("*",):
                self._named.setdefault("*" if host.startswith("*") else bracketed(host), []).append(place)

    def meant(self, rule: AccessRule) -> list[Pair]:
        """Those that a rule could be asked about, as far as ports and hosts say, in their order."""
        names = _full_names(rule)
        found = self.all
        if names is not None:
            keys = {"*", *names, *(PORT.sub("", name) for name in names)}
            places = {place for key in keys for place in self._named.get(key, ())}
            found = [self.all[place] for place in sorted(places)]
        always, groups = _tests(rule.conditions), [_tests(group) for group in rule.operations] or [[]]
        return [pair for pair in found if _all(always, pair) and any(_all(group, pair) for group in groups)]


def _about(policy: AccessPolicy, rule: AccessRule, tunnels: Tunnels, defaults: Defaults) -> Iterator[Problem]:
    named = {condition.attribute for condition in conditions_of(rule)} & HTTP_ONLY
    if not named:
        return
    meant = [pair for pair in tunnels.meant(rule) if _concerns(policy, pair[0])]
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


def _by_other_name(meant: Sequence[Pair]) -> tuple[str, str]:
    raw = all(port.protocol is Protocol.TCP for _, port in meant)
    name = "the destination's own name" if raw else "the SNI"
    return f"hosts are judged by {name}", "Istio would not judge them at all; tunnelHosts: istio does as Istio does"


def _listed(meant: Sequence[Pair]) -> str:
    names = [f"{_name(destination)}:{port.number}" for destination, port in meant]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}, tunnelled"


def _name(destination: Destination) -> str:
    return destination.hosts[0] if destination.hosts else destination.name


def _all(tests: list[Test], pair: Pair) -> bool:
    return all(test(*pair) for test in tests)


def _full_names(rule: AccessRule) -> set[str] | None:
    """The names one of which an attempt has where the rule matches; None where any may."""
    for groups in ((rule.conditions,), rule.operations):
        found = [_named_in_full(group) for group in groups]
        if found and all(found):
            return set().union(*found)
    return None


def _named_in_full(group: Iterable[Condition]) -> set[str]:
    for condition in group:
        if condition.attribute is Attribute.HOST and not condition.negated:
            names = {value_as_spelt(value) for value in condition.values}
            if not any(name.startswith("*") or name.endswith("*") for name in names):
                return names
    return set()


def _tests(conditions: Iterable[Condition]) -> list[Test]:
    """What ports and hosts say of some conditions; all others are passed over."""
    return [test for condition in conditions if (test := _test(condition)) is not None]


def _test(condition: Condition) -> Test | None:
    if condition.attribute is Attribute.PORT:
        return lambda destination, port: (
            port.number == EVERY_PORT or (str(port.number) in condition.values) is not condition.negated
        )
    if condition.attribute is not Attribute.HOST or condition.negated:
        return None
    values = [value_as_spelt(value) for value in condition.values]
    match, bare = strings(values), [PORT.sub("", value) for value in values]

    def shares(host: str, port: Port) -> bool:
        """Whether the rule's hosts and a destination's pattern have a name in common."""
        if host.startswith("*"):
            return any(_under(value, host[1:]) for value in bare)
        return match(bracketed(host)) or match(f"{bracketed(host)}:{port.number}")

    return lambda destination, port: not destination.hosts or any(shares(host, port) for host in destination.hosts)


def _under(value: str, suffix: str) -> bool:
    return value.endswith(("*", suffix)) or (value.startswith("*") and suffix.endswith(value[1:]))
