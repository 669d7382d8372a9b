"""What an `EgressTraffic` says of requests: routes, and what each of them does.

Owns the translation into `Route`, field by field, and what the fields of one route ask of each other. Where a backend
is, `traffic.py` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from outgate.policy.frontends.native.resource import Resource
from outgate.policy.frontends.native.traffic_fields import ACTS
from outgate.policy.frontends.native.traffic_matching import caller, named, route_match
from outgate.policy.rewriting import substitution_fault
from outgate.policy.route_model import (
    UNCHANGED,
    Abort,
    Backend,
    Backoff,
    Bandwidth,
    Bucket,
    Delay,
    DirectResponse,
    Events,
    Fault,
    HeaderChange,
    LimitBy,
    LimitPart,
    LimitScope,
    Mirror,
    RateLimit,
    RateLimitedBackoff,
    Redirect,
    ResetFormat,
    RetryPolicy,
    Rewrite,
    Route,
)
from outgate.policy.schema import Reading, Record

type Find = Callable[[Record], Backend | None]
"""The backend of a place, or None, said why."""

REDIRECTS = (301, 302, 303, 307, 308)
ENDS = ("to", "redirect", "answer", "notFound")


def routes(resource: Resource, spec: Record, find: Find) -> tuple[Route, ...]:
    """Those that are listed, each with what is said for all of them; else the one that this makes."""
    general = Record(spec.where, spec.path, {name: spec.get(name) for name in ACTS if name in spec}, spec.places)
    listed: list[Record] = spec.get("routes", [])
    if not listed and not general.values:
        return ()
    made = tuple(_route(resource, _over(general, record), find) for record in listed or [general])
    for route, record in zip(made, listed[1:], strict=False):
        if not route.matches:
            resource.reading.error(record.where, record.path, "is never reached: the one before takes everything", "")
    return made


def _over(general: Record, record: Record) -> Record:
    return Record(record.where, record.path, general.values | record.values, general.places | record.places)


def _route(resource: Resource, record: Record, find: Find) -> Route:
    reading = resource.reading
    given = [name for name in ENDS if name in record]
    if len(given) > 1 or ("rewrite" in record and given and given[0] != "to"):
        reading.error(record.where, record.path, f"{' and '.join([*given, 'rewrite'][:2])} at once", "keep one")
    matches = tuple(route_match(resource, each) for each in record.get("match", ()))
    answer: Record | None = record.get("answer")
    return Route(
        name=record.get("name", ""),
        matches=matches,
        backends=tuple(made for each in record.get("to", ()) if (made := _backend(each, find)) is not None),
        redirect=_redirect(record.get("redirect"), reading),
        direct=_direct(answer) if answer is not None else None,
        missing=record.get("notFound", False),
        rewrite=_rewrite(resource, record),
        source=resource.source(record.path, record.where),
        **_acts(resource, record, find),
    )


def _acts(resource: Resource, record: Record, find: Find) -> dict[str, Any]:
    reading = resource.reading
    mirrors = ((each, find(each)) for each in record.get("mirrors", ()))
    return {
        "request_headers": change(record.get("requestHeaders")),
        "response_headers": change(record.get("responseHeaders")),
        "timeout": record.get("timeout"),
        "idle_timeout": record.get("idleTimeout"),
        "maximum_duration": record.get("maximumDuration"),
        "retry": _retry(record.get("retries"), resource) if "retries" in record else None,
        "connect_attempts": record.get("connectAttempts", 1),
        "faults": tuple(_fault(resource, each) for each in record.get("faults", ())),
        "mirrors": tuple(Mirror(made, each.get("percent", 100.0)) for each, made in mirrors if made is not None),
        "limits": tuple(_limit(resource, each, reading.kind) for each in record.get("rateLimits", ())),
    }


def _backend(record: Record, find: Find) -> Backend | None:
    made = find(record)
    if made is None:
        return None
    return Backend(
        made.key,
        made.upstream,
        made.host,
        record.get("weight", 1),
        change(record.get("requestHeaders")),
        change(record.get("responseHeaders")),
    )


def change(record: Record | None) -> HeaderChange:
    """Names as they are written: an origin that asks for more than their letters gets its spelling."""
    if record is None:
        return UNCHANGED
    return HeaderChange(
        set=tuple(record.get("set", {}).items()),
        add=tuple(record.get("add", {}).items()),
        remove=tuple(record.get("remove", ())),
    )


def _redirect(record: Record | None, reading: Reading) -> Redirect | None:
    if record is None:
        return None
    status = record.get("status", 301)
    if status not in REDIRECTS:
        what = f"{status} does not send anybody elsewhere"
        reading.error(record.at("status"), record.under("status"), what, f"use one of {', '.join(map(str, REDIRECTS))}")
    for name, other in (("prefix", "path"), ("portOfScheme", "port")):
        if name in record and other in record:
            reading.error(record.at(name), record.under(name), f"cannot stand beside {other}", "keep one")
    return Redirect(
        status=status,
        scheme=record.get("scheme"),
        authority=record.get("authority"),
        port=record.get("port"),
        port_of_scheme=record.get("portOfScheme", False),
        path=record.get("path"),
        prefix=record.get("prefix"),
    )


def _direct(record: Record) -> DirectResponse:
    return DirectResponse(record.get("status", 0), record.get("body", "").encode("utf-8", "surrogateescape"))


def _rewrite(resource: Resource, route: Record) -> Rewrite | None:
    record: Record | None = route.get("rewrite")
    if record is None:
        return None
    reading = resource.reading
    paths = [name for name in ("path", "prefix", "regex") if name in record]
    if len(paths) > 1 or ("authority" in record and record.get("toBackend")):
        reading.error(record.where, record.path, "rewrites one thing in two ways", "keep one of them")
    if ("substitution" in record) is not ("regex" in record):
        reading.error(record.where, record.path, "regex and substitution belong together", "give both")
    elif "regex" in record and (fault := substitution_fault(record.get("regex"), record.get("substitution"))):
        reading.error(record.at("substitution"), record.under("substitution"), fault, "write \\1 to \\9 for groups")
    if "prefix" in record and not all("path" in each for each in route.get("match", ()) or [record]):
        reading.error(record.at("prefix"), record.under("prefix"), "no prefix is matched", "match path in each match")
    return Rewrite(
        path=record.get("path"),
        prefix=record.get("prefix"),
        pattern=record.get("regex"),
        substitution=record.get("substitution", ""),
        authority=record.get("authority"),
        to_backend=record.get("toBackend", False),
    )


def _retry(record: Record, resource: Resource) -> RetryPolicy | None:
    if not record.get("attempts", 0):
        return None
    statuses, headers = tuple(record.get("statuses", ())), named(record.get("headers"), resource.reading)
    implied = {"retriable-status-codes"} if statuses else set[str]()
    implied |= {"retriable-headers"} if headers else set()
    on = set(record.get("on", ())) | implied
    if not on:
        resource.reading.error(record.where, record.path, "does not say when to retry", "give on or statuses")
    after: Record | None = record.get("retryAfter")
    return RetryPolicy(
        record.get("attempts"),
        on=Events(on),
        statuses=statuses,
        headers=headers,
        methods=tuple(record.get("methods", ())),
        any_method=record.get("anyMethod", False),
        per_try_timeout=record.get("perTryTimeout"),
        backoff=_backoff(record.get("backoff")),
        rate_limited=_waiting(after) if after is not None else None,
        other_hosts=record.get("otherHosts", True),
        host_selections=record.get("hostSelections", 5),
    )


def _backoff(record: Record | None) -> Backoff:
    if record is None:
        return Backoff()
    base = record.get("base", Backoff().base)
    return Backoff(base, record.get("maximum", 10 * base))


def _waiting(record: Record) -> RateLimitedBackoff:
    headers = tuple((name.lower(), ResetFormat(form)) for name, form in record.get("headers", {}).items())
    return RateLimitedBackoff(headers, record.get("maximum", RateLimitedBackoff(()).maximum))


def _fault(resource: Resource, record: Record) -> Fault:
    delay, abort, width = record.get("delay"), record.get("abort"), record.get("bandwidth")
    reading = resource.reading
    if delay is None and abort is None and width is None:
        reading.error(record.where, record.path, "does nothing", "give delay, abort or bandwidth")
    if abort is not None and ("status" in abort) is ("grpcStatus" in abort):
        reading.error(abort.where, abort.path, "needs one of status and grpcStatus", "keep one")
    return Fault(
        delay=Delay(delay.get("duration", 0), delay.get("percent", 100.0)) if delay is not None else None,
        abort=_abort(abort) if abort is not None else None,
        bandwidth=Bandwidth(width.get("bytesPerSecond", 1), width.get("percent", 100.0)) if width is not None else None,
        caller=caller(resource, record.get("from")),
        headers=named(record.get("headers"), reading),
        source=resource.source(record.path, record.where),
    )


def _abort(record: Record) -> Abort:
    return Abort(record.get("status"), record.get("grpcStatus"), record.get("percent", 100.0))


def _limit(resource: Resource, record: Record, kind: str) -> RateLimit:
    scope = LimitScope(record.get("scope", LimitScope.PROCESS))
    parts = [LimitPart(LimitBy(each)) for each in record.get("by", ())]
    parts += [LimitPart(LimitBy.HEADER, name.lower()) for name in record.get("byHeaders", ())]
    if record.get("connections") and (parts or "headers" in record):
        what = "connections have no headers, methods or paths"
        resource.reading.error(record.at("connections"), record.under("connections"), what, "remove by and headers")
    if "allowOnFailure" in record and scope is not LimitScope.GLOBAL:
        what = f"nothing fails with scope {scope}"
        resource.reading.error(record.at("allowOnFailure"), record.under("allowOnFailure"), what, "remove it")
    if ("name" in record) is ("key" in record):
        resource.reading.error(record.where, record.path, "needs a name, or the key of a bucket it shares", "give one")
    tokens = record.get("tokens", 1)
    own = f"{kind}/{resource.namespace}/{resource.document.name}/{record.get('name', '')}"
    return RateLimit(
        key=record.get("key", own),
        bucket=Bucket(tokens, record.get("refill", tokens), record.get("interval", 1.0)),
        scope=scope,
        by=tuple(parts),
        connections=record.get("connections", False),
        caller=caller(resource, record.get("from")),
        headers=named(record.get("headers"), resource.reading),
        enabled_percent=record.get("enabledPercent", 100.0),
        enforced_percent=record.get("enforcedPercent", 100.0),
        status=record.get("status", 429),
        response_headers=change(record.get("responseHeaders")),
        allow_on_failure=record.get("allowOnFailure", False),
        source=resource.source(record.path, record.where),
    )
