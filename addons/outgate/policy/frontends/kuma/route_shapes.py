"""The shapes of MeshHTTPRoute and MeshTCPRoute, and what their fields ask of each other.

What they come to is `http_routes.py`'s and `tcp_routes.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.policy.frontends.expressions import expression_fault
from outgate.policy.frontends.kuma.allowed import SERVICES
from outgate.policy.frontends.kuma.dialect import Dialect
from outgate.policy.frontends.kuma.entries import Entry
from outgate.policy.frontends.kuma.shapes import PERCENT
from outgate.policy.frontends.kuma.target import BACKEND, TARGET, check
from outgate.policy.header_formats import header_value
from outgate.policy.model import Fate
from outgate.policy.schema import Boolean, Choice, Field, Fields, Integer, Reading, Record, Sequence, Text

BACKENDS = ("MeshService", "MeshServiceSubset", "MeshExternalService", "MeshMultiZoneService")
METHODS = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
NAME = Text(empty=False)
AUTHORITY = ("host", ":authority")
HEADER_KINDS = ("Exact", "Present", "RegularExpression", "Absent", "Prefix")
VALUELESS = ("Present", "Absent")

HEADER = Fields({"name": Field(NAME, required=True), "value": Field(Text(), required=True)})
CHANGES = Fields({"set": Field(Sequence(HEADER)), "add": Field(Sequence(HEADER)), "remove": Field(Sequence(NAME))})
PATH_CHANGE = Fields(
    {
        "type": Field(Choice(("ReplaceFullPath", "ReplacePrefixMatch")), required=True),
        "replaceFullPath": Field(Text()),
        "replacePrefixMatch": Field(Text()),
    }
)
REDIRECT = Fields(
    {
        "scheme": Field(Choice(("http", "https"))),
        "hostname": Field(NAME),
        "path": Field(PATH_CHANGE),
        "port": Field(Integer(1, 65535)),
        "statusCode": Field(Integer(301, 308)),
    }
)
REWRITE = Fields({"hostname": Field(NAME), "hostToBackendHostname": Field(Boolean()), "path": Field(PATH_CHANGE)})
MIRROR = Fields({"percentage": Field(PERCENT), "backendRef": Field(BACKEND, required=True)})
FILTERS = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
    "RequestRedirect": "requestRedirect",
    "URLRewrite": "urlRewrite",
    "RequestMirror": "requestMirror",
}
FILTER = Fields(
    {
        "type": Field(Choice(tuple(FILTERS)), required=True),
        "requestHeaderModifier": Field(CHANGES),
        "responseHeaderModifier": Field(CHANGES),
        "requestRedirect": Field(REDIRECT),
        "urlRewrite": Field(REWRITE),
        "requestMirror": Field(MIRROR),
    }
)
PATH = Fields(
    {
        "type": Field(Choice(("Exact", "PathPrefix", "RegularExpression")), required=True),
        "value": Field(Text(), required=True),
    }
)
QUERY = Fields(
    {
        "type": Field(Choice(("Exact", "RegularExpression")), required=True),
        "name": Field(NAME, required=True),
        "value": Field(Text(), required=True),
    }
)
NAMED = Fields({"type": Field(Choice(HEADER_KINDS)), "name": Field(NAME, required=True), "value": Field(Text())})
MATCH = Fields(
    {
        "path": Field(PATH),
        "method": Field(Choice(METHODS)),
        "queryParams": Field(Sequence(QUERY)),
        "headers": Field(Sequence(NAMED)),
    }
)
HTTP_RULE = Fields(
    {
        "matches": Field(Sequence(MATCH)),
        "default": Field(Fields({"filters": Field(Sequence(FILTER)), "backendRefs": Field(Sequence(BACKEND))})),
    }
)
TCP_RULE = Fields({"default": Field(Fields({"backendRefs": Field(Sequence(BACKEND))}))})
HTTP_ITEM = Fields(
    {
        "targetRef": Field(TARGET, required=True),
        "hostnames": Field(Sequence(NAME), fate=Fate.IGNORED, note="of gateways of the mesh"),
        "rules": Field(Sequence(HTTP_RULE)),
    }
)
TCP_ITEM = Fields({"targetRef": Field(TARGET, required=True), "rules": Field(Sequence(TCP_RULE))})


def check_http(entry: Entry) -> None:
    reading, gateway = entry.resource.reading, _of_gateway(entry)
    if "hostnames" in entry.conf and not gateway:
        what = "must not be defined"
        reading.error(entry.conf.at("hostnames"), entry.conf.under("hostnames"), what, "only gateways have hostnames")
    for rule in entry.conf.get("rules", []):
        matches: list[Record] = rule.get("matches", [])
        for match in matches:
            _check_match(match, reading)
        conf: Record | None = rule.get("default")
        if conf is None:
            continue
        for record in conf.get("filters", []):
            _check_filter(record, matches, entry, gateway=gateway)
        _check_backends(conf, entry)
        redirects = any(record.get("type") == "RequestRedirect" for record in conf.get("filters", []))
        if gateway and not conf.get("backendRefs") and not redirects:
            reading.error(conf.at("backendRefs"), conf.under("backendRefs"), "must not be empty", "add one")


def check_tcp(entry: Entry) -> None:
    rules: list[Record] = entry.conf.get("rules", [])
    if len(rules) > 1:
        what = "only one rule is allowed"
        entry.resource.reading.error(entry.conf.at("rules"), entry.conf.under("rules"), what, "remove the others")
    for rule in rules:
        if (conf := rule.get("default")) is not None:
            _check_backends(conf, entry)


def _of_gateway(entry: Entry) -> bool:
    return entry.top is not None and entry.top.get("kind") == "MeshGateway"


def _check_match(match: Record, reading: Reading) -> None:
    path: Record | None = match.get("path")
    if path is not None:
        _check_path(path, reading)
    seen: set[str] = set()
    for query in match.get("queryParams", []):
        if query.get("name") in seen:
            what = f"multiple entries for name {query.get('name')}"
            reading.error(query.at("name"), query.under("name"), what, "keep one")
        seen.add(query.get("name"))
    for header in match.get("headers", []):
        if header.get("type") in VALUELESS and "value" in header:
            reading.error(header.at("value"), header.under("value"), "must not be defined", "remove it")
    for record in [*match.get("queryParams", []), *match.get("headers", [])]:
        _check_expression(record, reading)


def _check_path(path: Record, reading: Reading) -> None:
    kind, value = path.get("type"), path.get("value", "")
    _check_expression(path, reading)
    if kind != "RegularExpression" and not value.startswith("/"):
        reading.error(path.at("value"), path.under("value"), "must be an absolute path", "begin with a slash")
    elif kind == "PathPrefix" and value.endswith("/") and value != "/":
        what = "does not need a trailing slash because only a `/`-separated prefix or an entire path is matched"
        reading.error(path.at("value"), path.under("value"), what, "remove the slash")


def _check_expression(record: Record, reading: Reading) -> None:
    if record.get("type") == "RegularExpression" and (why := expression_fault(record.get("value", ""))):
        reading.error(record.at("value"), record.under("value"), f"is no RE2 expression: {why}")


def _check_filter(record: Record, matches: Iterable[Record], entry: Entry, *, gateway: bool) -> None:
    reading, name = entry.resource.reading, FILTERS[record.get("type")]
    block: Record | None = record.get(name)
    if block is None:
        reading.error(record.where, record.under(name), "must be defined", "add it")
        return
    if name.endswith("HeaderModifier"):
        _check_changes(block, reading)
    if name == "requestMirror" and (backend := block.get("backendRef")) is not None:
        _check_backend(backend, entry)
    change: Record | None = block.get("path") if name in ("requestRedirect", "urlRewrite") else None
    if change is not None:
        _check_path_change(change, matches, reading)
    if name == "urlRewrite" and block.get("hostToBackendHostname") and not gateway:
        where, path = block.at("hostToBackendHostname"), block.under("hostToBackendHostname")
        reading.error(where, path, "can only be set with MeshGateway", "origins are told their own name anyway")


def _check_path_change(change: Record, matches: Iterable[Record], reading: Reading) -> None:
    kind = change.get("type", "")
    needed = kind[:1].lower() + kind[1:]
    if needed not in change.places:
        reading.error(change.where, change.under(needed), "must be defined", "add it")
    prefixed = all((path := match.get("path")) is not None and path.get("type") == "PathPrefix" for match in matches)
    if kind == "ReplacePrefixMatch" and not prefixed:
        what = "can only be used when all matches match on a path prefix"
        reading.error(change.at("type"), change.under("type"), what, "use ReplaceFullPath")


def _check_changes(block: Record, reading: Reading) -> None:
    if not block.places:
        what = "must have at least one defined: set, add, remove"
        reading.error(block.where, block.path, what, "add one")
    seen: set[str] = set()
    for kind in ("set", "add", "remove"):
        for index, item in enumerate(block.get(kind, [])):
            name = (item.get("name") if isinstance(item, Record) else item).lower()
            if name in seen:
                path = f"{block.under(kind)}[{index}].name"
                reading.error(block.at(kind), path, "duplicate header name", "keep one")
            seen.add(name)
            if isinstance(item, Record):
                _check_value(item, name, reading)


def _check_value(header: Record, name: str, reading: Reading) -> None:
    """A value is Envoy's, with operators; a host has to be known beforehand."""
    try:
        made = header_value(header.get("value", ""))
    except ValueError as error:
        reading.error(header.at("value"), header.under("value"), str(error))
        return
    if name in AUTHORITY and not isinstance(made, str):
        reading.error(header.at("value"), header.under("value"), "a host cannot be made of the request", "write it")


def _check_backends(conf: Record, entry: Entry) -> None:
    for backend in conf.get("backendRefs", []):
        _check_backend(backend, entry)


def _check_backend(backend: Record, entry: Entry) -> None:
    reading, dialect = entry.resource.reading, entry.resource.dialect
    kinds = SERVICES if dialect is Dialect.V3_0 else BACKENDS
    wider = Dialect.V2_14.value if backend.get("kind") in BACKENDS else ""
    check(backend, kinds, wider, dialect, reading)
    if backend.get("kind") == "MeshMultiZoneService" and "port" not in backend:
        what = "must be defined with kind MeshMultiZoneService"
        reading.error(backend.where, backend.under("port"), what, "add it")
