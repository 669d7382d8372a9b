"""Which of the places that were seen a registry does not hold yet, and which it holds otherwise than they need.

Owns that question. It is asked of the registry alone: what an access rule refuses stays refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from outgate.learning.places import At, LeftOut, Place
from outgate.learning.seen import Speech
from outgate.policy.attempts import Asked, Way
from outgate.policy.callers import identify
from outgate.policy.decide import Treatment
from outgate.policy.model import Code, Decision, Destination, Identity, Mode, Source
from outgate.policy.registry import By, Match
from outgate.policy.snapshot import Policy
from outgate.policy.trial import judged
from outgate.policy.urls import Scheme, Url
from outgate.problems import Where

ADDED = frozenset({Code.UNREGISTERED, Code.PORT_UNREGISTERED})
"""Denials that one more document ends."""
SCHEMES = {
    Speech.HTTP: Scheme.HTTP,
    Speech.HTTPS: Scheme.HTTPS,
    Speech.TLS: Scheme.TLS,
    Speech.TCP: Scheme.TCP,
}


@dataclass(slots=True)
class Lacking:
    """`known`: how many places the registry holds already. `left_out`: those that another document stands in the way
    of."""

    places: list[Place] = field(default_factory=list)
    known: int = 0
    left_out: list[LeftOut] = field(default_factory=list)


def lacking(places: list[Place], policy: Policy | None) -> Lacking:
    """What a registry has to be given. None: there is no registry yet."""
    if policy is None:
        return Lacking(places)
    made, closed = Lacking(), _closed(policy)
    for place in places:
        denials = [each for each in _decisions(closed, place) if not each.allowed]
        if not denials:
            made.known += 1
        elif why := _in_the_way(closed, place, denials):
            made.left_out.append(LeftOut(str(place.at), why))
        else:
            made.places.append(place)
    return made


def _in_the_way(policy: Policy, place: Place, denials: list[Decision]) -> str:
    """Why one more document would not help; empty where it would."""
    other = next((each for each in denials if each.code not in ADDED), None)
    if other is not None:
        return _behind(other.reason, other.source)
    taken = policy.registry.lone(place.at.port)
    if taken and Speech.TCP in place.speeches and not place.at.address:
        return _behind(f"bytes to port {place.at.port} go to {taken[0].pattern}", taken[0].destination.source)
    for caller in place.callers:
        sight = policy.sight(Identity(caller.partition("/")[0]))
        if not sight.sees(_match(policy, place.at)):
            return _behind("a scope does not import it", sight.scope.source if sight.scope else None)
    return ""


def _behind(why: str, source: Source | None) -> str:
    return f"{why} ({source})" if source is not None else why


def _match(policy: Policy, at: At) -> Match:
    """What a document about a place would be found by."""
    source = Source(Where("proposal"), "EgressDestination", at.host, policy.gate.namespace)
    hosts = () if at.address else (at.host,)
    made = Destination(at.host, at.host, policy.gate.namespace, hosts, (), (), source)
    return Match(made, at.host, By.NETWORK if at.address else By.NAME)


def _closed(policy: Policy) -> Policy:
    """Its registry alone, with nothing beside it let pass."""
    scopes = tuple(replace(scope, mode=None) for scope in policy.scopes)
    return replace(policy, defaults=replace(policy.defaults, mode=Mode.REGISTRY_ONLY), scopes=scopes, access=())


def _decisions(policy: Policy, place: Place) -> Iterator[Decision]:
    for caller in place.callers:
        namespace, _, account = caller.partition("/")
        who = identify(policy.defaults, Identity(namespace, account, how="recorded"))
        for speech in sorted(place.speeches):
            yield _decided(policy, _asked(place.at, SCHEMES[speech], who))


def _decided(policy: Policy, asked: Asked) -> Decision:
    """TLS that would be decrypted is taken to hold HTTP."""
    outcome = judged(policy, asked)
    if (
        asked.url.scheme is not Scheme.TLS
        or outcome.meeting is None
        or outcome.meeting.treatment is not Treatment.DECRYPT
    ):
        return outcome.decision
    return judged(policy, _asked(At(asked.url.host, asked.url.port), Scheme.HTTPS, asked.caller)).decision


def _asked(at: At, scheme: Scheme, who: Identity) -> Asked:
    """By name alone, where no address is known: bytes that named somebody were told it by a proxy."""
    way = Way.SOCKS5 if scheme is Scheme.TCP and not at.address else Way.TRANSPARENT
    return Asked("GET", Url(scheme, at.host, at.port, "/"), who, at.host if at.address else None, way=way)
