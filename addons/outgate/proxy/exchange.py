"""What the gate knows of one client connection and of one request on it, as data that hangs on mitmproxy's objects.

Owns these records and how to reach them from a flow. Decides nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mitmproxy import connection, http
from mitmproxy.connection import ConnectionState

from outgate.addon import Denied
from outgate.policy.model import Attempt, Decision, Defaults, Identity
from outgate.policy.snapshot import Policy
from outgate.proxy.caller import Caller
from outgate.proxy.inline import Inline
from outgate.proxy.passage import Passage, Refused
from outgate.proxy.stages import Kept, Stage
from outgate.proxy.taps import Tap
from outgate.proxy.tries import Try
from outgate.settings import ListenMode
from outgate.telemetry.event import Tls, Trace
from outgate.telemetry.messages import Messages
from outgate.telemetry.propagation import Changes
from outgate.telemetry.tracer import Tracer
from outgate.traffic.buckets import Buckets
from outgate.traffic.origin import OriginState
from outgate.upstream.connection import Connection
from outgate.upstream.errors import UpstreamError
from outgate.upstream.headers import Injected
from outgate.upstream.target import Target

if TYPE_CHECKING:
    from outgate.proxy.departure import Judged


OWN_BUCKETS = 64
"""Of one connection; what comes beyond them is limited together."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What holds for a whole client connection, read before its first request."""

    mode: ListenMode
    caller: Identity
    """By the policy that was in force; see `under`."""
    port: int | None
    """The port the workload dialled; None for a proxy client that names it in each request."""
    address: str | None = None
    """The address the workload dialled."""
    connect: str | None = None
    """The target of CONNECT or SOCKS, as sent; or of a connection to an address that stands for a name."""
    sni: str | None = None
    """Canonical: a rule on names must not be escaped by another spelling."""
    encrypted: bool = False
    who: Caller | None = None
    caller_port: int = 0
    number: int = 0
    """Of the connection, in this process."""
    listener: tuple[str, int] | None = None
    """Address and port at which it was taken."""
    ja3: str = ""
    """Of its ClientHello, where that is wanted; so is `ja4`."""
    ja4: str = ""
    tls: Tls | None = None
    """Between the workload and the gate."""
    virtual: str | None = None
    """The address that was dialled, where it stands for a name."""
    buckets: Buckets = field(default_factory=lambda: Buckets(most=OWN_BUCKETS))
    """Of limits that each connection has for itself."""
    met: set[str] = field(default_factory=set)
    """Limits of connections that have counted this one, by key."""

    def under(self, defaults: Defaults) -> Facts:
        """The same with the caller as another policy identifies it, if it does so differently."""
        caller = self.caller if self.who is None else self.who.under(defaults)
        return self if caller == self.caller else replace(self, caller=caller)


class GateClient(connection.Client):
    """A client connection that knows its facts. Not a dataclass again: equality stays mitmproxy's, by id."""

    facts: Facts
    replayed: http.HTTPFlow | None = None
    """The flow whose request is sent again on this connection."""
    hello: Attempt | None = None
    """The TLS that was decrypted, as it would be judged if nobody looked inside."""
    held: Callable[[], bool]
    """Whether the kernel knows a process that holds the other end. It can tell of this machine's own only."""
    begun: Exchange | None = None
    """The next exchange as the short way began it and left it: its trace goes on, what was tried was tried, and what
    its route drew was drawn."""

    def exchange(self) -> Exchange:
        """For the request whose head has come."""
        made, before = Exchange(self.facts), self.begun
        if before is not None:
            made.started, made.trace, made.tries = before.started, before.trace, before.tries
            made.policy, made.passage = before.policy, before.passage
            self.begun = None
        return made

    def forget_begun(self) -> None:
        """It will not come to be served."""
        if self.begun is not None and self.begun.passage is not None:
            self.begun.passage.leave()
        self.begun = None

    def listens(self) -> bool:
        """Whether a client that has ended its side can still be answered; the end of TLS is that of both."""
        return not self.tls and self.state is ConnectionState.CAN_WRITE and self.held()


class ApprovedServer(connection.Server):
    """A server connection that may be dialled, because a decision said so. No other kind is ever dialled."""

    target: Target
    limited: OriginState | None = None
    """That counts its connections, where the policy has something to say of them."""
    prior_knowledge: bool = False
    """Plain HTTP/2 without negotiation."""
    reused: bool = False
    """May be, and then was, an idle connection."""
    origin: Connection | None = None
    """Once it is open."""
    outdated: Callable[[], bool] = staticmethod(lambda: False)
    """Whether it is open under a name that is not the gate's any more, or by roots that are not, so that nothing new is
    sent on it."""
    served = 0
    """Exchanges that used it."""
    failed: UpstreamError | None = None
    """Why it did not come to be open."""
    broken: bool = False
    """The origin broke off instead of coming to an end, so that what has no length is not whole."""


