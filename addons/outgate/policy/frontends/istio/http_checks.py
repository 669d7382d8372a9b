"""What Istio asks of an HTTP route's fields together, and which of them the gate may not leave out silently.

Owns the exclusions between what a route can do, the rules for headers, and string matches. Knows no other route.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from outgate.policy.frontends.istio.common import Item, check_gateway_names, one_of, unapplied
from outgate.policy.frontends.istio.envoy_format import format_fault
from outgate.policy.frontends.istio.http_route import AUTHORITY, CLAIM, HEADER_VALUE, header_fault, regex_fault
from outgate.policy.schema import Reading, Record

LARGE_BODY = 1024 * 1024
NOTABLE_BODY = 100 * 1024


def check(route: Record, reading: Reading, *, delegated: bool, gateway: bool) -> None:
    """Of one route. `delegated`: its VirtualService has no hosts; `gateway`: it is bound to gateways only."""
    _check_conflicts(route, reading, delegated=delegated)
    for match in route.get("match", []):
        _check_match(match, reading, gateway=gateway)
    _check_headers(route.get("headers"), reading)
    for destination in route.get("route", []):
        _check_headers(destination.get("headers"), reading)
    _check_authority(route, reading)
    _check_fault(route.get("fault"), reading)
    _check_redirect(route, reading)
    _check_direct(route.get("directResponse"), reading)
    check_retries(route.get("retries"), reading)
    _check_rewrite(route.get("rewrite"), reading)
    _check_cors(route.get("corsPolicy"), reading)
    if "mirrorPercent" in route:
        reading.warn(route.at("mirrorPercent"), route.under("mirrorPercent"), "is deprecated", "use mirrorPercentage")


def _check_conflicts(route: Record, reading: Reading, *, delegated: bool) -> None:
    if "delegate" in route:
        if delegated:
            reading.error(route.at("delegate"), route.under("delegate"), "a delegate cannot delegate", "remove it")
        _refuse(route, ("redirect", "directResponse"), "delegate", reading)
        if "route" in route.places:
            _beside(route, "route", "delegate", reading)
        return
    whole = next((name for name in ("redirect", "directResponse") if name in route), "")
    if whole:
        _refuse(
            route, ("route", "fault", "rewrite", *(("directResponse",) if whole == "redirect" else ())), whole, reading
        )
    elif "route" not in route.places or (route.get("route") == [] and not reading.failed):
        reading.error(route.where, route.path, "leads nowhere", "add a route, redirect or directResponse")
    one_of(route, ("mirror", "mirrors"), reading)


def _refuse(route: Record, names: Iterable[str], beside: str, reading: Reading) -> None:
    for name in names:
        if name in route and route.get(name) != []:
            _beside(route, name, beside, reading)


def _beside(route: Record, name: str, beside: str, reading: Reading) -> None:
    reading.error(route.at(name), route.under(name), f'cannot stand beside "{beside}"', "keep one of them")


def _check_match(match: Record, reading: Reading, *, gateway: bool) -> None:
    for name in ("uri", "scheme", "method", "authority"):
        check_string(match.get(name), reading, empty=name == "uri")
    for name in ("headers", "withoutHeaders", "queryParams"):
        for key, item in match.get(name, {}).items():
            if name != "queryParams":
                _check_matched_header(key, item, reading, gateway=gateway)
            present = name == "withoutHeaders" and item.value.get("regex") == "*"
            if not present:
                check_string(item.value, reading)
    check_gateway_names(match.get("gateways", []), reading)


def _check_matched_header(name: str, item: Item, reading: Reading, *, gateway: bool) -> None:
    if CLAIM.fullmatch(name):
        if not gateway:
            reading.error(item.where, item.path, f'"{name}" is for gateways only', "bind the routes to a gateway")
        else:
            unapplied(reading, item.where, item.path, "it matches a token, which the gate does not verify")
    elif fault := header_fault(name):
        reading.error(item.where, item.path, f'"{name}" {fault}')


def check_string(match: Record | None, reading: Reading, *, empty: bool = False) -> None:
    """A string match: one way to match, and a valid one. `empty`: an empty prefix matches everything."""
    if match is None:
        return
    one_of(match, ("exact", "prefix", "regex"), reading)
    if match.get("prefix") == "" and not empty:
        reading.error(match.at("prefix"), match.under("prefix"), "is empty", "write what it starts with")
    if "regex" in match and (fault := regex_fault(match.get("regex"))):
        reading.error(match.at("regex"), match.under("regex"), f'"{match.get("regex")[:60]}" {fault}')


def _operations(headers: Record | None) -> Iterator[tuple[bool, str, Record]]:
    """Whether it is the request's, then the operations."""
    for name in ("request", "response"):
        operations: Record | None = headers.get(name) if headers is not None else None
        if operations is not None:
            yield name == "request", name, operations


def _check_headers(headers: Record | None, reading: Reading) -> None:
    for request, _, operations in _operations(headers):
        for verb in ("set", "add"):
            for name, item in operations.get(verb, {}).items():
                _check_operation(name, item, reading, authority=request)
                _check_value(item, reading)
        for item in operations.get("remove", []):
            _check_operation(item.value, item, reading, authority=False)


