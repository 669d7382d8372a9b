"""One client connection: bytes in, layer events out, commands carried out, and a bound on everything that waits.

Stands where mitmproxy has its ConnectionHandler and keeps its contract with layers and addons. Differs from it in
that a synchronous hook costs no task, that a crash ends the connection instead of leaving it hanging, and that what
waits behind a dial, a hook or a slow reader is bounded. Decides nothing; `origins` dials.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import time
from collections.abc import Awaitable

from mitmproxy.connection import Connection, ConnectionState
from mitmproxy.proxy import commands, events, layer, server_hooks
from mitmproxy.proxy.context import Context

from outgate.policy.snapshot import Policy
from outgate.proxy import bodies, deadlines, ending, flow_control, inside_tls, origins, pipe, waiting
from outgate.proxy.commands import Abort, Copied, Ended, LingeringClose, Rejected, Release, Within
from outgate.proxy.connections import READ_SIZE, Transport
from outgate.proxy.counted import Counted
from outgate.proxy.exchange import ApprovedServer, GateClient, exchange_of
from outgate.proxy.guard import trace
from outgate.proxy.lane import HELD, lane_of
from outgate.proxy.layers import GateHttpLayer, Guard, Quiet
from outgate.proxy.plane import Plane

log = logging.getLogger(__name__)


class Handler:
    """See the module. `run` serves the connection until it is closed, and then leaves nothing behind."""

    def __init__(
        self, plane: Plane, client: GateClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.plane = plane
        self.client = client
        self.limits = plane.settings.limits
        context = Context(client, plane.options)  # type: ignore[arg-type]  # read by attribute only
        context.server.address = (client.facts.address or client.facts.connect or "", client.facts.port or 0)
        context.server.tls = client.facts.encrypted
        self.http = GateHttpLayer(context, self.limits)
        self.layer: layer.Layer | Guard = Guard(self.http, self.crash)
        self.transports: dict[Connection, Transport] = {client: Transport(reader, writer)}
        self.flow_control = flow_control.FlowControl(self.http, self.transports)
        self.inbox: collections.deque[events.Event] = collections.deque()
        self.feeding = False
        self.lingering = False
        self.heard = self.awaited = False
        """Whether anything was received, and whether it is given a last chance because the gate is stopping."""
        self.waiting = 0
        """Dials and hooks under way."""
        self.held: dict[Connection, int] = {}
        """Bytes by where they came from that wait behind a dial or a hook; no more than `held_bytes` are read on."""
        self.resumed = asyncio.Event()
        self.closed = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.active = time.monotonic()
        self.head_deadline: asyncio.TimerHandle | None = None
        self.bodies = bodies.Bodies(self)
        self.deadlines = deadlines.Deadlines(self)
        self.lane = lane_of(self, reader)

    # Life.

    async def run(self) -> None:
        self.plane.live.add(self)
        self._check_idle()
        self._expect_head()
        try:
            await self.fire(server_hooks.ClientConnectedHook(self.client))
            if self.client.error:
                self.abort(self.client.error)
                return
            self.feed(events.Start())
            await self._read_client()
        finally:
            self.idle_timer.cancel()
            self.bodies.stop()
            self.deadlines.stop()
            if self.lane is not None:
                self.lane.clock.stop()
            self.head_came()
            self.plane.live.discard(self)
            await self._end()

    async def _end(self) -> None:
        for stream in self.http.unreported():
            for command in stream.leave():
                self.execute(command)
        self.client.forget_begun()
        self.layer = Quiet(self.http.context)
        self.client.timestamp_end = time.time()
        self.client.state = ConnectionState.CLOSED
        self.closed.set()
        self.flow_control.close()
        if (transport := self.transports.pop(self.client, None)) is not None:
            transport.close()
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=self.limits.linger_timeout)
        for transport in self.transports.values():
            transport.close()  # of an origin whose task ended before it came to serve it
        await self.fire(server_hooks.ClientDisconnectedHook(self.client))

    def _check_idle(self) -> None:
        remaining = self.active + self.limits.idle_timeout - time.monotonic()
        if remaining > 0:
            self.idle_timer = asyncio.get_running_loop().call_later(remaining, self._check_idle)
        else:
            self.plane.counts["idle_timeout"] += 1
            self.abort("idle")

    def _expect_head(self) -> None:
        """A request's head has to be whole within its time, from its first byte on."""
        if self.head_deadline is None:
            loop = asyncio.get_running_loop()
            self.head_deadline = loop.call_later(self.limits.head_timeout, self._head_late)

    def head_came(self) -> None:
        if self.head_deadline is not None:
            self.head_deadline.cancel()
            self.head_deadline = None

    def _head_late(self) -> None:
        self.plane.counts["head_timeout"] += 1
        self.abort("no whole request head in time")

    # Reading.

    async def _read_client(self) -> None:
        transport = self.transports[self.client]
        while self.client.state & ConnectionState.CAN_READ or self.lingering:
            data = await self._next(transport)
            if not data:
                break
            self.active = time.monotonic()
            if self.lingering:
                continue
            if not self.heard and inside_tls.is_opaque(self, data):
                return
            self.heard = True
            if self.lane is not None and await self.lane.carried(data):
                continue
            self.feed(events.DataReceived(self.client, data))
            if self.http.heading:
                self._expect_head()
            else:
                self.head_came()
            self.bodies.watch()
            await self._make_room(self.client, len(data))
        if self.client.state & ConnectionState.CAN_READ:
            self.client.state &= ~ConnectionState.CAN_READ
            self.feed(events.ConnectionClosed(self.client))
        while self.client.listens() and not transport.gone:
            with contextlib.suppress(TimeoutError):  # that it is not there any more is told by nothing
                await asyncio.wait_for(self.closed.wait(), HELD)

    async def _next(self, transport: Transport) -> bytes:
        """What the workload sends next. A body that it has begun has to go on; our own time does not count."""
        if not self.http.embodying or self.lingering:
            return await _read(transport)
        try:
            async with asyncio.timeout(self.limits.body_timeout):
                return await _read(transport)
        except TimeoutError:
            self.plane.counts["body_timeout"] += 1
            self.abort("the request's body did not go on")
            return b""

    async def read_origin(self, server: ApprovedServer) -> None:
        """Read from an origin until it or we close, or until its exchange is complete and it is released."""
        transport = self.transports[server]
        while server.state & ConnectionState.CAN_READ:
            data = await _read(transport)
            if not data:
                break
            self.feed(events.DataReceived(server, data))
            if transport.released:
                return
            await self._make_room(server, len(data))
        if server.state & ConnectionState.CAN_READ:
            server.state &= ~ConnectionState.CAN_READ
            server.broken = transport.broken
            self.feed(events.ConnectionClosed(server))

    async def _make_room(self, source: Connection, size: int) -> None:
        """Back-pressure: do not read on from `source` before what it sent has somewhere to go."""
        if self.http.paused(source):
            held = self.held[source] = self.held.get(source, 0) + size
            while self.http.paused(source) and held > self.limits.held_bytes and not self.closed.is_set():
                self.resumed.clear()
                await self.resumed.wait()
        if not self.http.paused(source):
            self.held.pop(source, None)
        await self.flow_control.make_room(source)

    # Events and commands.

    def feed(self, event: events.Event) -> None:
        """Give the layers an event, and then whatever follows from it at once, one at a time."""
        self.inbox.append(event)
        if self.feeding:
            return
        self.feeding = True
        try:
            while self.inbox:
                for command in self.layer.handle_event(self.inbox.popleft()):
                    self.execute(command)
        except BaseException as error:
            self.crash(error)
        finally:
            self.feeding = False
        self.flow_control.settle()
        if self.plane.draining:
            self.drain()

    def execute(self, command: commands.Command) -> None:
        if isinstance(command, commands.SendData):
            if (transport := self.transports.get(command.connection)) is not None:
                transport.write(command.data)
                if command.connection is self.client:
                    # What only passes between the gate and an origin, such as a ping, keeps no workload's place.
                    self.active = time.monotonic()
        elif isinstance(command, commands.StartHook):
            self._start_hook(command)
        elif isinstance(command, commands.OpenConnection):
            if not self.closed.is_set():
                self.waits()
                self.spawn(origins.open_origin(self, command))
        elif isinstance(command, Release):
            origins.release(self, command.connection)
        elif isinstance(command, commands.CloseConnection):
            self._close(command)
        elif isinstance(command, commands.RequestWakeup):
            self.spawn(self._wake(command))
        elif isinstance(command, Counted | Rejected | Within | Ended | Copied):
            self._note(command)
        elif not isinstance(command, commands.Log):
            # What layers log quotes what was received; what matters of it is in the access log.
            raise RuntimeError(f"the layers gave an unknown command: {type(command).__name__}")

    def _note(self, command: Counted | Rejected | Within | Ended | Copied) -> None:
        if isinstance(command, Counted):
            self.plane.counts[command.name] += 1
        elif isinstance(command, Within):
            self.deadlines.note(command)
        elif isinstance(command, Copied):
            self.plane.mirrors.copy(command.flow.request, command.body, exchange_of(command.flow))
        elif isinstance(command, Ended):
            self.deadlines.forget(command.stream_id)
        else:
            self.plane.log.rejected(self.client.facts, command.code, command.reason)

    def _close(self, command: commands.CloseConnection) -> None:
        connection = command.connection
        transport = self.transports.get(connection)
        if transport is None:
            return
        half = isinstance(command, commands.CloseTcpConnection) and command.half_close
        if half and transport.half_close():
            connection.state &= ~ConnectionState.CAN_WRITE
            return
        connection.state = ConnectionState.CLOSED
        if connection is not self.client:
            origins.close(transport)
        elif isinstance(command, Abort):
            transport.abort()
            self.closed.set()
        elif isinstance(command, LingeringClose):
            self.linger(transport)
        else:
            transport.close()
            self.closed.set()

    def linger(self, transport: Transport) -> None:
        """Closing with unread bytes would reset the connection and take our answer along."""
        if self.lingering:
            return
        self.lingering = True
        if transport.writer.can_write_eof():
            transport.half_close()
        asyncio.get_running_loop().call_later(self.limits.linger_timeout, self._linger_over)

    def _linger_over(self) -> None:
        if (transport := self.transports.get(self.client)) is not None:
            transport.close()
        self.closed.set()

    async def _wake(self, command: commands.RequestWakeup) -> None:
        await asyncio.sleep(command.delay)
        self.feed(events.Wakeup(command))

    # Hooks.

    async def fire(self, hook: commands.StartHook) -> None:
        """Call a hook that no layer waits for, and wait for it."""
        if (pending := self.plane.hooks.call(hook)) is not None:
            await pending

    def _start_hook(self, hook: commands.StartHook) -> None:
        pending: Awaitable[None] | None
        own, table = pipe.own_work(hook), self.plane.hooks
        if own is not None:
            pending = table.finish(hook, own, iter(()))
        elif isinstance(hook, waiting.HOOKS):
            pending = waiting.run(hook, self.plane)
        else:
            pending = table.call(hook)
        if pending is not None:
            self.waits()
            task = self.spawn(self._await_hook(hook, pending))
            task.add_done_callback(lambda _: waiting.given_up(pending))
        else:
            self._hook_done(hook)

    async def _await_hook(self, hook: commands.StartHook, pending: Awaitable[None]) -> None:
        try:
            await pending
        finally:
            self.goes_on()
        self._hook_done(hook)

    def _hook_done(self, hook: commands.StartHook) -> None:
        origins.after_hook(self, hook)
        if hook.blocking:
            self.feed(events.HookCompleted(hook))

    # Waiting.

    def waits(self) -> None:
        self.waiting += 1

    def goes_on(self) -> None:
        self.waiting -= 1
        self.resumed.set()

    def spawn(self, work: collections.abc.Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._contained(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda _: work.close())  # a task may be cancelled before it begins
        return task

    async def _contained(self, work: collections.abc.Coroutine[object, object, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            self.crash(RuntimeError("a task was cancelled from inside"))
        except BaseException as error:
            self.crash(error)

    # Ends.

    def crash(self, error: BaseException) -> None:
        """A layer, a task or a command raised: nothing more passes in either direction."""
        self.plane.counts["crashes"] += 1
        log.error("a connection was ended because it failed: %s\n%s", type(error).__name__, trace(error))
        self.abort(f"internal failure: {type(error).__name__}")

    def abort(self, reason: str) -> None:
        """Break off: every socket is reset and whatever is under way is dropped."""
        self.layer = Quiet(self.http.context)
        if self.lane is not None:
            self.lane.end(reason)
        for stream in self.http.unreported():
            exchange = getattr(stream, "exchange", None)
            if exchange is not None:
                exchange.failure = exchange.failure or reason
        for connection, transport in self.transports.items():
            connection.state = ConnectionState.CLOSED
            transport.abort()
        self.lingering = False
        self.closed.set()
        self.resumed.set()
        self.flow_control.close()

    def drain(self) -> None:
        ending.drain(self)

    def judge_again(self, policy: Policy) -> None:
        ending.judge_again(self, policy)


async def _read(transport: Transport) -> bytes:
    """The next bytes; none at the end of the stream or when the peer broke off."""
    try:
        return await transport.reader.read(READ_SIZE)
    except OSError:
        transport.broken = True
        return b""
