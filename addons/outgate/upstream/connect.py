"""From a target to an open connection: resolve, check, dial, proxies, TLS; in that order, within one deadline.

Owns the sequence, and that nothing stays open when it ends early. What each step means is its module's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from outgate.policy.hosts import bracketed
from outgate.policy.model import Tunnel, Via
from outgate.upstream.connection import Connection, Timings, facts
from outgate.upstream.course import Course
from outgate.upstream.dial import Place, dial
from outgate.upstream.environment import Environment
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.handshake import Judged
from outgate.upstream.hops import Hop, HopKind, Quiet
from outgate.upstream.hops import tunnel as asked_for
from outgate.upstream.key import Key
from outgate.upstream.places import authority_of, looked_up, places_of, places_of_hop
from outgate.upstream.secure import Server, secure
from outgate.upstream.target import Target, names_of, sni_of
from outgate.upstream.trust import Identity
from outgate.upstream.ways import proxies_of

READ_LIMIT = 64 * 1024
"""Bytes; a reader that holds twice as many makes the server wait."""


async def key_of(target: Target, environment: Environment, via: Sequence[Hop] = ()) -> Key:
    """The key that a connection to `target` would have, to look into a pool first. Raises `UpstreamError`."""
    return await _known(target, environment, _ways(target, environment, tuple(via)))


async def _known(target: Target, environment: Environment, via: tuple[Hop, ...]) -> Key:
    identity = await _identity(target, environment)
    own = ""
    if target.via is Via.GATEWAY and environment.gateway is not None:
        own = (await environment.identities.get(environment.gateway.tls, ())).digest
    return _key(target, identity, (target.via, target.opened, own, *via, target.tunnel, target.proxy_tls))


async def connect(target: Target, environment: Environment, via: Sequence[Hop] = ()) -> Connection:
    """An open connection to `target`, through the proxies of `via` in their order.

    Only addresses that the target permits are dialled; behind a proxy, names are the proxy's to resolve. The client
    certificate leaves only once the server is judged. Raises `UpstreamError`; failed or cancelled, it leaves nothing
    open.
    """
    what, course = f"{bracketed(target.host)}:{target.port}", Course(environment.clock)
    try:
        async with asyncio.timeout(environment.timeouts.total):
            return await _connect(target, environment, tuple(via), course)
    except UpstreamError as error:
        error.taken = course.over()
        raise
    except TimeoutError as error:
        why = f"{what} was not reached within {environment.timeouts.total:g} s"
        raise UpstreamError(Failure.CONNECT_TIMEOUT, why, taken=course.over()) from error
    except OSError as error:  # such as no descriptors being left
        why = f"{what}: {error.strerror or error}"
        raise UpstreamError(Failure.CONNECT_FAILED, why, taken=course.over()) from error


async def _connect(target: Target, environment: Environment, via: tuple[Hop, ...], course: Course) -> Connection:
    identity = await _identity(target, environment)
    via = _ways(target, environment, via)
    key = await _known(target, environment, via)
    base, transport, early = await _reached(target, via, environment, course)
    try:
        if target.preface:
            transport.write(target.preface)
        if target.tunnel is not None:
            transport, early = await _tunnelled(transport, early, target, target.tunnel, environment)
        server = _server(target, identity, key)
        course.enter("tls" if server is not None else "")
        reader, writer, made = await _open(transport, early, server, environment)
        taken = course.over()
        timings = Timings(taken.get("resolve", 0.0), taken["connect"], taken.get("tls", 0.0))
        opened = Connection(
            key,
            reader,
            writer,
            base.get_extra_info("peername") or (),
            base.get_extra_info("sockname") or (),
            timings,
            facts(made, target.sni) if made is not None else None,
            made,
            environment.sessions,
        )
        environment.opened(opened)
        return opened
    except BaseException as error:
        if isinstance(error, UpstreamError):
            error.peername = base.get_extra_info("peername") or ()
        base.abort()
        raise


def _ways(target: Target, environment: Environment, via: tuple[Hop, ...]) -> tuple[Hop, ...]:
    """The proxies on the way; those of a gateway's replicas are looked for when it is gone."""
    return via if via or target.via is Via.GATEWAY else proxies_of(target, environment)


async def _reached(
    target: Target, via: tuple[Hop, ...], environment: Environment, course: Course
) -> tuple[asyncio.Transport, asyncio.Transport, bytes]:
    """The connection and what it is inside of, as far as the target itself begins, with what that sent already."""
    course.enter("resolve" if via or target.via is Via.GATEWAY or looked_up(target) else "")
    if target.via is Via.GATEWAY:
        return await _through_gateway(target, environment, course)
    authority = authority_of(target, environment) if via else ""
    places = await (places_of_hop(via[0], environment) if via else places_of(target, environment))
    course.enter("connect")
    return await _begun(places, target, via, authority, environment)


