"""A route, as an `EgressTraffic` writes it.

Owns the fields of `Route` and of everything on it. Where a route leads is written by whoever knows the destinations.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.converting.values import Content, caller, change, duration, given, named, text, text_match
from outgate.policy.route_model import (
    Backend,
    Backoff,
    Bucket,
    DirectResponse,
    Fault,
    LimitBy,
    LimitScope,
    RateLimit,
    RateLimitedBackoff,
    Redirect,
    RetryPolicy,
    Rewrite,
    Route,
    RouteMatch,
    TextKind,
    TextMatch,
)

type Place = Callable[[Backend], Content]
"""The fields that say which origin is meant."""


def route(said: Route, place: Place) -> Content:
    made: Content = given({"name": said.name, "match": [match(each) for each in said.matches]})
    if said.backends:
        made["to"] = [_backend(each, place) for each in said.backends]
    if said.redirect is not None:
        made["redirect"] = _redirect(said.redirect)
    if said.direct is not None:
        made["answer"] = _answer(said.direct)
    made |= given({"notFound": said.missing})
    if said.rewrite is not None:
        made["rewrite"] = _rewrite(said.rewrite)
    return made | _acts(said, place)


def match(said: RouteMatch) -> Content:
    made: Content = given({"kinds": list(map(str, said.kinds)), "hosts": list(said.hosts)})
    for name in ("path", "method", "scheme", "authority"):
        test: TextMatch | None = getattr(said, name)
        if test is not None:
            made[name] = test.value if name == "scheme" and _is_plain(test) else text_match(test)
    made |= given({"headers": named(said.headers), "queries": named(said.queries), "from": caller(said.caller)})
    return made | given({"snis": list(said.sni), "addresses": list(map(str, said.networks))})


def _is_plain(test: TextMatch) -> bool:
    return test == TextMatch(TextKind.EXACT, test.value) and test.value in ("http", "https")


def _backend(said: Backend, place: Place) -> Content:
    made = place(said)
    if said.weight != 1:
        made["weight"] = said.weight
    heads = {"requestHeaders": change(said.request_headers), "responseHeaders": change(said.response_headers)}
    return made | given(heads)


def _redirect(said: Redirect) -> Content:
    return {"status": said.status} | given(
        {
            "scheme": said.scheme,
            "authority": said.authority,
            "port": said.port,
            "portOfScheme": said.port_of_scheme,
            "path": said.path,
            "prefix": said.prefix,
        }
    )


def _answer(said: DirectResponse) -> Content:
    return {"status": said.status} | given({"body": text(said.body)})


def _rewrite(said: Rewrite) -> Content:
    made = given({"path": said.path, "prefix": said.prefix, "regex": said.pattern})
    if said.pattern is not None:
        made["substitution"] = said.substitution
    return made | given({"authority": said.authority, "toBackend": said.to_backend})


def _acts(said: Route, place: Place) -> Content:
    made: Content = given(
        {"requestHeaders": change(said.request_headers), "responseHeaders": change(said.response_headers)}
    )
    for name, seconds in (
        ("timeout", said.timeout),
        ("idleTimeout", said.idle_timeout),
        ("maximumDuration", said.maximum_duration),
    ):
        if seconds is not None:
            made[name] = duration(seconds)
    if said.retry is not None:
        made["retries"] = _retries(said.retry)
    if said.connect_attempts != 1:
        made["connectAttempts"] = said.connect_attempts
    mirrors = [place(each.backend) | _share(each.percent) for each in said.mirrors]
    limits = [limit(each) for each in said.limits]
    return made | given({"faults": [_fault(each) for each in said.faults], "mirrors": mirrors, "rateLimits": limits})


def _share(percent: float) -> Content:
    return {"percent": percent} if percent != 100 else {}


def _retries(said: RetryPolicy) -> Content:
    made: Content = {"attempts": said.retries, "on": sorted(said.on)}
    made |= given({"statuses": list(said.statuses), "headers": named(said.headers), "methods": list(said.methods)})
    made |= given({"anyMethod": said.any_method})
    if said.per_try_timeout is not None:
        made["perTryTimeout"] = duration(said.per_try_timeout)
    if said.backoff != Backoff():
        made["backoff"] = {"base": duration(said.backoff.base), "maximum": duration(said.backoff.maximum)}
    if said.rate_limited is not None:
        made["retryAfter"] = _waiting(said.rate_limited)
    if not said.other_hosts:
        made["otherHosts"] = False
    return made | ({"hostSelections": said.host_selections} if said.host_selections != 5 else {})


def _waiting(said: RateLimitedBackoff) -> Content:
    return {"headers": {name: str(form) for name, form in said.headers}, "maximum": duration(said.maximum)}


def _fault(said: Fault) -> Content:
    made: Content = {}
    if said.delay is not None:
        made["delay"] = {"duration": duration(said.delay.seconds)} | _share(said.delay.percent)
    if said.abort is not None:
        kind, status = ("status", said.abort.status) if said.abort.status is not None else ("grpcStatus", None)
        made["abort"] = {kind: status if status is not None else said.abort.grpc_status} | _share(said.abort.percent)
    if said.bandwidth is not None:
        made["bandwidth"] = {"bytesPerSecond": round(said.bandwidth.bytes_per_second)} | _share(said.bandwidth.percent)
    return made | given({"from": caller(said.caller), "headers": named(said.headers)})


def limit(said: RateLimit) -> Content:
    """Under the key of its buckets, so that those who shared them go on doing so."""
    made: Content = {"key": said.key, **_bucket(said.bucket)}
    if said.scope is not LimitScope.PROCESS:
        made["scope"] = str(said.scope)
    made |= given(
        {
            "by": [str(part.by) for part in said.by if part.by is not LimitBy.HEADER],
            "byHeaders": [part.name for part in said.by if part.by is LimitBy.HEADER],
            "connections": said.connections,
            "from": caller(said.caller),
            "headers": named(said.headers),
        }
    )
    for name, percent in (("enabledPercent", said.enabled_percent), ("enforcedPercent", said.enforced_percent)):
        if percent != 100:
            made[name] = percent
    if said.status != 429:
        made["status"] = said.status
    return made | given({"responseHeaders": change(said.response_headers), "allowOnFailure": said.allow_on_failure})


def _bucket(said: Bucket) -> Content:
    made: Content = {"tokens": said.size}
    if said.refill != said.size:
        made["refill"] = said.refill
    return made | {"interval": duration(said.interval)}
