"""What a workload says that knows it speaks to a proxy: CONNECT, or SOCKS5.

Owns the first exchange of these two modes; afterwards the connection is judged like any other. A target that no
destination could ever match is refused here, where the client can still be told.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace

from mitmproxy.net.http import http1

from outgate.policy.hosts import bracketed, canonical_authority
from outgate.policy.model import Code, Decision
from outgate.policy.targets import USUAL, hopeless, told
from outgate.proxy import answers, socks
from outgate.proxy.classify import Speech
from outgate.proxy.connections import READ_SIZE
from outgate.proxy.exchange import Facts
from outgate.proxy.hello import MalformedHello
from outgate.proxy.peek import Gone, first_bytes, peek_until
from outgate.proxy.plane import Plane
from outgate.settings import ListenMode

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


async def read_target(plane: Plane, sock: socket.socket, facts: Facts) -> Facts | None:
    """The facts with the target, where one was named before the first request. None: refused and answered.

    Raises `Gone` and `TimeoutError`.
    """
    if facts.mode is ListenMode.SOCKS5:
        return await _socks(plane, sock, facts)
    try:
        opening = await first_bytes(sock, plane.settings.limits.head_timeout)
    except MalformedHello:  # refused as such by whoever judges the connection next
        return facts
    if opening.speech is Speech.HTTP1 and sock.recv(8, socket.MSG_PEEK) == b"CONNECT ":
        return await _connect(plane, sock, facts)
    return facts


async def _socks(plane: Plane, sock: socket.socket, facts: Facts) -> Facts | None:
    refused: list[Decision] = []

    def allowed(host: str, port: int) -> bool:
        decision = _hopeless(plane, facts, f"{bracketed(host)}:{port}")
        if decision is not None:
            refused.append(decision)
        return decision is None

    try:
        host, port = await socks.accept(sock, allowed, plane.settings.limits.head_timeout)
    except socks.SocksError as error:
        code, reason = (refused[0].code, refused[0].reason) if refused else (Code.REQUEST_MALFORMED, str(error))
        plane.log.rejected(facts, code, reason)
        await _linger(sock, plane.settings.limits.linger_timeout)
        return None
    return replace(facts, connect=f"{bracketed(host)}:{port}", port=port)


async def _connect(plane: Plane, sock: socket.socket, facts: Facts) -> Facts | None:
    limits, loop = plane.settings.limits, asyncio.get_running_loop()
    try:
        head = await peek_until(sock, b"\r\n\r\n", limits.header_bytes, limits.head_timeout)
    except ValueError as error:
        plane.log.rejected(facts, Code.REQUEST_MALFORMED, str(error))
        return None
    await _consume(sock, len(head))
    target = head.split(b" ", 2)[1].decode("utf-8", "surrogateescape")
    if (decision := _hopeless(plane, facts, target)) is not None:
        plane.log.rejected(facts, decision.code, decision.reason)
        await loop.sock_sendall(sock, _refusal(decision, target))
        await _linger(sock, limits.linger_timeout)
        return None
    await loop.sock_sendall(sock, ESTABLISHED)
    return replace(facts, connect=target, port=canonical_authority(target, USUAL)[1])


def _hopeless(plane: Plane, facts: Facts, target: str) -> Decision | None:
    policy = plane.snapshot.policy
    return hopeless(policy, told(facts.under(policy.defaults).caller, target))


async def _linger(sock: socket.socket, within: float) -> None:
    """Swallow for a while what is still sent: closing with unread bytes would reset the connection and take our answer
    along."""
    with contextlib.suppress(OSError):  # too late, or broken
        sock.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(within):
            while await asyncio.get_running_loop().sock_recv(sock, READ_SIZE):
                pass


async def _consume(sock: socket.socket, count: int) -> None:
    """Read what was peeked at, and not one byte more."""
    while count:
        data = await asyncio.get_running_loop().sock_recv(sock, count)
        if not data:
            raise Gone("the connection was closed")
        count -= len(data)


def _refusal(decision: Decision, target: str) -> bytes:
    response = answers.denial(decision, target)
    response.headers["connection"] = "close"
    text: bytes = http1.assemble_response(response)
    return text