def _check_operation(name: str, item: Item, reading: Reading, *, authority: bool) -> None:
    if not name:
        reading.error(item.where, item.path, "a header needs a name")
    elif name.lower() in AUTHORITY and authority:
        return
    elif name.startswith(":") or name.lower() == "host":
        reading.error(item.where, item.path, f'"{name}" cannot be changed here', "only a request's host can be set")


def _check_value(item: Item, reading: Reading) -> None:
    if not HEADER_VALUE.fullmatch(item.value):
        reading.error(item.where, item.path, "has a control character")
    elif fault := format_fault(item.value):
        reading.error(item.where, item.path, f'"{item.value[:60]}" {fault}', 'write "%%" for a percent sign')


def _check_authority(route: Record, reading: Reading) -> None:
    """A request's host is set in one place at most."""
    rewrite: Record | None = route.get("rewrite")
    given = bool(rewrite is not None and rewrite.get("authority"))
    for request, _, operations in _operations(route.get("headers")):
        for verb in ("set", "add") if request else ():
            for name, item in operations.get(verb, {}).items():
                if name.lower() in AUTHORITY and given:
                    reading.error(item.where, item.path, "the host is set twice", "set it in one place")
                given = given or name.lower() in AUTHORITY


def _check_fault(fault: Record | None, reading: Reading) -> None:
    if fault is None:
        return
    if not fault.places:
        reading.error(fault.where, fault.path, "neither delay nor abort", "add one of them")
    delay: Record | None = fault.get("delay")
    if delay is not None:
        one_of(delay, ("fixedDelay", "exponentialDelay"), reading)
    abort: Record | None = fault.get("abort")
    if abort is not None:
        one_of(abort, ("httpStatus", "grpcStatus", "http2Error"), reading)
        if not {"httpStatus", "grpcStatus", "http2Error"} & abort.places.keys():
            reading.warn(abort.where, abort.path, "no status is set", "add httpStatus or grpcStatus")


def _check_redirect(route: Record, reading: Reading) -> None:
    redirect: Record | None = route.get("redirect")
    if redirect is None:
        return
    named = any(redirect.get(name) for name in ("uri", "prefixRewrite", "authority", "scheme"))
    if not named and not {"port", "derivePort"} & redirect.places.keys():
        reading.error(redirect.where, redirect.path, "goes nowhere", "set uri, authority, scheme or port")
    one_of(redirect, ("uri", "prefixRewrite"), reading)
    one_of(redirect, ("port", "derivePort"), reading)
    code = redirect.get("redirectCode", 0)
    if code and not 300 <= code <= 399:
        reading.error(
            redirect.at("redirectCode"),
            redirect.under("redirectCode"),
            f"{code} is no redirect",
            "use 301, 302, 303, 307 or 308",
        )
    for match in route.get("match", []) if redirect.get("prefixRewrite") else []:
        uri: Record | None = match.get("uri")
        if uri is not None and "prefix" not in uri:
            reading.error(
                redirect.at("prefixRewrite"),
                redirect.under("prefixRewrite"),
                "needs matches by prefix",
                "match uri by prefix",
            )


def _check_direct(response: Record | None, reading: Reading) -> None:
    body: Record | None = response.get("body") if response is not None else None
    if body is None:
        return
    one_of(body, ("string", "bytes"), reading)
    for name in ("string", "bytes"):
        size = len(body.get(name, "")) * (1 if name == "string" else 0.75)
        if size > LARGE_BODY:
            reading.error(body.at(name), body.under(name), "is larger than 1 MB", "serve it from somewhere else")
        elif size > NOTABLE_BODY:
            reading.warn(body.at(name), body.under(name), "is large", "serve it from somewhere else")


def check_retries(retries: Record | None, reading: Reading) -> None:
    if retries is None or retries.get("attempts", 0):
        return
    for name in sorted(retries.places.keys() - {"attempts"}):
        if retries.get(name) not in ("", None):
            reading.error(retries.at(name), retries.under(name), "has no effect with attempts 0", "set attempts")


def _check_rewrite(rewrite: Record | None, reading: Reading) -> None:
    if rewrite is None:
        return
    if not any(rewrite.get(name) for name in ("uri", "uriRegexRewrite", "authority")):
        reading.error(rewrite.where, rewrite.path, "rewrites nothing", "set uri, uriRegexRewrite or authority")
    if rewrite.get("uri"):
        one_of(rewrite, ("uri", "uriRegexRewrite"), reading)


def _check_cors(cors: Record | None, reading: Reading) -> None:
    if cors is None:
        return
    for origin in cors.get("allowOrigins", []):
        check_string(origin, reading)
        if not any(origin.get(name) for name in ("exact", "prefix", "regex")):
            reading.error(origin.where, origin.path, "matches no origin", "set exact, prefix or regex")
    age = cors.get("maxAge", 1.0)
    if age != int(age):
        reading.error(cors.at("maxAge"), cors.under("maxAge"), "is finer than a second", "use whole seconds")
