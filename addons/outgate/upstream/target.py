"""Where one connection goes, as the policy says it.

Owns the step from a `Decision` to a `Target`: which name is resolved or which address is dialled, which addresses are
permitted, and whose certificate is expected. Pure; knows nothing of sockets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv6Network, ip_address, ip_network

from outgate.policy.addresses import INTERNAL, PASSTHROUGH, PUBLIC_ONLY, Permit, named
from outgate.policy.hosts import literal, matches
from outgate.policy.model import (
    Attempt,
    Decision,
    Destination,
    Endpoint,
    NameKind,
    Network,
    Port,
    Protocol,
    Resolution,
    SubjectName,
    Traffic,
    Tunnel,
    Upstream,
    UpstreamTLS,
    Via,
)
from outgate.policy.route_model import Backend
from outgate.upstream.errors import Failure, UpstreamError

CONNECT_TIMEOUT = 10.0
"""Seconds, where no document says more."""
KEPT = 8192
PERMITS = {Traffic.REGISTERED: PUBLIC_ONLY, Traffic.INTERNAL: INTERNAL}
"""What the names of a known destination may resolve to, beside what its entry names."""
NOWHERE = Permit(kinds=frozenset())
"""Of what is for others to dial."""
SYSTEM_TRUST = UpstreamTLS()
PLAIN: tuple[str, ...] = ()
OFFERS = {True: ("h2", "http/1.1"), False: ("http/1.1",)}
"""ALPN offered for HTTP, by whether the origin is offered HTTP/2."""


@dataclass(frozen=True, slots=True)
class Target:
    """One place to connect to: `address`, where given, as it is; else `endpoints`; else `host` is resolved."""

    key: str
    """The destination's key, `internal` or `passthrough`."""
    host: str
    """A canonical name or address: what is resolved, and what a proxy on the way is asked for."""
    port: int
    permit: Permit
    generation: str
    address: str | None = None
    endpoints: tuple[Endpoint, ...] = ()
    resolution: Resolution = Resolution.DNS
    tls: UpstreamTLS | None = None
    sni: str | None = None
    names: tuple[SubjectName, ...] = ()
    """Accepted names of the server's certificate; one at least where there is TLS."""
    alpn: tuple[str, ...] = PLAIN
    connect_timeout: float = CONNECT_TIMEOUT
    """Seconds, for each address that is tried."""
    preface: bytes = b""
    """What the connection begins with, before TLS."""
    via: Via = Via.DIRECT
    opened: bool = False
    """The workload's TLS was opened here, of which the gateway has to know."""
    tunnel: Tunnel | None = None
    """Where `host` is a proxy: what it is asked for. `tls`, `sni` and `names` are of what is behind it then."""
    proxy_tls: UpstreamTLS | None = None
    """Of that proxy."""


def target_of(
    decision: Decision,
    attempt: Attempt,
    generation: str,
    alpn: tuple[str, ...],
    nat64: tuple[IPv6Network, ...] = (),
    backend: Backend | None = None,
    owner: Destination | None = None,
) -> Target:
    """The target of an allowed attempt. `alpn` are the protocols offered where there is TLS, preferred first. `nat64`
    are the prefixes of the site's own, by which addresses are judged. `backend` is what a route chose, and `owner` the
    destination that it is of, where that is another one.

    Raises `UpstreamError` where nothing may be dialled: a denial, an address outside the destination, nothing named.
    """
    if not decision.allowed:
        raise _refused(f"{attempt.host or attempt.address}:{attempt.port} was denied ({decision.code})")
    if decision.via is Via.GATEWAY:
        return _forwarded(decision, attempt, generation)
    made = _straight(decision, attempt, generation, alpn, nat64, backend, owner)
    return made if decision.via is Via.DIRECT else replace(made, via=decision.via)