@dataclass(slots=True)
class Exchange:
    """One request and what became of it."""

    facts: Facts
    policy: Policy | None = None
    attempt: Attempt | None = None
    decision: Decision | None = None
    target: Target | None = None
    approved: Target | None = None
    """The same before one of its places was chosen."""
    passage: Passage | None = None
    """What the traffic policy makes of it, where that is anything."""
    prior_knowledge: bool = False
    """The origin is spoken to in plain HTTP/2."""
    authority: str = ""
    """The canonical Host that was judged."""
    judged: Judged | None = None
    """The head that was judged; what leaves must still say so, or is judged again."""
    failure: str = ""
    """Why it was stopped after it was judged: a failing addon, a layer, the origin."""
    error_code: str = ""
    answered_with: Refused | None = None
    """The traffic policy's word, where it was that which stopped it."""
    status: int = 0
    """Of the answer, where it was stopped by the gate itself and not by a failing addon; `error_code` then says why."""
    started: float = field(default_factory=time.time)
    sent_bytes: int = 0
    received_bytes: int = 0
    sent_messages: Messages | None = None
    """What counts those of gRPC, where this is gRPC."""
    received_messages: Messages | None = None
    close: bool = False
    """The workload asked to close the connection after this exchange."""
    absolute_scheme: str = ""
    """Scheme of an absolute request target, before mitmproxy overwrites it."""
    request_stages: list[Stage] = field(default_factory=list)
    response_stages: list[Stage] = field(default_factory=list)
    injected: Injected | None = None
    """Headers that the gate sets when the request leaves."""
    refused: Denied | None = None
    """How an addon denied it."""
    body_limit: int = 0
    """Bytes of request body that addons wait for before it leaves."""
    response_limit: int = 0
    """Bytes of response body that are waited for before any of it goes on; 0: it passes piece by piece."""
    resent: Kept | None = None
    """What keeps the request's body, as it leaves, for another try."""
    request_kept: Kept | None = None
    response_kept: Kept | None = None
    """What keeps a body that passes, for somebody to look at."""
    inline: Inline | None = None
    """What looks at both messages before they go on, where documents say so."""
    tap: Tap | None = None
    """What takes down what passes, where it is captured."""
    body_awaited: list[object] = field(default_factory=list)
    """Who waits for it."""
    trace: Trace | None = None
    tracer: Tracer | None = None
    """Who began it."""
    retold: Changes | None = None
    """What an origin that is asked once more is told of the trace."""
    tries: list[Try] = field(default_factory=list)
    """Each time an origin was asked, or dialled to be asked."""
    reported: bool = False
    notes: dict[str, str] = field(default_factory=dict)
    """What addons have to say, by name."""

    def sends(self, piece: bytes) -> None:
        """A piece of the workload's body has come."""
        self.sent_bytes += len(piece)
        if self.sent_messages is not None:
            self.sent_messages.feed(piece)

    def receives(self, piece: bytes) -> None:
        """A piece of the answer's body has come."""
        self.received_bytes += len(piece)
        if self.received_messages is not None:
            self.received_messages.feed(piece)

    def passes(self, piece: bytes, *, sending: bool) -> None:
        """A piece of a body goes on, as it is."""
        kept = self.request_kept if sending else self.response_kept
        if kept is not None:
            kept.take(piece)
        if sending and self.resent is not None:
            self.resent.take(piece)
        if (tap := self.tap) is not None:
            (tap.request if sending else tap.response).take(piece)

    def answered(self, protocol: str) -> None:
        """The head of an answer has come, and can be passed on."""
        if self.tries:
            self.tries[-1].answered, self.tries[-1].protocol = time.time(), protocol

    @property
    def flags(self) -> list[str]:
        """Envoy's, of what the traffic policy did to it."""
        return self.passage.flags if self.passage is not None else []

    def refuse(self, refused: Refused) -> None:
        """The traffic policy does not let it go on."""
        self.failure = self.failure or refused.reason
        self.status, self.error_code, self.answered_with = refused.status, refused.code, refused

    @property
    def hidden(self) -> Injected | None:
        """Credentials among the injected headers, to be hidden in what the origin answers."""
        return self.injected if self.injected is not None and self.injected.echoes else None


def exchange_of(flow: http.HTTPFlow) -> Exchange:
    """The exchange behind a flow. Raises `AttributeError` for a flow that did not come through the gate."""
    found: Exchange = flow.__dict__["outgate"]
    return found


def attach(flow: http.HTTPFlow, exchange: Exchange) -> None:
    """Hang an exchange on its flow, outside `metadata`, which mitmproxy writes to files."""
    flow.__dict__["outgate"] = exchange
