"""Connected sockets on loopback for the tests beside this file, and what can be said of them."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LIMIT = 10.0
"""Seconds that any wait in these tests may take."""


class Watched(socket.socket):
    """A socket that counts how often it was looked at."""

    looks = 0

    def recv(self, *arguments: int) -> bytes:
        self.looks += 1
        return super().recv(*arguments)


@contextmanager
def connected(
    family: socket.AddressFamily = socket.AF_INET, buffer: int = 0
) -> Iterator[tuple[socket.socket, Watched]]:
    """The client's socket, which blocks, and the accepted one, which does not. `buffer`: bytes the latter may hold."""
    with socket.socket(family) as listener:
        if buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        listener.bind(("::1" if family is socket.AF_INET6 else "127.0.0.1", 0))
        listener.listen()
        client = socket.create_connection(listener.getsockname()[:2], timeout=LIMIT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made, _ = listener.accept()
    accepted = Watched(fileno=made.detach())
    accepted.setblocking(False)
    try:
        yield client, accepted
    finally:
        client.close()
        accepted.close()


def reset(sock: socket.socket) -> None:
    """Close with a reset instead of an end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def until(condition: Callable[[], bool]) -> None:
    """For what the kernel does, and no event tells."""
    async with asyncio.timeout(LIMIT):
        while True:
            if condition():
                return
            await asyncio.sleep(0.001)


async def arrived(sock: socket.socket, count: int) -> None:
    """Until so many bytes lie in the kernel unread."""
    await until(lambda: unread(sock) >= count)


def unread(sock: socket.socket) -> int:
    """Bytes in the kernel that can be read now."""
    try:
        return len(socket.socket.recv(sock, 1 << 20, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return 0


def is_watched(sock: socket.socket) -> bool:
    """Whether the running loop still waits for a socket; it does not any more afterwards."""
    return asyncio.get_running_loop().remove_reader(sock.fileno())


async def drip(sock: socket.socket, data: bytes, size: int, pause: float = 0.0) -> None:
    """Send in segments of `size` bytes."""
    for start in range(0, len(data), size):
        sock.sendall(data[start : start + size])
        await asyncio.sleep(pause)
