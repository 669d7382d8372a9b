"""What two routes that are taken one after the other demand together, and what they do together.

Owns the joining of a sidecar's route with a gateway's, and of a route with the one it delegates to. Knows no document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import re2

from outgate.policy.frontends.istio.hostnames import subset_of
from outgate.policy.model import Network
from outgate.policy.route_model import HeaderChange, RetryPolicy, Route, RouteMatch, TextKind, TextMatch

type Matches = tuple[RouteMatch, ...]

TEXTS = ("path", "method", "scheme", "authority")


class Never(ValueError):
    """Two conditions that are never met at once."""


class Apart(ValueError):
    """Two things that cannot be had as one; the message names what they are about."""


def together(first: Matches, then: Matches) -> Matches | None:
    """What both demand, any alternative of one with any of the other; None where that is never met. Raises `Apart`."""
    if not first or not then:
        return first or then
    made = [both for one in first for other in then if (both := _both(one, other)) is not None]
    return tuple(dict.fromkeys(made)) or None


def delegated(root: Matches, leaf: Matches) -> Matches | None:
    """Istio's rule for delegates: each alternative of the leaf has to be narrower than some of the root's; None where
    one is not, and the route is left out."""
    if not root or not leaf:
        return root or leaf
    made: list[RouteMatch] = []
    for other in leaf:
        found = [both for one in root if (both := _narrowed(one, other)) is not None]
        if not found:
            return None
        made += found
    return tuple(dict.fromkeys(made))


def _narrowed(root: RouteMatch, leaf: RouteMatch) -> RouteMatch | None:
    try:
        both = _both(root, leaf)
    except Apart:
        return None
    narrower = both is not None and all(getattr(leaf, name) in (None, getattr(both, name)) for name in TEXTS)
    return both if narrower else None


def _both(one: RouteMatch, other: RouteMatch) -> RouteMatch | None:
    try:
        return RouteMatch(
            path=_narrower("path", one.path, other.path),
            method=_narrower("method", one.method, other.method),
            scheme=_narrower("scheme", one.scheme, other.scheme),
            authority=_narrower("authority", one.authority, other.authority),
            headers=tuple(dict.fromkeys(one.headers + other.headers)),
            queries=tuple(dict.fromkeys(one.queries + other.queries)),
            caller=tuple(dict.fromkeys(one.caller + other.caller)),
            sni=_common(one.sni, other.sni, subset_of),
            networks=_common(one.networks, other.networks, _inside),
        )
    except Never:
        return None


def _narrower(what: str, one: TextMatch | None, other: TextMatch | None) -> TextMatch | None:
    if one is None or other is None or one == other:
        return one or other
    if one.ignore_case is not other.ignore_case:
        raise Apart(what)
    for narrow, wide in ((one, other), (other, one)):
        if _covers(what, wide, narrow):
            return narrow
    raise Never


def _covers(what: str, wide: TextMatch, narrow: TextMatch) -> bool:
    """Whether one test passes wherever another does, of which none is negated."""
    if narrow.kind is TextKind.REGEX:
        if wide.kind is TextKind.EXACT:
            return False  # asked the other way round
        raise Apart(what)
    if wide.kind is TextKind.REGEX:
        if narrow.kind is not TextKind.EXACT:
            raise Apart(what)
        return re2.fullmatch(wide.value, narrow.value) is not None
    fold = str.lower if wide.ignore_case else str
    if wide.kind is TextKind.PREFIX:
        return fold(narrow.value).startswith(fold(wide.value))
    return narrow.kind is TextKind.EXACT and fold(narrow.value) == fold(wide.value)


def _common[Item](
    one: tuple[Item, ...], other: tuple[Item, ...], inside: Callable[[Item, Item], bool]
) -> tuple[Item, ...]:
    """What is within one of each; raises `Never` where nothing is."""
    if not one or not other:
        return one or other
    within = [a for a in one if any(inside(a, b) for b in other)] + [b for b in other if any(inside(b, a) for a in one)]
    if not within:
        raise Never
    return tuple(dict.fromkeys(within))


def _inside(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def joined(first: Route, then: Route, usual: RetryPolicy | None) -> Route | None:
    """Both routes as one: what leaves is what the second makes of what the first made, and each policy acts once. None
    where no request takes both. `usual` are the retries of whoever says nothing. Raises `Apart`."""
    matches = together(first.matches, then.matches)
    if matches is None:
        return None
    _separable(first, then)
    return replace(
        then,
        name=then.name or first.name,
        matches=matches,
        rewrite=then.rewrite or first.rewrite,
        request_headers=after(first.request_headers, then.request_headers),
        response_headers=after(then.response_headers, first.response_headers),
        timeout=_shorter(first.timeout, then.timeout),
        retry=first.retry if then.retry is usual else then.retry,
        faults=first.faults + then.faults,
        mirrors=first.mirrors + then.mirrors,
        limits=tuple(dict.fromkeys(first.limits + then.limits)),
        extra=(*first.extra, *([first.source] if first.source else []), *then.extra),
    )


def _separable(first: Route, then: Route) -> None:
    """What the first rewrites the second may neither rewrite nor look at: it would see what was rewritten."""
    if first.rewrite is None:
        return
    looks = any(match.path or match.authority for match in then.matches)
    if then.rewrite is not None or looks or then.redirect is not None:
        raise Apart("rewrite")


def _shorter(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)


def after(first: HeaderChange, then: HeaderChange) -> HeaderChange:
    """One change that does what two do one after the other."""
    gone = {name.lower() for name in then.remove}
    replaced = gone | {name.lower() for name, _ in then.set}
    return HeaderChange(
        set=tuple(pair for pair in first.set if pair[0].lower() not in replaced) + then.set,
        add=tuple(pair for pair in first.add if pair[0].lower() not in replaced) + then.add,
        remove=tuple(dict.fromkeys(first.remove + then.remove)),
    )
