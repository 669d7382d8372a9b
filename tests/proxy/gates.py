"""A gate inside the test's own process, on loopback, in the modes that need no redirect; and origins for it."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from outgate.capture.keeper import Keeper
from outgate.pki.authority import Authority
from outgate.policy.access_model import AccessLayer
from outgate.policy.current import Snapshot
from outgate.policy.model import Defaults, Destination, Endpoint, Identity, Protocol, Resolution, Upstream
from outgate.policy.redaction_model import KeepingPolicy
from outgate.policy.snapshot import Policy
from outgate.proxy.engine import Engine, build
from outgate.proxy.listen import Listener
from outgate.settings import Limits, ListenMode, Settings
from outgate.sockets import bind
from outgate.telemetry.accesslogs import AccessLogs
from outgate.telemetry.sinks import StreamSink
from outgate.telemetry.tracer import Tracer
from outgate.upstream.connect import Environment
from outgate.upstream.identity import Identities
from outgate.upstream.resolve import Resolver
from outgate.upstream.trust import Trust
from policy.building import destination
from proxy.wires import until

NOTHING = KeepingPolicy()
CALLER = Identity(namespace="prod", service_account="web", how="declared")


@dataclass
class Running:
    """A gate that listens."""

    engine: Engine
    listener: Listener
    stream: io.BytesIO

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.listener.sockets[0].getsockname()
        return host, port

    @property
    def counts(self) -> dict[str, int]:
        return self.engine.plane.counts

    async def lines(self, count: int = 1) -> list[dict[str, Any]]:
        """So many lines of the access log, and no more."""
        await until(lambda: self.engine.log.stdout.written >= count)
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        assert len(lines) == count, lines
        return lines


@asynccontextmanager
async def gate(
    authority: Authority,
    *destinations: Destination,
    mode: ListenMode = ListenMode.REGULAR,
    defaults: Defaults | None = None,
    addons: tuple[object, ...] = (),
    workload: Identity = CALLER,
    access: tuple[AccessLayer, ...] = (),
    tracer: Tracer | None = None,
    keeping: KeepingPolicy = NOTHING,
    keeper: Keeper | None = None,
    **limits: Any,
) -> AsyncIterator[Running]:
    policy = Policy("test", defaults or Defaults(), destinations=destinations, access=access, keeping=keeping)
    settings = Settings(mode=mode, workload=workload, limits=Limits(**limits))
    sockets, stream = bind("127.0.0.1", 0), io.BytesIO()
    environment = Environment(Resolver(), Identities(Trust()), own_ports=frozenset({sockets[0].getsockname()[1]}))
    try:
        log = AccessLogs(StreamSink(stream))
        engine = build(settings, Snapshot(policy), environment, authority, log, addons, tracer=tracer, keeper=keeper)
        await engine.start()
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    running = Running(engine, Listener(engine.plane, sockets), stream)
    running.listener.start()
    try:
        yield running
    finally:
        await running.listener.close()
        await running.listener.drained(0.1)
        await engine.stop()


@dataclass
class Origin:
    """A server that keeps what it received."""

    port: int = 0
    connections: int = 0
    received: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def origin(answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") -> AsyncIterator[Origin]:
    """Answers every request head that comes whole."""
    made = Origin()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        try:
            while True:
                made.received.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


def to(host: str, port: int, where: int, protocol: Protocol = Protocol.HTTP) -> Destination:
    """A destination of one host and port that lies at a port of this machine."""
    known = destination(host, port=port, protocol=protocol)
    upstream = Upstream(where, Resolution.STATIC, (Endpoint("127.0.0.1", where),))
    return replace(known, ports=(replace(known.ports[0], upstream=upstream),))