def _straight(
    decision: Decision,
    attempt: Attempt,
    generation: str,
    alpn: tuple[str, ...],
    nat64: tuple[IPv6Network, ...],
    backend: Backend | None,
    owner: Destination | None,
) -> Target:
    destination, port = decision.destination, decision.port
    if decision.traffic in PERMITS and destination is not None and port is not None:
        permit = PERMITS[decision.traffic].beyond(nat64)
        if backend is None:
            return _known(destination, port, permit, attempt, generation, alpn)
        routed = replace(port, upstream=backend.upstream)
        made = _known(owner or destination, routed, permit, attempt, generation, alpn, backend.host)
        return replace(made, key=backend.key)
    if decision.traffic is Traffic.PASSTHROUGH:
        return _unregistered("passthrough", PASSTHROUGH.beyond(nat64), attempt, generation, alpn)
    raise _refused(f"{decision.traffic} traffic without a destination has nowhere to go")


def _forwarded(decision: Decision, attempt: Attempt, generation: str) -> Target:
    """What the gateway is asked for is what the workload asked for: a name where a gate would resolve it, else the
    address, so that it is judged there by the same words. Whatever else is to be done is done there."""
    destination, port = decision.destination, decision.port
    kept = destination is None or port is None or _is_kept(destination, port.upstream)
    named = attempt.host is not None and literal(attempt.host) is None
    host = attempt.host if attempt.address is None or (named and not kept) else attempt.address
    if host is None:
        raise _refused("neither a name nor an address was given")
    key = destination.key if destination is not None else "passthrough"
    return Target(key, host, attempt.port, NOWHERE, generation, via=Via.GATEWAY, opened=attempt.encrypted)


_narrowed: dict[tuple[int, int], tuple[Target, Endpoint, Target]] = {}


def narrowed(target: Target, endpoint: Endpoint) -> Target:
    """The same at one of its places. Who is expected there stays who it was.

    Kept by identity of both, which are held, for it is asked with every request.
    """
    known = _narrowed.get((id(target), id(endpoint)))
    if known is not None and known[0] is target and known[1] is endpoint:
        return known[2]
    made = replace(target, address=None, endpoints=(endpoint,))
    if len(_narrowed) >= KEPT:
        _narrowed.clear()
    _narrowed[id(target), id(endpoint)] = target, endpoint, made
    return made


def forget() -> None:
    """What was made of a policy that is not in force any more is not needed again."""
    _narrowed.clear()
    _permits.clear()


def _known(
    destination: Destination,
    port: Port,
    base: Permit,
    attempt: Attempt,
    generation: str,
    alpn: tuple[str, ...],
    backend: str | None = None,
) -> Target:
    """`backend` is the host that a route leads to instead of the one that was asked for."""
    upstream = port.upstream
    elsewhere = backend is not None and backend != attempt.host
    fixed = bool(upstream.endpoints) or elsewhere
    kept = _is_kept(destination, upstream) and not fixed
    name = backend if elsewhere else _name(destination, attempt, kept)
    address = None if upstream.endpoints else _address(destination, attempt, name, kept)
    host = name or address or upstream.endpoints[0].address
    tunnel, own = upstream.tunnel, port.tls if attempt.encrypted else None
    tls = own if tunnel is not None else upstream.tls or own
    proven = host if tunnel is None else attempt.host or tunnel.host
    return Target(
        destination.key,
        host,
        upstream.port,
        _permit(destination, upstream, base, kept),
        generation,
        address,
        upstream.endpoints,
        upstream.resolution,
        tls,
        sni_of(tls, proven),
        names_of(tls, proven),
        alpn if tls else PLAIN,
        upstream.connect_timeout,
        tunnel=tunnel,
        proxy_tls=None if tunnel is None else upstream.tls,
    )


def _is_kept(destination: Destination, upstream: Upstream) -> bool:
    """Whether the workload's choice among the networks of an entry is kept."""
    return upstream.resolution is Resolution.NONE and bool(destination.networks) and not upstream.endpoints


def _unregistered(key: str, permit: Permit, attempt: Attempt, generation: str, alpn: tuple[str, ...]) -> Target:
    """Goes where the workload was going: to its address, or where it gave a name only, to that."""
    host = attempt.host or attempt.address
    if host is None:
        raise _refused("neither a name nor an address was given")
    tls = SYSTEM_TRUST if attempt.encrypted else None
    return Target(
        key,
        host,
        attempt.port,
        permit,
        generation,
        attempt.address,
        resolution=Resolution.NONE,
        tls=tls,
        sni=sni_of(tls, host),
        names=names_of(tls, host),
        alpn=alpn if tls else PLAIN,
    )


