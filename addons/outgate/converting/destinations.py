"""Destinations as `EgressDestination`, and what happens to their traffic as `EgressTraffic`.

Owns the fields of a destination and of a port, and which ports share an `EgressTraffic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from outgate.converting.naming import Destinations, Names
from outgate.converting.origins import origin
from outgate.converting.routes import route
from outgate.converting.upstreams import tls, upstream
from outgate.converting.values import Content, given, of
from outgate.converting.writing import Written, written
from outgate.policy.model import (
    EVERY_PORT,
    Destination,
    HeaderInjection,
    Intercept,
    Port,
    Protocol,
    Source,
    UpstreamTLS,
)
from outgate.policy.resilience_model import PLAIN_RESILIENCE, Resilience
from outgate.policy.route_model import Backend, Route, Unmatched
from outgate.policy.tunnels import is_tunnelled

KIND, TRAFFIC = "EgressDestination", "EgressTraffic"
UNREAD = frozenset({Protocol.TLS, Protocol.TCP})
"""What passes as it is unless a document says otherwise."""

type Treated = tuple[tuple[Route, ...], Unmatched | None, Resilience]


def document(said: Destination, reference: str) -> Written:
    namespace, _, name = reference.rpartition("/")
    spec: Content = given({"hosts": list(said.hosts), "addresses": list(map(str, said.networks))})
    spec["ports"] = [_port(port) for port in said.ports]
    if said.export_to != ("*",):
        spec["exportTo"] = list(said.export_to)
    spec |= given(
        {
            "internal": said.internal,
            "headers": _headers(said.headers),
            "allowAddresses": list(map(str, said.allow_networks)),
            "region": said.region,
            "propagation": said.propagation,
            "via": str(said.via) if said.via is not None else None,
        }
    )
    if said.expires is not None:
        spec["expires"] = said.expires.isoformat()
    made = written(KIND, namespace, name, spec, [said.source])
    annotations = given({"outgate.dev/owner": said.owner, "outgate.dev/purpose": said.purpose})
    return replace(made, content=_annotated(made.content, annotations))


def _annotated(content: Content, annotations: Content) -> Content:
    if not annotations:
        return content
    return content | {"metadata": content["metadata"] | {"annotations": annotations}}


def _headers(injected: tuple[HeaderInjection, ...]) -> Content:
    return given(
        {
            "set": [{"name": each.name, "value": each.value} for each in injected if each.value is not None],
            "setFromFile": [{"name": each.name, "file": each.file} for each in injected if each.file is not None],
        }
    )


def _port(port: Port) -> Content:
    made: Content = {"number": _number(port.number)}
    if port.protocol is not Protocol.ANY:
        made["protocol"] = str(port.protocol)
    usual = Intercept.TUNNEL if port.protocol in UNREAD else Intercept.DECRYPT
    said = effective(port)
    if said.intercept is not usual and port.protocol is not Protocol.HTTP:
        made["intercept"] = str(said.intercept)
    if replace(said.tls, source=None) != UpstreamTLS():
        made["tls"] = tls(said.tls)
    made["upstream"] = upstream(said.upstream, port.number)
    return made


def effective(port: Port) -> Port:
    """Without what has no effect on what the port carries: HTTP is not opened, and bytes are not read."""
    if port.protocol is Protocol.HTTP:
        return replace(port, tls=UpstreamTLS(), intercept=Intercept.DECRYPT)
    if not is_tunnelled(port):
        return port
    return replace(port, tls=UpstreamTLS(), intercept=Intercept.TUNNEL, upstream=replace(port.upstream, http2=False))


def _number(number: int) -> int | str:
    return "*" if number == EVERY_PORT else number


def traffic(said: Destination, destinations: Destinations, names: Names) -> Iterator[Written]:
    """One document for all ports that are treated alike; none for those of which nothing is said."""
    groups: list[tuple[Treated, list[Port]]] = []
    for port in said.ports:
        treated = (port.routes, port.unmatched if port.routes else None, port.upstream.resilience)
        if not port.routes and treated[2] == PLAIN_RESILIENCE:
            continue
        known = next((ports for other, ports in groups if other == treated), None)
        if known is None:
            groups.append((treated, [port]))
        else:
            known.append(port)
    namespace, _, name = destinations.reference(said).rpartition("/")
    for (routes, unmatched, held), ports in groups:
        spec: Content = {"destination": name}
        if len(ports) < len(said.ports):
            spec["ports"] = [_number(port.number) for port in ports]
            own = names.free(TRAFFIC, namespace, f"{name}-{ports[0].number or 'any'}")
        else:
            own = names.free(TRAFFIC, namespace, name)
        spec |= _routed(routes, unmatched, destinations)
        with of(held.source):
            spec |= origin(held)
        yield written(TRAFFIC, namespace, own, spec, _behind(said, routes, held))


def _routed(routes: tuple[Route, ...], unmatched: Unmatched | None, destinations: Destinations) -> Content:
    if not routes:
        return {}
    made = [_route(each, destinations) for each in reached(routes)]
    return {"unmatched": str(unmatched or Unmatched.FORWARD), "routes": made}


def _route(said: Route, destinations: Destinations) -> Content:
    with of(said.source):
        return route(said, lambda backend: place(backend, destinations))


def reached(routes: tuple[Route, ...]) -> list[Route]:
    """Up to the first that takes everything, each without what has no effect on it."""
    made: list[Route] = []
    for each in routes:
        made.append(_effective(each))
        if not made[-1].matches:
            break
    return made


def _effective(said: Route) -> Route:
    matches = () if any(not _tells(each) for each in said.matches) and len(said.matches) == 1 else said.matches
    if said.missing:
        return Route(said.name, matches, missing=True)
    rewrite = said.rewrite if said.redirect is None and said.direct is None else None
    return replace(said, matches=matches, rewrite=rewrite)


def _tells(match: object) -> bool:
    return match != type(match)()


def place(backend: Backend, destinations: Destinations) -> Content:
    """By the port of its destination, where that is how it is dialled; else with everything that is said of it."""
    owner, reference, subset = destinations.owner(backend.key)
    port = next((each for each in owner.ports if not subset and _is_of(backend, owner, each)), None)
    if port is not None:
        number: Content = {"port": port.number} if len(owner.ports) > 1 else {}
        return {"destination": reference} | number
    dialled = upstream(backend.upstream, EVERY_PORT) | origin(backend.upstream.resilience)
    return {"destination": reference} | given({"subset": subset, "host": backend.host}) | {"upstream": dialled}


def _is_of(backend: Backend, owner: Destination, port: Port) -> bool:
    """Whether naming a destination and its port comes to the same backend."""
    host = next((host for host in owner.hosts if not host.startswith("*")), None)
    own = port.upstream.tls
    started = own if own is not None or port.protocol is not Protocol.HTTPS else port.tls
    alike = replace(port.upstream, tls=started) == backend.upstream
    return alike and port.number != EVERY_PORT and backend.host == host and (host or port.upstream.endpoints) != ()


def _behind(said: Destination, routes: tuple[Route, ...], held: Resilience) -> list[Source | None]:
    sources = [source for each in routes for source in (each.source, *each.extra)]
    return [*sources, held.source, *([] if any(sources) or held.source else [said.source])]
