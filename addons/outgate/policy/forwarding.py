"""Which way what may leave takes: straight to its origin, through the gateway, or through a proxy.

Owns the choice, and what a gate leaves to the gateway that it forwards to: there the request is judged again and every
policy of its traffic acts, so here none does but the limits of time, which then hold for both hops together. Knows
neither where a gateway is nor how it is spoken to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv6Address, ip_address

from outgate.policy.addresses import named
from outgate.policy.hosts import literal, matches, within
from outgate.policy.model import (
    Attempt,
    Decision,
    Defaults,
    Destination,
    Forwarding,
    Network,
    Port,
    Resolution,
    Traffic,
    Upstream,
    Via,
)
from outgate.policy.resilience_model import Resilience
from outgate.policy.route_model import UNCHANGED, Route
from outgate.problems import Problem, Severity

KEPT = 4096


def sent(defaults: Defaults, attempt: Attempt, decision: Decision, known: Mapping[int, Port]) -> Decision:
    """An allowed decision with the way that it takes and, where that is the gateway's, with what is left to do here.
    `known` is of `timed`."""
    via = via_of(defaults, attempt, decision)
    if via is Via.DIRECT:
        return decision
    port = _handed_on(decision.port, known) if via is Via.GATEWAY and decision.port is not None else decision.port
    return replace(decision, via=via, port=port)


def via_of(defaults: Defaults, attempt: Attempt, decision: Decision) -> Via:
    """A destination says it for itself; what is inside the mesh goes straight, and of the rest the first rule holds."""
    destination = decision.destination
    if destination is not None and destination.via is not None:
        return _open(destination.via, defaults)
    if decision.traffic is Traffic.INTERNAL:
        return Via.DIRECT
    if not defaults.forwarding:
        return defaults.usual_via
    host, address = _place(attempt, destination, decision.port)
    rule = next((rule for rule in defaults.forwarding if _about(rule, host, address)), None)
    return defaults.usual_via if rule is None else _open(rule.via, defaults)


def handed_on(defaults: Defaults, destination: Destination) -> bool:
    """Whether everything for a destination goes through the gateway, so that nothing it names is needed here."""
    if destination.via is not None or destination.internal:
        return destination.via is not None and _open(destination.via, defaults) is Via.GATEWAY
    return all(_open(via, defaults) is Via.GATEWAY for via in _ways(defaults, destination))


def closed_ways(defaults: Defaults, destinations: Iterable[Destination]) -> Iterator[Problem]:
    """Ways that documents name and that this gate does not have: what would take them is refused."""
    said = [(one.via, one.source) for one in destinations] + [(rule.via, rule.source) for rule in defaults.forwarding]
    for via, source in said:
        if via is None or source is None or _open(via, defaults) in (Via.DIRECT, *defaults.ways):
            continue
        what = f"{source.name} leaves through the {via.lower()}, and this gate knows none: it is refused"
        yield Problem(source.where, what, f"give --{FLAGS[via]}", Severity.WARNING, source.field)


FLAGS = {Via.GATEWAY: "gateway", Via.PROXY: "upstream-proxy"}


def _open(via: Via, defaults: Defaults) -> Via:
    """A gateway has what goes through the gateway arrive at itself, and sends it on as it sends everything. A proxy
    that is not this gate's may be the gateway's."""
    if via is Via.GATEWAY and defaults.is_gateway:
        return defaults.usual_via
    elsewhere = via is Via.PROXY and via not in defaults.ways and Via.GATEWAY in defaults.ways
    return Via.GATEWAY if elsewhere else via


def _place(attempt: Attempt, destination: Destination | None, port: Port | None) -> tuple[str | None, str | None]:
    """The name and the address that an attempt really leads to: what a workload merely says chooses no way."""
    spelt = attempt.host if attempt.host is not None and literal(attempt.host) is not None else None
    name, address = None if spelt else attempt.host, attempt.address or spelt
    if destination is None:
        return (name, None) if address is None else (None, address)
    name = name or next(
        (host for host in destination.hosts if not host.startswith("*") and literal(host) is None), None
    )
    return name, address if name is None or _kept(destination, port) else None


def _kept(destination: Destination, port: Port | None) -> bool:
    """Whether the workload's choice among a destination's networks is kept."""
    fixed = port is None or port.upstream.resolution is not Resolution.NONE or bool(port.upstream.endpoints)
    return bool(destination.networks) and not fixed


def _about(rule: Forwarding, host: str | None, address: str | None) -> bool:
    if not (rule.hosts or rule.networks):
        return True
    if host is not None and any(matches(pattern, host) for pattern in rule.hosts):
        return True
    ip = None if address is None else ip_address(address)
    ip = ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
    return ip is not None and any(named(ip, network) for network in rule.networks)


def _ways(defaults: Defaults, destination: Destination) -> Iterator[Via]:
    """Of each name and network of a destination. One that a rule covers in part may go both ways."""
    for rule in defaults.forwarding:
        if not (rule.hosts or rule.networks):
            break
        if any(within(host, pattern) or within(pattern, host) for host in destination.hosts for pattern in rule.hosts):
            yield rule.via
        if any(_meets(one, other) for one in destination.networks for other in rule.networks):
            yield rule.via
    covered = next((rule.via for rule in defaults.forwarding if not (rule.hosts or rule.networks)), None)
    yield covered or defaults.usual_via


def _meets(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def timed(destinations: Iterable[Destination], defaults: Defaults) -> dict[int, Port]:
    """Every port that has routes as it is handed on, by the identity of its routes; none where there is no gateway."""
    if Via.GATEWAY not in defaults.ways:
        return {}
    ports = (port for destination in destinations for port in destination.ports if port.routes)
    return {id(port.routes): _made(port, tuple(map(_timed, port.routes))) for port in ports}


_ports: dict[int, tuple[Port, Port]] = {}


def _handed_on(port: Port, known: Mapping[int, Port]) -> Port:
    """What is left of a port: whom it is for, and how long it may take. Kept by identity, for it is asked with every
    request; what is held keeps its id."""
    kept = _ports.get(id(port))
    if kept is None or kept[0] is not port:
        if len(_ports) >= KEPT:
            _ports.clear()
        same = known.get(id(port.routes))
        kept = _ports[id(port)] = port, _made(port, same.routes if same is not None else ())
    return kept[1]


def forget() -> None:
    """What was made of a policy that is not in force any more is not needed again."""
    _ports.clear()


def _made(port: Port, routes: tuple[Route, ...]) -> Port:
    resilience = Resilience(as_client=True, tcp_idle_timeout=port.upstream.resilience.tcp_idle_timeout)
    upstream = Upstream(port.upstream.port, port.upstream.resolution, resilience=resilience)
    return replace(port, upstream=upstream, routes=routes)


def _timed(route: Route) -> Route:
    """A route without anything but its conditions and limits of time."""
    return replace(
        route,
        backends=(),
        rewrite=None,
        redirect=None,
        direct=None,
        request_headers=UNCHANGED,
        response_headers=UNCHANGED,
        retry=None,
        faults=(),
        mirrors=(),
        limits=(),
        connect_attempts=1,
    )
