"""The real data plane on one event loop of this process: real sockets in, lines of the access log out.

Owns the engine and its loop, and that nothing is ever dialled: what comes after the verdict is other tests' business.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import socket
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from outgate.pki.authority import Authority
from outgate.policy.addresses import Permit
from outgate.policy.current import Snapshot
from outgate.policy.model import Identity
from outgate.policy.snapshot import Policy
from outgate.proxy import engine, intake
from outgate.settings import ListenMode, Settings
from outgate.telemetry.accesslogs import AccessLogs
from outgate.telemetry.sinks import StreamSink
from outgate.upstream.environment import Environment
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.identity import Identities
from outgate.upstream.resolve import Resolver
from outgate.upstream.trust import Trust

PATIENCE = 10.0
"""Seconds until a line of the log is given up."""

type Line = dict[str, Any]


class Nowhere(Resolver):
    """Permits nothing, not even addresses that are spelt, so that nothing leaves this machine."""

    async def addresses(self, host: str, permit: Permit) -> tuple[str, ...]:
        raise UpstreamError(Failure.RESOLVE_FAILED, f"{host} is not looked up in this test")


class Lines(io.RawIOBase):
    """The access log, by the address that a connection came from. Written to from the log's own thread."""

    def __init__(self) -> None:
        self.by_source: defaultdict[str, list[Line]] = defaultdict(list)
        self.loop, self.news = asyncio.get_running_loop(), asyncio.Event()

    def write(self, data: Any) -> int:
        for text in bytes(data).splitlines():
            line = json.loads(text)
            self.by_source[line["source"]].append(line)
        self.loop.call_soon_threadsafe(self.news.set)
        return len(data)

    async def first(self, source: str) -> Line:
        """The line about the connection from an address."""
        while not (found := self.by_source.get(source)):
            self.news.clear()
            await self.news.wait()
        return found[0]


class DataPlane:
    """A gate that listens on loopback. Each connection comes from an address of its own, which `source` gives."""

    def __init__(self, authority: Authority, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.dialled: dict[str, tuple[str, int]] = {}
        """Where a connection was going, by where it comes from."""
        self._numbers = itertools.count(1)
        runner.run(self._build(authority))

    async def _build(self, authority: Authority) -> None:
        self.lines = Lines()
        snapshot, environment = Snapshot(Policy("none")), Environment(Nowhere(), Identities(Trust()))
        logs = AccessLogs(StreamSink(self.lines))  # type: ignore[arg-type]
        self.engine = engine.build(Settings(), snapshot, environment, authority, logs)
        snapshot.observers.append(self.engine.plane.swapped)
        await self.engine.master.running()

    def close(self) -> None:
        """End. All lines are written then."""
        self.listener.close()
        self.runner.run(self.engine.stop())

    def source(self, block: int) -> str:
        """An address that nobody has called from: `127.BLOCK.x.y`."""
        number = next(self._numbers)
        return f"127.{block}.{number >> 8}.{number & 255}"

    def original_destination(self, sock: socket.socket) -> tuple[str, int]:
        return self.dialled[sock.getpeername()[0]]

    def judge[T](self, policy: Policy, mode: ListenMode, workload: Identity, client: Callable[[], Awaitable[T]]) -> T:
        """What `client` gives, whose connection is the next one. Returns when the gate is done with it."""
        plane = self.engine.plane
        plane.snapshot.swap(policy)
        plane.settings = replace(plane.settings, mode=mode, workload=workload)
        return self.runner.run(self._meet(client))

    async def _meet[T](self, client: Callable[[], Awaitable[T]]) -> T:
        serving = asyncio.create_task(self._serve())
        try:
            async with asyncio.timeout(PATIENCE):
                return await client()
        finally:
            await asyncio.wait({serving}, timeout=PATIENCE)

    async def _serve(self) -> None:
        accepted, _ = await asyncio.get_running_loop().sock_accept(self.listener)
        await intake.Intake(self.engine.plane, accepted).serve()


@contextmanager
def running(authority: Authority) -> Iterator[DataPlane]:
    """The data plane, with one thing replaced: where a connection was going, which the kernel says of redirected ones
    only. To redirect takes a namespace; that the kernel is asked rightly is shown there, in `e2e`."""
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        made = DataPlane(authority, runner)
        patch.setattr(intake, "original_destination", made.original_destination)
        try:
            yield made
        finally:
            made.close()