def _name(destination: Destination, attempt: Attempt, kept: bool) -> str | None:
    """The policy's name for what was asked: the verified one, else, where nothing was named, the entry's own.

    `kept` is whether the entry's networks say where it lies, so that the workload's choice among them is kept; then an
    address that was asked for (`https://10.0.0.1/`) is the name.
    """
    asked = attempt.host
    spelt = asked is not None and literal(asked) is not None
    if asked is not None and not spelt and any(matches(host, asked) for host in destination.hosts):
        return asked
    if spelt and kept:
        return None
    return next((host for host in destination.hosts if not host.startswith("*") and literal(host) is None), None)


def _address(destination: Destination, attempt: Attempt, name: str | None, kept: bool) -> str | None:
    """The address to dial without resolving; None where `name` is to be resolved."""
    address = _asked_address(attempt)
    if name is not None and (not kept or address is None):
        return None
    if address is None or not any(named(ip_address(address), network) for network in _networks(destination)):
        raise _refused(f"{address or attempt.host} is not an address of {destination.name}")
    return address


def _asked_address(attempt: Attempt) -> str | None:
    """The address that the workload dialled or spelt. IPv4 in IPv6 notation is IPv4, as it is routed."""
    asked = attempt.address
    if asked is None and attempt.host is not None and literal(attempt.host) is not None:
        asked = attempt.host
    if asked is None or ":" not in asked:
        return asked
    mapped = getattr(ip_address(asked), "ipv4_mapped", None)
    return asked if mapped is None else str(mapped)


def _networks(destination: Destination) -> tuple[Network, ...]:
    return (*destination.networks, *single(destination.hosts))


def single(texts: Iterable[str]) -> list[Network]:
    """The networks of one address each for the texts that are addresses."""
    return [ip_network(text) for text in texts if _is_address(text)]


_permits: dict[int, tuple[Destination, Upstream, Permit]] = {}


def _permit(destination: Destination, upstream: Upstream, base: Permit, kept: bool) -> Permit:
    """Public addresses and those that the entry names; only the latter where its networks say where it lies.

    Kept by identity, for it is asked with every request: the objects are held, so their ids stay theirs.
    """
    known = _permits.get(id(upstream))
    if known is not None and known[0] is destination and known[1] is upstream and known[2].nat64 == base.nat64:
        return known[2]
    fixed = single(endpoint.address for endpoint in upstream.endpoints)
    named_by_entry = (*_networks(destination), *destination.allow_networks, *fixed)
    permit = Permit(named_by_entry, frozenset(), base.nat64) if kept else base.naming(named_by_entry)
    if len(_permits) >= KEPT:
        _permits.clear()
    _permits[id(upstream)] = (destination, upstream, permit)
    return permit


def speaks_http2(port: Port | None, *, asked: bool) -> bool:
    """Whether an origin is offered HTTP/2: where its port is for it, else as the workload speaks (`asked`).

    A plain HTTP port is spoken to in HTTP/1, for there is nothing to negotiate with, unless its policy says otherwise.
    """
    if port is None or port.upstream.resilience.as_client:
        return asked
    if port.upstream.http2 or port.protocol in (Protocol.HTTP2, Protocol.GRPC):
        return True
    return asked and port.protocol is not Protocol.HTTP


def sni_of(tls: UpstreamTLS | None, host: str) -> str | None:
    """The name sent in the ClientHello; an address is never sent."""
    if tls is None:
        return None
    name = tls.sni or host
    return None if _is_address(name) else name


def names_of(tls: UpstreamTLS | None, host: str) -> tuple[SubjectName, ...]:
    """The names of which the server's certificate must carry one: those of the policy, else the SNI, else the host."""
    if tls is None or tls.names:
        return () if tls is None else tls.names
    name = tls.sni or host
    return (SubjectName(NameKind.EXACT if _is_address(name) else NameKind.DNS, name),)


def _is_address(text: str) -> bool:
    if ":" not in text and not text[-1:].isdigit():
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _refused(why: str) -> UpstreamError:
    return UpstreamError(Failure.ADDRESS_REFUSED, why)
