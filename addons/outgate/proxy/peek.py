"""The first bytes of an accepted socket, or of what is inside of it, looked at and left where they are.

Owns waiting for them with a deadline. What they mean is `classify`'s.
"""

from __future__ import annotations

import asyncio
import socket

from outgate.proxy.classify import OTHER, Opening, Speech, classify
from outgate.proxy.connections import Reader
from outgate.proxy.hello import Hello

MAX_PEEK = 80 * 1024
"""A ClientHello may be 64 KiB; no kernel buffer is asked for more."""
RETRY = 0.02
"""Seconds between looks where the kernel cannot be told how many bytes to wait for."""
ENDED = (7, 8)
"""Linux: CLOSE, after a reset, and CLOSE_WAIT, after the peer's last byte."""


class Gone(ConnectionError):
    """The workload closed before it said anything that could be judged."""


async def first_bytes(sock: socket.socket | Reader, within: float, *, marked: bool = False) -> Opening:
    """What the connection speaks. Silence and what cannot be told in time is `OTHER`: a server-first protocol, or none.

    `marked`: of TLS, fingerprints are wanted. Raises `Gone`, and `MalformedHello` for TLS that cannot be read.
    """
    data, hello = b"", Hello(marked=marked)
    try:
        async with asyncio.timeout(within):
            while len(data) < MAX_PEEK:
                data = await _peek(sock, len(data))
                opening = classify(data, hello)
                if opening.speech is not Speech.MORE:
                    return opening
    except TimeoutError:
        return OTHER
    finally:
        _wait_for(sock, 1)
    return OTHER


async def peek_until(sock: socket.socket | Reader, end: bytes, most: int, within: float) -> bytes:
    """The bytes up to and with `end`, left unread. Raises `Gone`, `ValueError` past `most`, `TimeoutError`."""
    data, most = b"", min(most, MAX_PEEK)
    try:
        async with asyncio.timeout(within):
            while len(data) < most:
                data = await _peek(sock, len(data))
                if (at := data.find(end, 0, most)) >= 0:
                    return data[: at + len(end)]
    finally:
        _wait_for(sock, 1)
    raise ValueError(f"no {end!r} within {most} bytes")


async def peeked(sock: socket.socket, count: int) -> bytes:
    """The first `count` bytes, left unread. Raises `Gone`. The caller sets the deadline."""
    try:
        return (await _peek(sock, count - 1))[:count]
    finally:
        _wait_for(sock, 1)


async def _peek(sock: socket.socket | Reader, seen: int) -> bytes:
    """Wait until more than `seen` bytes are there and look at them. Raises `Gone` where no more will come."""
    if isinstance(sock, Reader):
        data = await sock.peek(seen)
        if len(data) <= seen:
            raise Gone("the connection was closed")
        return data
    while True:
        _wait_for(sock, seen + 1)
        await readable(sock)
        try:
            data = sock.recv(MAX_PEEK, socket.MSG_PEEK)
        except BlockingIOError:
            data = b""
        except OSError as error:
            raise Gone("the connection was reset") from error
        if len(data) > seen:
            return data
        if _ended(sock):
            raise Gone("the connection was closed")
        await asyncio.sleep(RETRY)


def _wait_for(sock: socket.socket | Reader, count: int) -> None:
    if isinstance(sock, Reader):
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
    except OSError:
        return


def _ended(sock: socket.socket) -> bool:
    """Whether the peer has sent its last byte: the state is the first byte of `tcp_info`."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in ENDED
    except OSError:
        return True


async def readable(sock: socket.socket) -> None:
    """Wait until a socket can be read."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    loop.add_reader(sock.fileno(), wake)
    try:
        await waiter
    finally:
        loop.remove_reader(sock.fileno())


def unread(sock: socket.socket) -> bool:
    """Whether anything has come that nobody has read."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False
