"""`EgressTraffic`: how traffic of one EgressDestination goes: routes, retries, time, limits, balancing, faults.

Owns the attaching: which destination and ports a document is about, and where the backends that it names are. The
documents of a load are attached when all of its destinations are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from outgate.policy.frontends import Contribution
from outgate.policy.frontends.native.destination import dialled
from outgate.policy.frontends.native.resource import Resource
from outgate.policy.frontends.native.traffic_fields import SPEC
from outgate.policy.frontends.native.traffic_origin import resilience
from outgate.policy.frontends.native.traffic_routes import routes
from outgate.policy.model import Destination, Port, Protocol, Source
from outgate.policy.resilience_model import Resilience
from outgate.policy.route_model import Backend, Route, Unmatched
from outgate.policy.schema import Record
from outgate.policy.tunnels import is_tunnelled

__all__ = ["SPEC", "Attached", "attach"]

type Key = tuple[str, str]

OF_REQUESTS = (
    "redirect",
    "answer",
    "rewrite",
    "requestHeaders",
    "responseHeaders",
    "timeout",
    "retries",
    "mirrors",
)
"""What a route does to requests alone."""


@dataclass(frozen=True, slots=True)
class Attached:
    """One document to be attached."""

    resource: Resource
    spec: Record


def attach(documents: Iterable[Attached], made: Contribution) -> None:
    """Puts what the documents say into the ports of the destinations that they are about."""
    listed = list(documents)
    known = {(each.namespace, each.name): each for each in made.destinations}
    origins = _origins(listed, known)
    taken: dict[tuple[str, int], Source] = {}
    for document in listed:
        _attach(document, known, origins, taken)
    made.destinations[:] = [known[each.namespace, each.name] for each in made.destinations]


def _attach(
    document: Attached,
    known: dict[Key, Destination],
    origins: dict[Key, list[tuple[frozenset[int], Resilience]]],
    taken: dict[tuple[str, int], Source],
) -> None:
    resource, spec = document.resource, document.spec
    destination = _named(resource, spec, known)
    if destination is None:
        return
    wanted = _wanted(resource, spec, destination)
    _once(resource, spec, destination, wanted, taken)
    _unread(resource, spec, [port for port in destination.ports if port.number in wanted])
    finder = Finder(resource, known, origins)
    made = routes(resource, spec, finder.find)
    unmatched = Unmatched(spec.get("unmatched", Unmatched.NOT_FOUND)) if made else None
    if "unmatched" in spec and "routes" not in spec:
        resource.reading.error(spec.at("unmatched"), "spec.unmatched", "there are no routes", "add them, or remove it")
    if resource.reading.failed:
        return
    ports = tuple(
        _with(port, made, unmatched, origins[_key(destination)]) if port.number in wanted else port
        for port in destination.ports
    )
    known[_key(destination)] = replace(destination, ports=ports)


def _with(
    port: Port,
    made: tuple[Route, ...],
    unmatched: Unmatched | None,
    origins: list[tuple[frozenset[int], Resilience]],
) -> Port:
    return replace(
        port, routes=made, unmatched=unmatched, upstream=replace(port.upstream, resilience=_of(port, origins))
    )


def _origins(
    documents: list[Attached], known: dict[Key, Destination]
) -> dict[Key, list[tuple[frozenset[int], Resilience]]]:
    """What is said of each origin, whatever route leads there. Faults are told once."""
    found: dict[Key, list[tuple[frozenset[int], Resilience]]] = {key: [] for key in known}
    for document in documents:
        key = document.resource.reference(document.spec.get("destination", ""))
        said = resilience(document.spec, document.resource.reading, document.resource.source())
        if key in known and said is not None:
            numbers = document.spec.get("ports") or [port.number for port in known[key].ports]
            found[key].append((frozenset(numbers), said))
    return found


def _of(port: Port, origins: list[tuple[frozenset[int], Resilience]]) -> Resilience:
    return next((said for numbers, said in origins if port.number in numbers), port.upstream.resilience)


def _key(destination: Destination) -> Key:
    return destination.namespace, destination.name


def _named(resource: Resource, spec: Record, known: dict[Key, Destination]) -> Destination | None:
    found = known.get(resource.reference(spec.get("destination", "")))
    if found is None:
        what = f'"{spec.get("destination")}" is no EgressDestination'
        hint = "write the name of one that is loaded, or NAMESPACE/NAME"
        resource.reading.error(spec.at("destination"), "spec.destination", what, hint)
    return found


def _wanted(resource: Resource, spec: Record, destination: Destination) -> frozenset[int]:
    numbers = {port.number for port in destination.ports}
    for number in spec.get("ports", ()):
        if number not in numbers:
            what = f"{number} is no port of {destination.name}"
            resource.reading.error(spec.at("ports"), "spec.ports", what, f"use {', '.join(map(str, sorted(numbers)))}")
    return frozenset(spec.get("ports") or numbers)


def _unread(resource: Resource, spec: Record, ports: list[Port]) -> None:
    """Warns of what needs requests, where some port passes without being read."""
    numbers = ", ".join(str(port.number) for port in ports if is_tunnelled(port) and port.protocol is not Protocol.HTTP)
    for record in (spec, *spec.get("routes", ())) if numbers else ():
        for name in OF_REQUESTS:
            if name in record:
                what = f"has no effect on what passes port {numbers} unread"
                resource.reading.warn(record.at(name), record.under(name), what, "decrypt it, or name other ports")


def _once(
    resource: Resource,
    spec: Record,
    destination: Destination,
    wanted: frozenset[int],
    taken: dict[tuple[str, int], Source],
) -> None:
    for number in sorted(wanted):
        other = taken.setdefault((destination.key, number), resource.source())
        if other != resource.source():
            what = f"port {number} of {destination.name} has its traffic in {other} already"
            resource.reading.error(spec.at("destination"), "spec.destination", what, "merge the two, or name ports")


@dataclass(frozen=True, slots=True)
class Finder:
    """The backends that a document may name."""

    resource: Resource
    known: dict[Key, Destination]
    origins: dict[Key, list[tuple[frozenset[int], Resilience]]]

    def find(self, record: Record) -> Backend | None:
        """The backend of a place; None, said why, where there is none."""
        reading = self.resource.reading
        if "destination" not in record:
            reading.error(record.where, record.under("destination"), "required value is missing", "add it")
            return None
        destination = self.known.get(self.resource.reference(record.get("destination")))
        if destination is None:
            what = f'"{record.get("destination")}" is no EgressDestination'
            hint = "write the name of one that is loaded, or NAMESPACE/NAME"
            reading.error(record.at("destination"), record.under("destination"), what, hint)
            return None
        if "upstream" in record:
            return self._own(destination, record)
        for name in ("subset", "host"):
            if name in record:
                reading.error(record.at(name), record.under(name), "stands without upstream", "add it, or use labels")
        port = next(self._ports(destination, record), None)
        if port is None:
            what = f"{destination.name} has several ports, or not this one"
            reading.error(record.at("port"), record.under("port"), what, "name one of its ports")
            return None
        return self._backend(destination, port, record)

    def _own(self, destination: Destination, record: Record) -> Backend:
        """Of the destination by its name alone: how it is dialled stands here."""
        reading, block = self.resource.reading, record.get("upstream")
        for name in ("port", "labels"):
            if name in record:
                reading.error(record.at(name), record.under(name), "stands beside upstream", "say it there")
        if "port" not in block:
            reading.error(block.where, block.under("port"), "required value is missing", "add it")
        key = destination.key + (f"|{record.get('subset')}" if "subset" in record else "")
        source = self.resource.source(block.path, block.where)
        upstream = dialled(self.resource, block, destination.hosts)
        return Backend(
            key, replace(upstream, resilience=resilience(block, reading, source) or Resilience()), record.get("host")
        )

    def _ports(self, destination: Destination, record: Record) -> Iterator[Port]:
        if "port" not in record and len(destination.ports) == 1:
            yield from destination.ports
        yield from (port for port in destination.ports if port.number == record.get("port"))

    def _backend(self, destination: Destination, port: Port, record: Record) -> Backend | None:
        host = next((host for host in destination.hosts if not host.startswith("*")), None)
        labels = set(record.get("labels", {}).items())
        endpoints = tuple(each for each in port.upstream.endpoints if labels <= set(each.labels))
        reading = self.resource.reading
        if labels and not endpoints:
            what = f"no endpoint of {destination.name} has these labels"
            reading.error(record.at("labels"), record.under("labels"), what, "use labels that one has")
            return None
        if host is None and not endpoints:
            what = f"{destination.name} is a wildcard, and no one place"
            reading.error(record.at("destination"), record.under("destination"), what, "name a host")
            return None
        tls = port.upstream.tls
        if tls is None and port.protocol is Protocol.HTTPS:
            tls = port.tls  # nobody else starts it there
        subset = "|" + ",".join(f"{key}={value}" for key, value in sorted(labels)) if labels else ""
        upstream = replace(
            port.upstream, endpoints=endpoints, tls=tls, resilience=_of(port, self.origins[_key(destination)])
        )
        return Backend(f"{destination.key}{subset}", upstream, host)
