"""The spans of a request that went well at once, on a connection that was there, written out.

Owns nothing but speed: `spans` says what is in them and `span_bytes` how they are sent, and both do by themselves
wherever anything is unusual, which takes twice as long; a test holds that they say the same.
"""

from __future__ import annotations

import struct

from outgate.telemetry.event import Event
from outgate.telemetry.showing import injected
from outgate.telemetry.span_bytes import LOCAL, REMOTE, attributes, field, shared
from outgate.telemetry.spans import Drawing, nanoseconds

KEPT, LONGEST = 1024, 256
"""Of each kind, attributes that are kept as they are sent; then it is begun anew. Length of a value that is kept."""
SPAN = b"\x12"
OWN, CHILD = struct.Struct("<2s16s2s8sBQBQ"), struct.Struct("<2s16s2s8s2s8sBQBQ")
TRACE, NUMBER, PARENT, START, END = b"\x0a\x10", b"\x12\x08", b"\x22\x08", 0x39, 0x41
AGENT = b"user-agent"
UUID = 36
"""Characters of the gate's own identifiers."""


def _before(name: str, value: str | float, size: int) -> bytes:
    """An attribute up to its value, which takes so many bytes."""
    return attributes({name: value})[:-size]


IDENTIFIER = _before("outgate.request_id", "0" * UUID, UUID)
QUEUE, FIRST = (_before(f"outgate.phase.{name}", 0.0, 8) for name in ("queue", "first_byte"))
PHASES = struct.Struct(f"<{len(QUEUE)}sd{len(FIRST)}sd")


class UsualSpans:
    """Those that a drawing would make."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing, self._wording = drawing, drawing.wording
        self._urls: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self._agents: dict[bytes, bytes] = {}
        self._ports: dict[int, bytes] = {}

    def write(self, event: Event) -> bytes:
        """Both spans of an attempt that has a trace; nothing where it is not as easy as that."""
        trace = event.trace
        if trace is None or trace.state or len(trace.client_ids) != 1 or not _is_plain(event):
            return b""
        kind = self._drawing.alike(event)
        if kind is None or kind.server is None:
            return b""
        (client,), (reached,), (client_id,) = kind.clients, event.reached, trace.client_ids
        asked, sent = self._urls.get((client.origin, event.path)) or self._url(event, client.origin)
        trace_id, server_id = trace.trace_id.to_bytes(16), trace.server_id.to_bytes(8)
        start, end = nanoseconds(event.started, event.started + event.duration)
        ours = (
            OWN.pack(TRACE, trace_id, NUMBER, server_id, START, start, END, end),
            kind.server.written or shared(kind.name, kind.server, client=False),
            self._ports.get(event.caller_port) or self._port(event.caller_port),
            asked,
            self._agent(event),
            IDENTIFIER + event.request_id.encode() if event.request_id else b"",
            PARENT + trace.parent_id.to_bytes(8) + REMOTE if trace.parent_id else LOCAL,
        )
        start, end = nanoseconds(reached.started, reached.ended)
        number, phases = client_id.to_bytes(8), reached.phases
        theirs = (
            CHILD.pack(TRACE, trace_id, NUMBER, number, PARENT, server_id, START, start, END, end),
            client.written or shared(kind.name, client, client=True),
            PHASES.pack(QUEUE, phases.queue, FIRST, phases.first_byte),
            sent,
            LOCAL,
        )
        return field(SPAN, b"".join(ours)) + field(SPAN, b"".join(theirs))

    def _url(self, event: Event, origin: str) -> tuple[bytes, bytes]:
        """What either span says of it."""
        asked, sent = self._wording.url(event), self._wording.full_url(event, origin)
        made = attributes(asked), attributes(sent)
        if len(event.path) <= LONGEST:
            _keep(self._urls, (origin, event.path), made)
        return made

    def _port(self, number: int) -> bytes:
        return _keep(self._ports, number, attributes({"network.peer.port": number}))

    def _agent(self, event: Event) -> bytes:
        """Nothing where it has none."""
        values = [value for name, value in event.request_fields if len(name) == len(AGENT) and name.lower() == AGENT]
        if not values:
            return b""
        value = values[0] if len(values) == 1 else b", ".join(values)
        known = self._agents.get(value)
        if known is not None:
            return known
        made = attributes(self._wording.agent(event))
        return _keep(self._agents, value, made) if len(value) <= LONGEST else made


def _is_plain(event: Event) -> bool:
    """Whether all that is its own is there, and nothing else."""
    if len(event.reached) != 1 or not event.caller.address or (event.request_id and len(event.request_id) != UUID):
        return False
    (reached,) = event.reached
    queue, resolve, connect, tls, first = reached.phases
    once = queue is not None and first is not None and resolve is None and connect is None and tls is None
    return once and reached.started > 0 and reached.ended > 0 and not injected(event, "user-agent")


def _keep[K, V](kept: dict[K, V], key: K, made: V) -> V:
    if len(kept) >= KEPT:
        kept.clear()
    kept[key] = made
    return made
