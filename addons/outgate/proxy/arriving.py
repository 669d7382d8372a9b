"""How another gate's connection begins at a gateway: mutual TLS, then CONNECT for where its workload goes.

Owns this exchange, up to the first byte that is the workload's. What then comes is judged as if the workload had come
itself, but for who it is, which is who the certificate says.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass, replace

from outgate.hop_times import told
from outgate.policy.hosts import HostError, canonical_authority, literal
from outgate.policy.model import Code
from outgate.policy.targets import USUAL
from outgate.proxy import client_tls
from outgate.proxy.caller import Caller
from outgate.proxy.connections import Reader
from outgate.proxy.exchange import Facts
from outgate.proxy.peek import peek_until
from outgate.proxy.peers import Peers, identity_of
from outgate.proxy.plane import Plane
from outgate.upstream.hops import END, OPENED

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n"
REFUSED = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
LINE = re.compile(rb"CONNECT ([^\x00-\x20\x7f]+) HTTP/1\.1\r\n")
TOLD = f"\r\n{OPENED}: tls\r\n".encode()


class Unproven(Exception):
    """Who calls is not known, and not served."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What is inside of a connection of mutual TLS."""

    reader: Reader
    writer: asyncio.StreamWriter

    def abort(self) -> None:
        self.writer.transport.abort()

    async def close(self, within: float) -> None:
        """Sends what was written, and waits for so long for the other end to take it."""
        self.writer.close()
        try:
            async with asyncio.timeout(within):
                await self.writer.wait_closed()
        except OSError:  # too late, or broken
            self.abort()


async def arrive(plane: Plane, peers: Peers, sock: socket.socket, facts: Facts) -> tuple[Facts, Inside] | None:
    """What is known of a workload whose gate calls. None: refused, which is in the log.

    Raises `Gone` and `TimeoutError`; failed, nothing is left open but `sock`.
    """
    limits = plane.settings.limits
    try:
        inside = await _shaken(peers, sock, limits.handshake_timeout)
    except (ssl.SSLError, OSError, TimeoutError) as error:
        plane.counts["peers_refused"] += 1
        plane.log.rejected(facts, Code.CALLER_UNPROVEN, f"no mutual TLS: {client_tls.kind_of(error)}")
        return None
    try:
        facts = _known(facts, inside)
        head = await peek_until(inside.reader, END, limits.header_bytes, limits.head_timeout)
        facts = replace(_asked(facts, head), tls=client_tls.noted(facts, inside.writer).tls)
        await inside.reader.skip(len(head))
        inside.writer.write(ESTABLISHED + told(limits) + END[2:])
        return facts, inside
    except Unproven as error:
        plane.counts["peers_refused"] += 1
        plane.log.rejected(facts, Code.CALLER_UNPROVEN, str(error))
    except (ValueError, HostError) as error:
        plane.log.rejected(facts, Code.REQUEST_MALFORMED, str(error))
        inside.writer.write(REFUSED)
        await inside.close(limits.linger_timeout)
        return None
    except BaseException:
        inside.abort()
        raise
    inside.abort()
    return None


async def _shaken(peers: Peers, sock: socket.socket, within: float) -> Inside:
    loop = asyncio.get_running_loop()
    reader = Reader(loop=loop)
    reader.look()
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, sock.dup(), ssl=peers.context(), ssl_handshake_timeout=within
    )
    return Inside(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


def _known(facts: Facts, inside: Inside) -> Facts:
    """With the caller that the certificate names, and nobody else. Raises `Unproven`."""
    der = inside.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    if not der:
        raise Unproven("the peer showed no certificate")
    try:
        identity = replace(identity_of(der), address=facts.caller.address)
    except ValueError as error:
        raise Unproven(str(error)) from error
    return replace(facts, caller=identity, who=Caller(identity, lambda: None))


def _asked(facts: Facts, head: bytes) -> Facts:
    """With where the workload goes: an address that it dialled, or a name that it gave. Raises `ValueError`."""
    line = LINE.match(head)
    if line is None:
        raise ValueError("a gateway is asked by CONNECT; point sidecars at it with --gateway")
    target = line[1].decode("utf-8", "surrogateescape")
    host, port = canonical_authority(target, USUAL)
    facts = replace(facts, port=port, encrypted=TOLD in head.lower())
    return replace(facts, address=host) if literal(host) is not None else replace(facts, connect=target)
