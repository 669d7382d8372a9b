"""Envoy's RBAC filters, evaluated from their configuration: the referee for access rules.

Written from Envoy's API alone; it shares nothing with the package it referees. A field that it does not know is an
error, never a match.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

PATH_CHARACTERS = r"a-zA-Z0-9\-._~%!$&'()+,;:@="


@dataclass(frozen=True)
class Connection:
    """What the filters look at. Headers are looked up by lower-case name and hold the pseudo-headers too."""

    principal: str | None
    """A URI SAN of a verified client certificate."""
    source_ip: str
    destination_ip: str
    port: int
    sni: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return re.split(r"[?#]", self.headers.get(":path", ""))[0]


@dataclass(frozen=True)
class Outcome:
    """What a chain of filters comes to: the verdict, and what each engine in shadow mode would have said."""

    allowed: bool
    shadows: Mapping[str, bool]
    """By action: whether that engine would have let it through."""
    logged: bool = False


def evaluate(filters: list[Mapping[str, Any]], seen: Connection) -> Outcome:
    """The outcome of a filter chain, in which any filter may refuse."""
    allowed, logged, shadows = True, False, {}
    for config in (entry["typedConfig"] for entry in filters):
        known = {"@type", "rules", "shadowRules", "shadowRulesStatPrefix", "statPrefix"}
        assert set(config) <= known, f"not evaluated: {set(config) - known}"
        if (rules := config.get("rules")) is not None:
            allowed = allowed and _lets_through(rules, seen)
            logged = logged or (rules.get("action") == "LOG" and _matched(rules, seen))
        if (shadow := config.get("shadowRules")) is not None:
            shadows[shadow.get("action", "ALLOW")] = _lets_through(shadow, seen)
    return Outcome(allowed, shadows, logged)


def _lets_through(rules: Mapping[str, Any], seen: Connection) -> bool:
    action = rules.get("action", "ALLOW")
    if action == "LOG":
        return True
    assert action in ("ALLOW", "DENY"), action
    return _matched(rules, seen) is (action == "ALLOW")


def _matched(rules: Mapping[str, Any], seen: Connection) -> bool:
    return any(
        any(_permission(one, seen) for one in policy["permissions"])
        and any(_principal(one, seen) for one in policy["principals"])
        for policy in rules.get("policies", {}).values()
    )


def _permission(rule: Mapping[str, Any], seen: Connection) -> bool:
    ((kind, value),) = rule.items()
    match kind:
        case "andRules":
            return all(_permission(one, seen) for one in value["rules"])
        case "orRules":
            return any(_permission(one, seen) for one in value["rules"])
        case "notRule":
            return not _permission(value, seen)
        case "destinationIp":
            return _in_range(seen.destination_ip, value)
        case "destinationPort":
            return seen.port == value
        case "requestedServerName":
            return _string(value, seen.sni)
        case "uriTemplate":
            return _template(value["typedConfig"]["pathTemplate"], seen.path)
    return _either(kind, value, seen)


def _principal(identity: Mapping[str, Any], seen: Connection) -> bool:
    ((kind, value),) = identity.items()
    match kind:
        case "andIds":
            return all(_principal(one, seen) for one in value["ids"])
        case "orIds":
            return any(_principal(one, seen) for one in value["ids"])
        case "notId":
            return not _principal(value, seen)
        case "authenticated":
            return seen.principal is not None and _string(value["principalName"], seen.principal)
        case "directRemoteIp" | "remoteIp" | "sourceIp":
            return _in_range(seen.source_ip, value)
    return _either(kind, value, seen)


def _either(kind: str, value: Any, seen: Connection) -> bool:
    """What permissions and principals have in common."""
    match kind:
        case "any":
            return bool(value)
        case "header":
            return _header(value, seen)
        case "urlPath":
            return _string(value["path"], seen.path)
        case "metadata":
            return _metadata(value, seen)
    raise NotImplementedError(kind)


def _header(matcher: Mapping[str, Any], seen: Connection) -> bool:
    rest = {key: value for key, value in matcher.items() if key != "name"}
    ((kind, value),) = rest.items()
    text = seen.headers.get(matcher["name"].lower())
    if kind == "presentMatch":
        return (text is not None) is value
    assert kind == "stringMatch", kind
    return text is not None and _string(value, text)


def _string(matcher: Mapping[str, Any], text: str) -> bool:
    rest = {key: value for key, value in matcher.items() if key != "ignoreCase"}
    ((kind, value),) = rest.items()
    if kind == "safeRegex":
        return re.fullmatch(value["regex"], text) is not None
    if matcher.get("ignoreCase"):
        value, text = value.lower(), text.lower()
    match kind:
        case "exact":
            return text == value
        case "prefix":
            return text.startswith(value)
        case "suffix":
            return text.endswith(value)
    raise NotImplementedError(kind)


def _in_range(text: str, cidr: Mapping[str, Any]) -> bool:
    return ip_address(text) in ip_network(f"{cidr['addressPrefix']}/{cidr['prefixLen']}", strict=False)


def _template(template: str, path: str) -> bool:
    pieces = re.split(r"(\*\*|\*)", template)
    wildcards = {"**": f"[{PATH_CHARACTERS}/]*", "*": f"[{PATH_CHARACTERS}]+"}
    return re.fullmatch("".join(wildcards.get(piece, re.escape(piece)) for piece in pieces), path) is not None


def _metadata(matcher: Mapping[str, Any], seen: Connection) -> bool:
    value: Any = seen.metadata.get(matcher["filter"])
    for step in matcher["path"]:
        value = value.get(step["key"]) if isinstance(value, Mapping) else None
    return _value(matcher["value"], value)


def _value(matcher: Mapping[str, Any], value: Any) -> bool:
    ((kind, wanted),) = matcher.items()
    match kind:
        case "stringMatch":
            return isinstance(value, str) and _string(wanted, value)
        case "listMatch":
            return isinstance(value, list) and any(_value(wanted["oneOf"], one) for one in value)
        case "orMatch":
            return any(_value(one, value) for one in wanted["valueMatchers"])
    raise NotImplementedError(kind)
