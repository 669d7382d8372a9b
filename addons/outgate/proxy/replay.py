"""Sending a request again: through the gate, as if the workload sent it.

Owns mitmproxy's replay commands, whose own handler would pass every other one by. A request enters as bytes, on a
connection of which the gate knows what it knew of the first one: who called, and where to. So it is read, judged and
recorded like any other, by the policy of now.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mitmproxy import command, flow, http
from mitmproxy.connection import ConnectionState
from mitmproxy.net.http import http1

from outgate.policy.headers import HOP_BY_HOP
from outgate.proxy.exchange import Facts, GateClient
from outgate.proxy.handler import Handler
from outgate.proxy.intake import PROXY_MODE
from outgate.proxy.soundness import BREAK, TOKEN

if TYPE_CHECKING:
    from outgate.proxy.web import Web

log = logging.getLogger(__name__)

AT_ONCE = 8
FRAMING = frozenset({"content-length", "transfer-encoding", "trailer", "expect"})


class Replays:
    """The commands, under the names that mitmweb calls."""

    name = "clientplayback"

    def __init__(self, web: Web) -> None:
        self.web = web
        self.running: set[asyncio.Task[None]] = set()
        self.turn = asyncio.Semaphore(AT_ONCE)

    @command.command("replay.client")  # type: ignore[untyped-decorator]
    def start(self, flows: Sequence[flow.Flow]) -> None:
        """Send requests again, those that can be sent."""
        for known in flows:
            if why := self.refusal(known):
                log.warning("a flow is not sent again: %s", why)
                continue
            assert isinstance(known, http.HTTPFlow)
            known.backup()
            known.is_replay, known.response, known.error = "request", None, None
            task = asyncio.get_running_loop().create_task(self._send(known))
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    @command.command("replay.client.count")  # type: ignore[untyped-decorator]
    def count(self) -> int:
        """How many are under way."""
        return len(self.running)

    @command.command("replay.client.stop")  # type: ignore[untyped-decorator]
    def stop(self) -> None:
        """Break off those under way."""
        for task in self.running:
            task.cancel()

    def refusal(self, known: flow.Flow) -> str:
        """Why a flow cannot be sent again; empty where it can."""
        if not isinstance(known, http.HTTPFlow) or known.websocket is not None:
            return "it is no plain request"
        if known.live or known.intercepted:
            return "it is not over"
        if known.request.raw_content is None:
            return "its body was not kept"
        if self.web.facts_of(known) is None or self.web.plane is None:
            return "it did not come through this gate"
        fields = known.request.headers.fields
        if any(not TOKEN.fullmatch(name) or BREAK.search(value) for name, value in fields):
            return "its headers are not valid HTTP"
        return ""

    async def _send(self, known: http.HTTPFlow) -> None:
        facts, plane = self.web.facts_of(known), self.web.plane
        assert facts is not None
        assert plane is not None
        async with self.turn:
            near, far = socket.socketpair()
            reader, writer = await asyncio.open_connection(sock=far)
            there, here = await asyncio.open_connection(sock=near)
            here.write(message(known.request, facts))
            drained = asyncio.get_running_loop().create_task(_drain(there))
            try:
                await Handler(plane, client_of(known, facts), reader, writer).run()
            finally:
                drained.cancel()
                here.close()
                known.live = False
                if known.response is None and known.error is None:
                    known.error = flow.Error("the gate did not take it for a request")
                self.web.master.view.update([known])


async def _drain(reader: asyncio.StreamReader) -> None:
    """The answer is the flow's already; nobody is here to read it."""
    with contextlib.suppress(OSError):
        while await reader.read(65536):
            pass


def client_of(known: http.HTTPFlow, facts: Facts) -> GateClient:
    """A connection of the same caller to the same place."""
    client = GateClient(
        peername=known.client_conn.peername,
        sockname=known.client_conn.sockname,
        timestamp_start=time.time(),
        proxy_mode=PROXY_MODE,
        state=ConnectionState.OPEN,
    )
    client.facts, client.replayed = facts, known
    return client


def message(request: http.Request, facts: Facts) -> bytes:
    """The request as an HTTP/1.1 client would send it on such a connection."""
    named = [value for known, value in request.headers.fields if known.lower() == b"host"]
    hosts = [request.data.authority] if request.is_http2 else named
    content = request.raw_content or b""
    ended = HOP_BY_HOP | FRAMING | {"host"}
    kept = [(known, value) for known, value in request.headers.fields if known.decode("latin-1").lower() not in ended]
    length = [(b"content-length", b"%d" % len(content))] if content else []
    copy = request.copy()
    copy.headers = http.Headers([*((b"host", host) for host in hosts), *kept, *length, (b"connection", b"close")])
    copy.data.http_version, copy.data.authority = b"HTTP/1.1", b""
    if facts.port is None:  # a proxy client, which names the place in the request itself
        copy.data.path = b"http://" + (hosts[0] if hosts else b"") + copy.data.path
    head: bytes = http1.assemble_request_head(copy)
    return head + content
