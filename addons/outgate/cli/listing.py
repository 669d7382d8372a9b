"""What a running gate has, as tables: the columns and the words of each.

Owns the step from the admin endpoint's answers to rows. Knows neither how they are asked for nor how they are printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

type Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """A table, and what is to be said about it."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def listeners(told: Told) -> Listing:
    rows = [(place, told["mode"], str(told["connections"]), str(told["limit"])) for place in told["places"]]
    return Listing(("listens", "mode", "open connections", "at most"), tuple(rows), (f"admin: {told['admin']}",))


def destinations(found: Iterable[Told], notes: Iterable[str] = ()) -> Listing:
    """Destinations that know their `last_use`."""
    columns = ("destination", "hosts", "ports", "owner", "purpose", "expires", "last use", "document")
    return Listing(columns, tuple(map(_destination, found)), tuple(notes))


def _destination(told: Told) -> tuple[str, ...]:
    return (
        f"{told['namespace']}/{told['name']}",
        ", ".join([*told["hosts"], *told["networks"]]),
        ", ".join(f"{port['number']} {port['protocol']}" for port in told["ports"]),
        told["owner"],
        told["purpose"],
        (told["expires"] or "")[:10],
        moment(told["last_use"]) or "never",
        place(told["source"]),
    )


def routes(told: Told) -> Listing:
    columns = ("host or network", "port", "protocol", "seen", "leads to", "TLS", "destination", "document")
    rows = tuple(row for each in told["routes"] for row in _route(each))
    for_whom = f"in namespace {told['namespace']}, " if told["namespace"] else ""
    scope = f", which {place(told['scope'])} narrows" if told["scope"] else ""
    said = f"{for_whom}{told['mode']}: everything else is {told['otherwise']}{scope}"
    return Listing(columns, rows, (said,))


def _route(told: Told) -> Iterator[tuple[str, ...]]:
    yield (
        told["match"],
        str(told["port"]),
        told["protocol"],
        told["seen"],
        "nowhere: it expired" if told["expired"] else told["leads_to"],
        told["tls"],
        told["destination"],
        place(told["source"]),
    )
    for route in told["routes"]:
        does = f" ({', '.join(route['does'])})" if route["does"] else ""
        head = f"- {route['match']}"
        yield head, "", "", "", f"{route['leads_to']}{does}", "", route["name"], place(route["source"])


def rules(told: list[Told]) -> Listing:
    columns = ("policy", "action", "mesh", "about", "rule", "document")
    return Listing(columns, tuple(row for each in told for row in _policy(each)))


def _policy(told: Told) -> Iterator[tuple[str, ...]]:
    action = f"{told['action']} (dry run)" if told["dry_run"] else told["action"]
    about = ", ".join(told["targets"]) or "every destination"
    for rule in told["rules"] or ["no rules: it matches nothing"]:
        yield f"{told['kind']} {told['name']}", action, told["mesh"], about, rule, place(told["source"])


def endpoints(found: Iterable[Told]) -> Listing:
    columns = ("destination", "port", "endpoint", "weight", "priority", "state", "active", "resolution", "document")
    return Listing(columns, tuple(row for each in found for row in _endpoints(each)))


def _endpoints(told: Told) -> Iterator[tuple[str, ...]]:
    states = _states(told["origins"])
    for port in told["ports"]:
        upstream, head = port["upstream"], (f"{told['namespace']}/{told['name']}", str(port["number"]))
        tail = (upstream["resolution"], place(port["source"] or told["source"]))
        for each in upstream["endpoints"]:
            at = f"{each['address']}:{each['port']}"
            yield *head, at, str(each["weight"]), str(each["priority"]), *states.pop(at, ("", "")), *tail
        if not upstream["endpoints"]:
            for name in [*told["hosts"], *told["networks"]]:
                yield *head, f"{name}:{upstream['port']}", "", "", "", "", *tail
    for at, state in states.items():  # of names, and of backends
        yield f"{told['namespace']}/{told['name']}", "", at, "", "", *state, "", ""


def _states(origins: Iterable[Told]) -> dict[str, tuple[str, str]]:
    """How each endpoint is, and how much is under way there; of several workers the worst and the sum."""
    found: dict[str, tuple[str, str]] = {}
    for each in (each for origin in origins for each in origin["endpoints"]):
        at, state = f"{each['address']}:{each['port']}", _state(each)
        known, active = found.get(at, ("", "0"))
        found[at] = (known if known not in ("", HEALTHY) else state), str(int(active) + each["active"])
    return found


HEALTHY = "healthy"


def _state(told: Told) -> str:
    if told["ejected"]:
        return f"ejected for {told['ejected']}, back in {told['back_in']:.0f} s"
    return HEALTHY if told["healthy"] else "not healthy"


def certificates(told: Told) -> Listing:
    columns = ("file", "role", "subject", "names", "valid until", "days left", "used by")
    rows = [
        (
            f"{each['file']}:{each['line']}",
            each["role"],
            each["subject"],
            ", ".join(each["names"]),
            each["not_after"][:10],
            str(each["days_left"]),
            ", ".join(each["destinations"]) or ("workloads" if each["role"] == "authority" else "every destination"),
        )
        for each in told["certificates"]
    ]
    return Listing(columns, tuple(rows), tuple(told["problems"]))


def moment(when: float | None) -> str:
    """A time for people, in UTC; empty where there is none."""
    return "" if when is None else f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M:%S}Z"


def place(source: Told | None) -> str:
    """`FILE:LINE` of a document."""
    if source is None:
        return ""
    where = source["where"]
    return f"{where['file']}:{where['line']}" if where["line"] else str(where["file"])
