"""The route that a request takes and what holds for its origin, in words.

Owns the wording. Header values are not shown: each may be a credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from outgate.policy.conditions import describe
from outgate.policy.model import Attempt, Port, Upstream
from outgate.policy.resilience_model import PLAIN_RESILIENCE, Outliers, Resilience
from outgate.policy.rewriting import authority_of, location, rewritten
from outgate.policy.route_model import (
    UNCHANGED,
    Backend,
    Fault,
    HeaderChange,
    LimitScope,
    RateLimit,
    RetryPolicy,
    Route,
)
from outgate.policy.routing import Chosen

type Entry = tuple[str, str]

LIMITS = {
    "connections": "connections",
    "pending": "requests that wait for one",
    "requests": "requests at once",
    "retries": "retries at once",
    "requests_per_connection": "requests on each connection",
    "streams_per_connection": "streams on each connection",
}
SCOPES = {
    LimitScope.PROCESS: "of this gate",
    LimitScope.CONNECTION: "on each connection of a workload",
    LimitScope.GLOBAL: "of all gates together",
}


def leads_on(chosen: Chosen | None) -> bool:
    """Whether anything leaves by a route: it is there, and the gate does not answer itself."""
    return chosen is not None and chosen.route.redirect is None and chosen.route.direct is None


def origins(chosen: Chosen, port: Port) -> tuple[Upstream, ...]:
    """Where a route may lead."""
    return tuple(backend.upstream for backend in chosen.route.backends) or (port.upstream,)


def route_entries(chosen: Chosen | None, port: Port, attempt: Attempt) -> Iterator[Entry]:
    """What a route makes of an attempt."""
    if chosen is None:
        yield "taken", "none: HTTP 404, and what is no HTTP is closed"
        return
    route = chosen.route
    if route.source is not None:
        others = "".join(f", {source}" for source in route.extra)
        yield "taken", f"{f'{route.name} ' if route.name else ''}[{route.source}{others}]"
    yield from _answer(chosen, attempt)
    if leads_on(chosen):
        yield from _sent(chosen, attempt)
    yield from (("fault", _fault(fault)) for fault in route.faults)
    yield from (("rate limit", _limit(limit)) for limit in route.limits)


def _sent(chosen: Chosen, attempt: Attempt) -> Iterator[Entry]:
    route = chosen.route
    yield from _destinations(route)
    yield from _changes(chosen, attempt)
    yield from _times(route)
    yield from _retry(route.retry)
    yield from (("mirror", f"{mirror.percent:g} % to {_backend(mirror.backend)}") for mirror in route.mirrors)


def _answer(chosen: Chosen, attempt: Attempt) -> Iterator[Entry]:
    route = chosen.route
    if route.redirect is not None:
        authority = attempt.headers.get("host") or attempt.host or ""
        yield "answers", f"HTTP {route.redirect.status} to {location(chosen, route.redirect, attempt, authority)}"
    if route.direct is not None:
        yield "answers", f"HTTP {route.direct.status} with {len(route.direct.body)} bytes"


def _destinations(route: Route) -> Iterator[Entry]:
    total = sum(backend.weight for backend in route.backends)
    for backend in route.backends:
        share = f"{100 * backend.weight / total:g} % " if total and len(route.backends) > 1 else ""
        yield "sends", f"{share}to {_backend(backend)}"


def _backend(backend: Backend) -> str:
    host = f"{backend.host} " if backend.host else ""
    return f"{backend.key}: {host}port {backend.upstream.port}"


def _changes(chosen: Chosen, attempt: Attempt) -> Iterator[Entry]:
    route = chosen.route
    path = rewritten(chosen, attempt.path)
    if path is not None:
        yield "path", f"is sent as {path}"
    hosts = [backend.host for backend in route.backends]
    authority = authority_of(chosen, hosts[0] if len(hosts) == 1 else None)
    if authority is not None:
        yield "authority", f"is sent as {authority}"
    for name, change in (("request", route.request_headers), ("response", route.response_headers)):
        if change != UNCHANGED:
            yield name, _head(change)


def _head(change: HeaderChange) -> str:
    verbs = (
        ("removes", change.remove),
        ("sets", [name for name, _ in change.set]),
        ("adds", [name for name, _ in change.add]),
    )
    return "; ".join(f"{verb} {', '.join(names)}" for verb, names in verbs if names)


def _times(route: Route) -> Iterator[Entry]:
    if route.timeout is not None:
        yield "timeout", f"{route.timeout:g} s for the whole answer"
    if route.idle_timeout is not None:
        yield "idle", f"{route.idle_timeout:g} s without a byte"
    if route.maximum_duration is not None:
        yield "duration", f"{route.maximum_duration:g} s at most"


def _retry(retry: RetryPolicy | None) -> Iterator[Entry]:
    if retry is None:
        return
    within = f", each within {retry.per_try_timeout:g} s" if retry.per_try_timeout is not None else ""
    statuses = f" ({', '.join(map(str, retry.statuses))})" if retry.statuses else ""
    yield "retries", f"{retry.retries} at most, on {', '.join(sorted(retry.on))}{statuses}{within}"


def _fault(fault: Fault) -> str:
    parts = []
    if fault.delay is not None:
        parts.append(f"{fault.delay.percent:g} % delayed by {fault.delay.seconds:g} s")
    if fault.abort is not None:
        status = fault.abort.status if fault.abort.status is not None else f"gRPC {fault.abort.grpc_status}"
        parts.append(f"{fault.abort.percent:g} % answered with {status}")
    if fault.bandwidth is not None:
        parts.append(f"{fault.bandwidth.percent:g} % held to {fault.bandwidth.bytes_per_second:g} bytes/s")
    whom = f" of those whose {' and '.join(map(describe, fault.caller))}" if fault.caller else ""
    return f"{', '.join(parts)}{whom}" + (f"  [{fault.source}]" if fault.source else "")


def _limit(limit: RateLimit) -> str:
    bucket, what = limit.bucket, "connections" if limit.connections else "requests"
    each = f", for each {' and '.join(part.name or part.by for part in limit.by)}" if limit.by else ""
    source = f"  [{limit.source}]" if limit.source else ""
    return (
        f"{bucket.size} {what}, then {bucket.refill} each {bucket.interval:g} s, {SCOPES[limit.scope]}{each}; "
        f"beyond it HTTP {limit.status}{source}"
    )


def origin_entries(upstreams: Iterable[Upstream]) -> Iterator[Entry]:
    """What holds for the origins of a route. Where nobody says anything, nothing is told."""
    for resilience in dict.fromkeys(upstream.resilience for upstream in upstreams):
        if resilience.source is not None:
            yield "said by", f"[{resilience.source}]"
        yield from _balancing(resilience)
        limits = [
            f"{getattr(resilience.limits, name)} {text}"
            for name, text in LIMITS.items()
            if getattr(resilience.limits, name) is not None
        ]
        if limits:
            yield "limits", f"at most {', '.join(limits)}"
        if resilience.outliers is not None:
            yield "ejection", _ejection(resilience.outliers)
        for check in resilience.health:
            yield "health", f"{check.probe} every {check.interval:g} s"
        if resilience.panic_percent:
            yield "panic", f"below {resilience.panic_percent:g} % of healthy endpoints"
        if resilience.proxy_protocol:
            yield "begins with", f"PROXY protocol, version {resilience.proxy_protocol}"


def _balancing(resilience: Resilience) -> Iterator[Entry]:
    balancing = resilience.balancing
    if balancing == PLAIN_RESILIENCE.balancing:
        return
    keys = ", ".join(f"{key.on} {key.name}".strip() for key in balancing.hash_keys)
    yield "balancing", f"{balancing.balancer}{f' by {keys}' if keys else ''}"


def _ejection(outliers: Outliers) -> str:
    counted = {
        "5xx": outliers.consecutive_5xx,
        "502, 503 or 504": outliers.consecutive_gateway,
        "failed connections": outliers.consecutive_local,
    }
    runs = [f"{number} {what} in a row" for what, number in counted.items() if number]
    return (
        f"after {' or '.join(runs) or 'nothing in a row'}, for {outliers.base_ejection:g} s and longer, "
        f"{outliers.maximum_percent:g} % of endpoints at most"
    )
