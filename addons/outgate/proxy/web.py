"""What mitmweb shows of a gate, and what may be done there: look, hold, edit, let go, send again.

Owns the verdict that stands beside each flow, the bodies that are kept to be looked at, and who waits for a person.
What is edited is judged when it leaves, like what any other addon changed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitmproxy import flow, http

from outgate.policy.redaction_model import KeepingPolicy
from outgate.proxy.bar import Bar
from outgate.proxy.copies import Copies
from outgate.proxy.exchange import Facts, exchange_of
from outgate.proxy.guard import Patient
from outgate.proxy.marks import mark
from outgate.proxy.replay import Replays
from outgate.proxy.stages import Kept
from outgate.redact.redacted import Redacted

if TYPE_CHECKING:
    from mitmproxy.tools.web.master import WebMaster

    from outgate.proxy.plane import Plane

HELD = 1024 * 1024
"""Bytes of a body that is kept to be shown, or held to be edited."""
SHOWN = 2000
"""Flows; the oldest that are over go first."""
REMEMBERED = 128 * 1024 * 1024
"""Bytes of their bodies, likewise."""
LOOK = 0.05
"""Seconds between two looks at whether a person has decided: killing a flow tells nobody."""


class Web:
    """An addon of the gate's own, behind all others. `exports`: where files may appear."""

    def __init__(self, master: Any, exports: Path | None = None) -> None:
        self.master: WebMaster = master
        self.plane: Plane | None = None
        self.commands: Sequence[object] = (Replays(self), Bar(self, exports))
        self.copies = Copies(self.keeping)
        self.known: OrderedDict[str, Facts] = OrderedDict()
        """By client connection: a copy of a flow has the same, and nothing else of the gate's."""
        self.sizes: OrderedDict[str, int] = OrderedDict()
        """Of the bodies of flows that are over, by their ids, the oldest first."""
        self.total = 0
        master.load_flow = self.load_flow

    @property
    def port(self) -> int:
        """Where the page is."""
        return int(self.master.options.web_port)

    def keeping(self) -> KeepingPolicy:
        """What the policy in force says of redaction."""
        return self.plane.snapshot.policy.keeping if self.plane is not None else KeepingPolicy()

    async def dump(self, flows: list[flow.Flow]) -> bytes:
        """Flows as a file: redacted, for a file is kept."""
        return await self.copies.dump(flows)

    async def load_flow(self, flow: flow.Flow) -> None:
        """A flow from a file is shown; no addon is told of it as if it had happened here."""
        self.master.view.add([flow])
        self.remember(flow)

    def remember(self, flow: flow.Flow) -> None:
        """A flow is over: make room for it."""
        size = _size(flow)
        self.total += size - self.sizes.pop(flow.id, 0)
        self.sizes[flow.id] = size
        while self.total > REMEMBERED or len(self.sizes) > SHOWN:
            oldest, freed = self.sizes.popitem(last=False)
            self.total -= freed
            known = self.master.view.get_by_id(oldest)
            if known is not None and not known.live:
                self.master.view.remove([known])

    def facts_of(self, flow: http.HTTPFlow) -> Facts | None:
        return self.known.get(flow.client_conn.id)

    # Hooks.

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        exchange = exchange_of(flow)
        self.known[flow.client_conn.id] = exchange.facts
        while len(self.known) > 2 * SHOWN:
            self.known.popitem(last=False)
        mark(flow, exchange)
        self.master.view.add([flow])
        if flow.response is not None or flow.error is not None:
            return
        if self.intercepting and _fits(flow.request):
            exchange.body_limit = max(exchange.body_limit, HELD)
        else:
            exchange.request_kept = Kept(HELD)

    def request(self, flow: http.HTTPFlow) -> Patient | None:
        return self.decide(flow) if flow.request.raw_content is not None else None

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        exchange, response = exchange_of(flow), flow.response
        if response is None:
            return
        if self.intercepting and _fits(response) and not _endless(response):
            exchange.response_limit = HELD
        else:
            exchange.response_kept = Kept(HELD)

    def response(self, flow: http.HTTPFlow) -> Patient | None:
        self.master.view.update([flow])
        held = exchange_of(flow).response_limit or (flow.response is not None and flow.response.raw_content == b"")
        return self.decide(flow) if held and flow.response is not None and not flow.response.stream else None

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        self.master.view.update([flow])

    def error(self, flow: http.HTTPFlow) -> None:
        self.master.view.update([flow])

    def outgate_exchange(self, flow: http.HTTPFlow) -> None:
        exchange = exchange_of(flow)
        mark(flow, exchange)
        if exchange.attempt is not None:
            flow.request.data.port = exchange.attempt.port  # and not the origin's, which may be another
        flow.intercepted = False
        self.master.view.update([flow])
        self.remember(flow)
        self.copies.later(flow, partial(self._taken, flow, flow.comment))

    def _taken(self, flow: http.HTTPFlow, said: str, kept: Redacted) -> None:
        """Say how much redaction takes of it, unless somebody has said something else since."""
        if flow.comment != said:
            return
        mark(flow, exchange_of(flow), kept)
        self.master.view.update([flow])

    # People.

    @property
    def intercepting(self) -> bool:
        return bool(self.master.options.intercept_active and self.master.options.intercept)

    def decide(self, flow: http.HTTPFlow) -> Patient | None:
        """Wait for a person, where the filter says so."""
        stock: Any = self.master.addons.get("intercept")
        if not stock.should_intercept(flow):
            return None
        flow.intercept()
        self.master.view.update([flow])
        return Patient(self._decided(flow))

    async def _decided(self, flow: http.HTTPFlow) -> None:
        try:
            while flow.intercepted:  # noqa: ASYNC110  # a flow that is killed sets no event
                await asyncio.sleep(LOOK)
        finally:
            flow.intercepted = False
            self.master.view.update([flow])


def _size(flow: flow.Flow) -> int:
    """Of its bodies. What is no HTTP is no more than its messages, and small."""
    if not isinstance(flow, http.HTTPFlow):
        return 0
    return sum(len(message.raw_content or b"") for message in (flow.request, flow.response) if message is not None)


def _fits(message: http.Message) -> bool:
    """Whether a body may be held: it announces no more than is held."""
    length = message.headers.get("content-length", "0")
    return length.isdigit() and int(length) <= HELD


def _endless(response: http.Response) -> bool:
    """Answers that come bit by bit for as long as somebody listens."""
    kind = response.headers.get("content-type", "")
    return response.status_code == 101 or kind.startswith(("text/event-stream", "application/grpc"))