async def _through_gateway(
    target: Target, environment: Environment, course: Course
) -> tuple[asyncio.Transport, asyncio.Transport, bytes]:
    gateway, asked = environment.gateway, f"{bracketed(target.host)}:{target.port}"
    if gateway is None:
        raise UpstreamError(Failure.VIA_FAILED, "this gate knows no gateway, and nothing else is tried")
    hops = await gateway.hops(target, environment)
    course.enter("connect")
    return await gateway.first(hops, lambda hop: _begun([hop.address], target, (hop,), asked, environment))


async def _begun(
    places: list[Place], target: Target, via: tuple[Hop, ...], authority: str, environment: Environment
) -> tuple[asyncio.Transport, asyncio.Transport, bytes]:
    base = await _adopt(await dial(places, target.connect_timeout, environment.timeouts.stagger))
    try:
        transport, early = await _pass(base, via, authority, target.generation, environment)
    except BaseException as error:
        if isinstance(error, UpstreamError):
            error.peername = base.get_extra_info("peername") or ()
        base.abort()
        raise
    return base, transport, early


async def _adopt(made: socket.socket) -> asyncio.Transport:
    """A transport for a connected socket, which nothing is read from yet."""
    try:
        transport, _ = await asyncio.get_running_loop().create_connection(Quiet, sock=made)
    except BaseException:
        made.close()
        raise
    return transport


async def _pass(
    transport: asyncio.Transport, via: tuple[Hop, ...], authority: str, generation: str, environment: Environment
) -> tuple[asyncio.Transport, bytes]:
    """Through every proxy. Returns what the server sent already."""
    early = b""
    for number, hop in enumerate(via):
        following = via[number + 1].address if number + 1 < len(via) else None
        asked = f"{bracketed(following[0])}:{following[1]}" if following else authority
        if early:
            raise UpstreamError(Failure.VIA_FAILED, f"{hop.address[0]} sent {len(early)} bytes before it was asked")
        if hop.tls is not None:
            transport, _ = await secure(transport, Quiet(), await _proxy(hop, generation, environment), environment)
        try:
            async with asyncio.timeout(environment.timeouts.via):
                early = await asked_for(transport, hop, asked)
        except TimeoutError as error:
            why = f"proxy {hop.address[0]}:{hop.address[1]} did not answer within {environment.timeouts.via:g} s"
            raise UpstreamError(Failure.VIA_FAILED, why, 504) from error
    return transport, early


async def _tunnelled(
    transport: asyncio.Transport, early: bytes, target: Target, tunnel: Tunnel, environment: Environment
) -> tuple[asyncio.Transport, bytes]:
    """Through the proxy that the target itself is. Returns what came out of it already."""
    if early:
        raise UpstreamError(Failure.VIA_FAILED, f"{target.host} sent {len(early)} bytes before it was asked")
    hop = Hop(HopKind.CONNECT_PROXY, (target.host, target.port), target.proxy_tls)
    return await _pass(transport, (hop,), f"{bracketed(tunnel.host)}:{tunnel.port}", target.generation, environment)


async def _open(
    transport: asyncio.Transport, early: bytes, server: Server | None, environment: Environment
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Judged | None]:
    """Streams over the transport, inside TLS where a server is expected to prove itself."""
    reader, made = asyncio.StreamReader(READ_LIMIT), None
    protocol = asyncio.StreamReaderProtocol(reader)
    if server is None:
        transport.set_protocol(protocol)
    elif early:
        # Behind the handshake these bytes would pass for the server's own.
        raise UpstreamError(Failure.TLS_FAILED, f"{server.host} sent {len(early)} bytes before the handshake")
    else:
        transport, made = await secure(transport, protocol, server, environment)
    protocol.connection_made(transport)  # a transport that is handed over or upgraded does not say so itself
    if early:
        reader.feed_data(early)
    transport.resume_reading()
    return reader, asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop()), made


async def _identity(target: Target, environment: Environment) -> Identity | None:
    return None if target.tls is None else await environment.identities.get(target.tls, target.alpn)


def _server(target: Target, identity: Identity | None, key: Key) -> Server | None:
    if target.tls is None or identity is None:
        return None
    return Server(target.host, target.port, target.tls, target.sni, identity, key)


async def _proxy(hop: Hop, generation: str, environment: Environment) -> Server:
    """A proxy as a TLS server."""
    assert hop.tls is not None
    identity = await environment.identities.get(hop.tls, ())
    (host, port), sni = hop.address, sni_of(hop.tls, hop.address[0])
    names = names_of(hop.tls, host)
    key = Key("via", host, port, "", sni or "", names, hop.tls.pins, identity.digest, generation, permit=hop.permit)
    return Server(host, port, hop.tls, sni, identity, key)


def _key(target: Target, identity: Identity | None, via: tuple[object, ...]) -> Key:
    return Key(
        target.key,
        target.host,
        target.port,
        target.address or "",
        target.sni or "",
        target.names,
        target.tls.pins if target.tls is not None else (),
        identity.digest if identity is not None else "",
        target.generation,
        target.endpoints,
        target.resolution,
        target.permit,
        via,
        target.preface,
    )
