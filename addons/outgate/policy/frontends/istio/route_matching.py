"""What a route matches: the conditions of a VirtualService as conditions of the model.

Owns the translation of matches, which of them can be met at a hop at all, and what two of them demand together. Knows
no destination.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.addresses import as_routed
from outgate.policy.frontends.istio.hostnames import overlap, subset_of
from outgate.policy.frontends.istio.http_route import CLAIM
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.frontends.istio.virtual_service import bound, gateway_key
from outgate.policy.model import Network
from outgate.policy.route_model import NamedMatch, RouteMatch, TextKind, TextMatch
from outgate.policy.schema import Record

type Hop = tuple[tuple[str, str], ...]
"""The names of the gateways that a route may be bound to here."""

KINDS = {"exact": TextKind.EXACT, "prefix": TextKind.PREFIX, "regex": TextKind.REGEX}
ANY_REGEX = "*"
"""As the regex of a header that must not be there: whatever it says."""
ROOT = TextMatch(TextKind.PREFIX, "/")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request is while its routes are looked for: for a host and port, at a hop."""

    host: str
    port: int
    hop: Hop


def matches_at(route: Record, owner: Resource, place: Place) -> tuple[RouteMatch, ...] | None:
    """The alternatives of a route that can be met at a place, none for everything; None where it takes nothing.
    `owner` is the VirtualService that is bound to gateways."""
    given: list[Record] = route.get("match", [])
    if not given:
        return () if set(bound(owner)) & set(place.hop) else None
    made = [match for record in given if (match := _match_at(record, owner, place)) is not None]
    if not made:
        return None
    return () if RouteMatch() in made else tuple(dict.fromkeys(made))


def _match_at(record: Record, owner: Resource, place: Place) -> RouteMatch | None:
    names = [gateway_key(item.value, owner.namespace) for item in record.get("gateways", [])]
    if not set(names or bound(owner)) & set(place.hop) or record.get("port", 0) not in (0, place.port):
        return None
    if any(map(CLAIM.fullmatch, (*record.get("headers", {}), *record.get("withoutHeaders", {})))):
        return None  # of a token, which the gate does not verify
    hosts = [item.value.lower() for item in record.get("sniHosts", [])]
    if hosts and not any(overlap(name, place.host) for name in hosts):
        return None
    covered = any(subset_of(place.host, name) for name in hosts)
    return _match(record, () if covered else tuple(hosts))


def _match(record: Record, sni: tuple[str, ...]) -> RouteMatch:
    return RouteMatch(
        path=_path(record),
        method=_text(record.get("method")),
        scheme=_text(record.get("scheme")),
        authority=_text(record.get("authority")),
        headers=(*_named(record, "headers"), *_named(record, "withoutHeaders", negated=True)),
        queries=tuple(_named(record, "queryParams", lower=False)),
        caller=tuple(_callers(record)),
        sni=sni,
        networks=tuple(_network(text) for text in record.get("destinationSubnets", [])),
    )


def _path(record: Record) -> TextMatch | None:
    """A prefix that every path has says nothing."""
    match = _text(record.get("uri"), ignore_case=record.get("ignoreUriCase", False))
    says_nothing = match is not None and match.kind is TextKind.PREFIX and match.value in ("", "/")
    return None if says_nothing else match


def _text(match: Record | None, *, ignore_case: bool = False) -> TextMatch | None:
    for name, kind in KINDS.items() if match is not None else ():
        if match is not None and name in match:
            return TextMatch(kind, match.get(name), ignore_case and kind is not TextKind.REGEX)
    return None


def _named(record: Record, name: str, *, negated: bool = False, lower: bool = True) -> Iterator[NamedMatch]:
    for key, item in record.get(name, {}).items():
        match = _text(item.value) or TextMatch(TextKind.PRESENT)
        if negated and match == TextMatch(TextKind.REGEX, ANY_REGEX):
            match = TextMatch(TextKind.PRESENT)
        yield NamedMatch(key.lower() if lower else key, replace(match, negated=negated))


def _callers(record: Record) -> Iterator[Condition]:
    if record.get("sourceNamespace"):
        yield Condition(Attribute.NAMESPACE, (record.get("sourceNamespace"),))
    for key, value in record.get("sourceLabels", {}).items():
        yield Condition(Attribute.SOURCE_LABEL, (value,), key)


def _network(text: str) -> Network:
    return as_routed(ip_network(text, strict=False))


def with_path(matches: tuple[RouteMatch, ...]) -> tuple[RouteMatch, ...]:
    """The same, where a prefix of the path has to be known: without a condition it is `/`."""
    return tuple(replace(match, path=match.path or ROOT) for match in matches or (RouteMatch(),))
