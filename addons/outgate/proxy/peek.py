"""The first bytes of an accepted socket, looked at and left where they are.

Owns waiting for them with a deadline. What they mean is `classify`'s.
"""

from __future__ import annotations

import asyncio
import socket

from outgate.proxy.classify import Opening, Speech, classify

MAX_PEEK = 80 * 1024
"""A ClientHello may be 64 KiB; no kernel buffer is asked for more."""
SILENT = Opening(Speech.OTHER)
RETRY = 0.02
"""Seconds between looks where the kernel cannot be told how many bytes to wait for."""


class Gone(ConnectionError):
    """The workload closed before it said anything that could be judged."""


async def first_bytes(sock: socket.socket, within: float) -> Opening:
    """What the connection speaks. Silence and what cannot be told in time is `OTHER`: a server-first protocol, or none.

    Raises `Gone`, and `MalformedHello` for TLS that cannot be read.
    """
    opening = Opening(Speech.MORE, need=1)
    seen = -1
    try:
        async with asyncio.timeout(within):
            while opening.speech is Speech.MORE:
                data = await _peek(sock, opening.need, seen)
                if len(data) >= MAX_PEEK:
                    return SILENT
                seen = len(data)
                opening = classify(data)
    except TimeoutError:
        return SILENT
    finally:
        _wait_for(sock, 1)
    return opening


async def peek_until(sock: socket.socket, end: bytes, most: int, within: float) -> bytes:
    """The bytes up to and with `end`, left unread. Raises `Gone`, `ValueError` past `most`, `TimeoutError`."""
    seen = -1
    async with asyncio.timeout(within):
        while True:
            data = await _peek(sock, seen + 1 if seen > 0 else 1, seen)
            if (at := data.find(end)) >= 0:
                return data[: at + len(end)]
            if len(data) >= most:
                raise ValueError(f"no {end!r} within {most} bytes")
            seen = len(data)


async def _peek(sock: socket.socket, need: int, seen: int) -> bytes:
    """Wait until more than `seen` bytes are there, or the end, and look at them."""
    while True:
        _wait_for(sock, min(need, MAX_PEEK))
        await readable(sock)
        try:
            data = sock.recv(MAX_PEEK, socket.MSG_PEEK)
        except BlockingIOError:
            continue
        except OSError as error:
            raise Gone("the connection was reset") from error
        if not data or (len(data) == seen and _ended(sock)):
            raise Gone("the connection was closed")
        if len(data) > seen:
            return data
        await asyncio.sleep(RETRY)


def _wait_for(sock: socket.socket, count: int) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
    except OSError:
        return


def _ended(sock: socket.socket) -> bool:
    """Whether the peer has sent its last byte (Linux: state CLOSE_WAIT in the first byte of tcp_info)."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 8
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
