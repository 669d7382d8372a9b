"""What no single document shows: two destinations in each other's way, files that are not there, allowances that end.

Owns the checks of a whole load. Knows no kind of document; asks the file system one question, whether a file exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from pathlib import Path

from outgate.policy.addresses import named
from outgate.policy.hosts import literal, matches
from outgate.policy.model import (
    EVERY_PORT,
    Defaults,
    Destination,
    Port,
    Protocol,
    Resolution,
    Source,
    Tunnel,
    Upstream,
    UpstreamTLS,
)
from outgate.policy.registry import is_lone
from outgate.policy.resilience_model import PLAIN_RESILIENCE
from outgate.policy.tls_model import Inline
from outgate.problems import Problem, Severity, Where

type Place = tuple[str, int]

LONGEST_SHOWN = 200
"""Characters of a path in a message."""


def conflicts(meshes: Iterable[tuple[str, Iterable[Destination]]]) -> Iterator[Problem]:
    """One pattern and port in two documents that one caller can see.

    Within a mesh the earlier one wins. Two meshes have no order between them: where they differ it is an error.
    """
    first: dict[Place, list[tuple[str, Destination, Port]]] = {}
    for mesh, destination, pattern, port in _places(meshes):
        known = first.setdefault((pattern, port.number), [])
        rival = next((entry for entry in known if _rivals(destination, entry[1])), None)
        if rival is None:
            known.append((mesh, destination, port))
            continue
        what = f"{pattern}:{port.number} is there already, in"
        if rival[0] != mesh and not _alike(port, rival[2]):
            here, there = _contradicting((destination, port), (rival[1], rival[2]))
            yield Problem(here.where, f"{what} {there}, which says otherwise", "say it in one mesh's documents")
        else:
            yield _warning(destination.source, f"{what} {rival[1].source}, which wins", "remove one of the two")


def lone_ports(destinations: Iterable[Destination]) -> Iterator[Problem]:
    """TCP destinations known by name alone take a whole port, so that one caller may see one of them."""
    first: dict[int, list[Destination]] = {}
    for destination in destinations:
        for port in destination.ports:
            if is_lone(destination, port):
                known = first.setdefault(port.number, [])
                yield from (_shared(destination, other, port) for other in known if _apart(destination, other))
                known.append(destination)
            elif _untold(destination, port):
                what = f"{destination.name} is TCP on port {port.number}, and neither an address nor one name tells it"
                yield _warning(port.source or destination.source, what, "give it addresses, endpoints or one host")


def expiries(destinations: Iterable[Destination], now: datetime) -> Iterator[Problem]:
    """Allowances that end, and those that ended."""
    for destination in destinations:
        if destination.expires is None:
            continue
        if destination.expires <= now:
            what, hint = f"{destination.name} expired at {destination.expires}: nothing matches it", "remove it"
        else:
            what, hint = f"{destination.name} is a temporary allowance until {destination.expires}", ""
        yield _warning(destination.source, what, hint)


def dns_channels(destinations: Iterable[Destination]) -> Iterator[Problem]:
    """Wildcards under which the workload chooses the labels that the gate then resolves."""
    for destination in destinations:
        wild = next((host for host in destination.hosts if host.startswith("*")), None)
        if wild is None or destination.internal or not any(_resolves(port) for port in destination.ports):
            continue
        what = f"{wild}: the gate resolves whatever labels a workload puts there, which is a way out through DNS"
        yield _warning(destination.source, what, "pin the wildcard to addresses with endpoints if that matters")


def missing_files(
    destinations: Iterable[Destination], *, strict: bool, exists: Callable[[str], bool] | None = None
) -> Iterator[Problem]:
    """Files that destinations name and that are not there. Absolute paths; an error unless lenient."""
    there = exists or _exists
    severity = Severity.ERROR if strict else Severity.WARNING
    for destination in destinations:
        for path, source in dict(_files(destination)).items():
            if fault := _fault(path, there):
                what = f"{path[:LONGEST_SHOWN]}: {fault}"
                yield Problem(source.where, what, "mount it, or correct the path", severity, source.field)


def unregistered_tunnels(destinations: Sequence[Destination]) -> Iterator[Problem]:
    """Proxies that are asked for what no entry holds: who says how a proxy is used could lead workloads anywhere."""
    asked: dict[Tunnel, Source] = {}
    for destination in destinations:
        for port in destination.ports:
            for tunnel in (upstream.tunnel for upstream in _upstreams(port)):
                if tunnel is not None:
                    asked.setdefault(tunnel, tunnel.source or port.source or destination.source)
    for tunnel, source in asked.items():
        if not any(_holds(destination, tunnel) for destination in destinations):
            what = f"a proxy is to be asked for {tunnel.host}:{tunnel.port}, which is not registered"
            yield Problem(source.where, what, "register it at this port, or ask for what is", field=source.field)


def no_mode(defaults: Defaults, where: Where) -> Iterator[Problem]:
    """Nobody said what happens to the rest."""
    if defaults.mode_source is None:
        what = f"no outbound mode is given: {defaults.mode} holds (most meshes, left to themselves, mean ALLOW_ANY)"
        yield Problem(where, what, "say so in EgressDefaults, or in the document of the mesh", Severity.WARNING)


def _places(
    meshes: Iterable[tuple[str, Iterable[Destination]]],
) -> Iterator[tuple[str, Destination, str, Port]]:
    for mesh, destinations in meshes:
        for destination in destinations:
            for pattern in (*destination.hosts, *map(str, destination.networks)):
                yield from ((mesh, destination, pattern, port) for port in destination.ports)


def _alike(port: Port, other: Port) -> bool:
    """Whether two ports mean the same, wherever they were written. What a mesh does where no document says anything
    is not held against another one's documents."""
    return _bare(_said(port)) == _bare(_said(other))


