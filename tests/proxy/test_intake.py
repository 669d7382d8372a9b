"""From an accepted socket to what it becomes: by the policy that is in force when it becomes it."""

import asyncio
import contextlib
import socket
from dataclasses import replace

from outgate.policy.model import Protocol
from outgate.policy.snapshot import Policy
from outgate.settings import ListenMode
from proxy.gates import gate, to
from proxy.wires import LIMIT

CONNECT = b"CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n"


class Late:
    """A listener that completes no connection before it is told."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port = self.listener.getsockname()[1]
        self.fillers = [self._filler() for _ in range(2)]

    def _filler(self) -> socket.socket:
        made = socket.socket()
        made.setblocking(False)
        made.connect_ex(("127.0.0.1", self.port))
        return made

    def accept(self) -> socket.socket:
        """The first connection that is the gate's."""
        self.listener.settimeout(LIMIT)
        own = {made.getsockname() for made in self.fillers}
        while (accepted := self.listener.accept())[1] in own:
            accepted[0].close()
        return accepted[0]

    def close(self) -> None:
        for made in (self.listener, *self.fillers):
            made.close()


async def opening(running):
    """A tunnel that was asked for, with a first byte in it."""
    reader, writer = await asyncio.open_connection(*running.address)
    writer.write(CONNECT)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.write(b"\x00first")
    await asyncio.sleep(0.3)
    return reader, writer


async def received(late: Late) -> bytes:
    def run() -> bytes:
        with late.accept() as made:
            made.settimeout(LIMIT)
            try:
                return made.recv(100)
            except ConnectionError:
                return b""

    return await asyncio.to_thread(run)


async def test_a_tunnel_that_a_new_policy_denies_while_it_is_dialled_is_not_opened(authority):
    late = Late()
    try:
        async with gate(authority, to("db.example", 5432, late.port, Protocol.TCP), mode=ListenMode.REGULAR) as running:
            reader, writer = await opening(running)
            running.engine.plane.snapshot.swap(Policy("next", running.engine.plane.snapshot.policy.defaults))
            assert await received(late) == b""
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            (line,) = await running.lines()
        assert (line["verdict"], line["code"]) == ("deny", "unregistered")
    finally:
        late.close()


async def test_a_tunnel_that_a_new_policy_allows_too_is_opened(authority):
    late = Late()
    try:
        known = to("db.example", 5432, late.port, Protocol.TCP)
        async with gate(authority, known, mode=ListenMode.REGULAR) as running:
            _, writer = await opening(running)
            snapshot = running.engine.plane.snapshot
            snapshot.swap(Policy("next", snapshot.policy.defaults, destinations=(replace(known, name="other"),)))
            assert await received(late) == b"\x00first"
            writer.close()
    finally:
        late.close()
