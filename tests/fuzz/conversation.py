"""The gate's HTTP layers between a workload and an origin, without sockets, clocks or hooks of others.

What a workload sends goes in as bytes, what reaches the origin and the workload comes out as bytes; in between are the
very layers, the gate's own addon and a policy with one destination.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network

from mitmproxy.connection import Connection, ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.mode_specs import ProxyMode

from outgate.policy.current import Snapshot
from outgate.policy.model import Protocol
from outgate.policy.snapshot import Policy
from outgate.proxy.engine import LayerOptions
from outgate.proxy.exchange import GateClient
from outgate.proxy.gate import Gate
from outgate.proxy.layers import GateHttpLayer
from outgate.settings import Limits
from outgate.upstream.headers import InjectedHeaders
from policy.building import destination
from proxy.requests import facts

HOST = "api.example"
NAMED = destination(HOST, port=80, protocol=Protocol.HTTP)
PLACED = destination(name="net", port=80, protocol=Protocol.HTTP, networks=(ip_network("192.0.2.0/24"),), line=2)
POLICY = Policy("test", destinations=(NAMED, PLACED))
MODE = ProxyMode.parse("transparent")

type Answering = Callable[[bytes], bytes]
"""All that one connection of the origin has received, to what it says next; nothing where it waits."""


class Conversation:
    """One client connection. `to_client` is what the workload got, `to_origins` what each connection of the origin."""

    def __init__(self, answering: Answering, alpn: bytes | None = None, origin_alpn: bytes | None = None) -> None:
        client = GateClient(
            peername=("192.0.2.7", 1234),
            sockname=("192.0.2.1", 80),
            timestamp_start=0.0,
            proxy_mode=MODE,
            state=ConnectionState.OPEN,
        )
        client.facts, client.hello, client.held = facts(), None, lambda: True
        client.alpn, self.origin_alpn = alpn, origin_alpn
        self.client, self.answering = client, answering
        self.gate = Gate(Snapshot(POLICY), InjectedHeaders())
        context = Context(client, LayerOptions())  # type: ignore[arg-type]
        context.server.address = client.sockname
        self.layer = GateHttpLayer(context, Limits())
        self.to_client = b""
        self.to_origins: dict[Connection, bytes] = {}
        self.waiting: list[events.Event] = [events.Start()]
        self._run()

    def say(self, data: bytes) -> None:
        """What the workload sends next."""
        if self.client.state & ConnectionState.CAN_READ:
            self._happens(events.DataReceived(self.client, data))

    def end(self) -> None:
        """The workload closes."""
        if self.client.state & ConnectionState.CAN_READ:
            self.client.state &= ~ConnectionState.CAN_READ
            self._happens(events.ConnectionClosed(self.client))

    def open_origins(self) -> Iterator[Connection]:
        """The origin's connections, those too that are made while one looks."""
        while left := [each for each in self.to_origins if each.state & ConnectionState.CAN_READ]:
            yield left[0]

    def close_origin(self, connection: Connection) -> None:
        """The origin closes."""
        if connection.state & ConnectionState.CAN_READ:
            connection.state &= ~ConnectionState.CAN_READ
            self._happens(events.ConnectionClosed(connection))

    def _happens(self, *happened: events.Event) -> None:
        self.waiting += happened
        self._run()

    def _run(self) -> None:
        while self.waiting:
            event = self.waiting.pop(0)
            self.waiting[:0] = list(self._replies(self.layer.handle_event(event)))

    def _replies(self, given: Iterable[commands.Command]) -> Iterable[events.Event]:
        for command in given:
            if isinstance(command, commands.SendData):
                yield from self._send(command)
            elif isinstance(command, commands.StartHook):
                hook = getattr(self.gate, command.name, None)
                if hook is not None:
                    hook(*command.args())
                if command.blocking:
                    yield events.HookCompleted(command)
            elif isinstance(command, commands.OpenConnection):
                command.connection.state, command.connection.alpn = ConnectionState.OPEN, self.origin_alpn
                self.to_origins[command.connection] = b""
                yield events.OpenConnectionCompleted(command, None)
            elif isinstance(command, commands.CloseConnection):
                command.connection.state = ConnectionState.CLOSED

    def _send(self, command: commands.SendData) -> Iterable[events.Event]:
        if command.connection is self.client:
            self.to_client += command.data
            return
        self.to_origins[command.connection] += command.data
        answer = self.answering(self.to_origins[command.connection])
        if answer:
            yield events.DataReceived(command.connection, answer)