def _contradicting(one: tuple[Destination, Port], other: tuple[Destination, Port]) -> tuple[Source, Source]:
    """The documents in which two ports differ: those of their traffic, if that is all."""
    quiet = [_bare(replace(_said(port), routes=(), unmatched=None, upstream=_quiet(port))) for _, port in (one, other)]
    if quiet[0] != quiet[1]:
        return one[0].source, other[0].source
    return _voice(*one), _voice(*other)


def _quiet(port: Port) -> Upstream:
    return replace(port.upstream, resilience=PLAIN_RESILIENCE)


def _voice(destination: Destination, port: Port) -> Source:
    """The document that says how a port's traffic goes, else the one that registers it."""
    routes = (route.source for route in port.routes if route.source is not None)
    return next(routes, None) or port.upstream.resilience.source or destination.source


def _said(port: Port) -> Port:
    """The port as documents say it is."""
    resilience = port.upstream.resilience
    routes = tuple(route for route in port.routes if route.source is not None)
    return replace(
        port,
        upstream=replace(port.upstream, resilience=resilience if resilience.source is not None else PLAIN_RESILIENCE),
        routes=routes,
        unmatched=port.unmatched if routes else None,
    )


def _bare(value: object) -> object:
    """A value of the model without the places that it came from."""
    if isinstance(value, Source):
        return None
    if isinstance(value, tuple):
        return tuple(map(_bare, value))
    if is_dataclass(value) and not isinstance(value, type):
        return type(value), tuple(_bare(getattr(value, entry.name)) for entry in fields(value))
    return value


def _rivals(one: Destination, other: Destination) -> bool:
    return one.source.where != other.source.where and _meet(one, other)


def _apart(one: Destination, other: Destination) -> bool:
    return one.hosts[0] != other.hosts[0] and _meet(one, other)


def _meet(one: Destination, other: Destination) -> bool:
    """Whether some namespace sees both."""
    ours, theirs = _audience(one), _audience(other)
    return bool(ours and theirs) and ("*" in ours or "*" in theirs or bool(ours & theirs))


def _audience(destination: Destination) -> set[str]:
    named = (destination.namespace if target == "." else target for target in destination.export_to)
    return {target for target in named if target != "~"}


def _shared(destination: Destination, other: Destination, port: Port) -> Problem:
    what = f"{destination.name} and {other.name} ({other.source}) are both TCP on port {port.number}, by name alone"
    hint = "bytes do not say which is meant: give one of them addresses, or another port"
    return Problem((port.source or destination.source).where, what, hint)


def _untold(destination: Destination, port: Port) -> bool:
    named = destination.hosts and not any(literal(host) is not None for host in destination.hosts)
    return port.protocol is Protocol.TCP and not destination.networks and bool(named)


def _resolves(port: Port) -> bool:
    return port.upstream.resolution is not Resolution.STATIC and not port.upstream.endpoints


def _files(destination: Destination) -> Iterator[tuple[str, Source]]:
    for header in destination.headers:
        if header.file is not None:
            yield header.file, destination.source
    for port in destination.ports:
        for tls in (port.tls, *(upstream.tls for upstream in _upstreams(port))):
            if tls is not None:
                source = tls.source or port.source or destination.source
                yield from ((path, source) for path in _of(tls) if path is not None and not isinstance(path, Inline))


def _upstreams(port: Port) -> Iterator[Upstream]:
    """Where its own traffic goes, and what its routes lead away."""
    yield port.upstream
    for route in port.routes:
        yield from (backend.upstream for backend in route.backends)
        yield from (mirror.backend.upstream for mirror in route.mirrors)


def _holds(destination: Destination, tunnel: Tunnel) -> bool:
    """Whether an entry is for what a proxy is asked for."""
    if not any(port.number in (tunnel.port, EVERY_PORT) for port in destination.ports):
        return False
    address = literal(tunnel.host)
    inside = address is not None and any(named(address, network) for network in destination.networks)
    return inside or any(matches(host, tunnel.host) for host in destination.hosts)


def _of(tls: UpstreamTLS) -> tuple[str | None, ...]:
    return tls.ca, tls.client_certificate, tls.private_key, tls.crl


def _fault(path: str, there: Callable[[str], bool]) -> str:
    """Why a file cannot be used, as far as a look at its folder tells; empty where it can."""
    try:
        return "" if there(path) else "no such file"
    except (OSError, ValueError) as error:  # a name that is too long, a folder that is not ours to look into
        return f"cannot be looked at: {error.strerror if isinstance(error, OSError) else error}"


def _exists(path: str) -> bool:
    return Path(path).exists()


def _warning(source: Source, what: str, hint: str) -> Problem:
    return Problem(source.where, what, hint, Severity.WARNING)
