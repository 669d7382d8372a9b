"""One exchange as data, as it passed the gate: what is redacted, captured, exported and replayed.

Owns the shape alone, free of mitmproxy's flows. Fields, sizes and chunks tell what passed on the wire and stay facts
of it, also where the content has changed since: whoever writes an exchange down, or answers with it, makes lengths and
codings anew. What may be kept is `redacted.Redacted` and nothing else. Not frozen, for they are made of every request
that is captured, and that takes three times as long; nobody changes one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

type Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True, unsafe_hash=True)
class Chunk:
    """A piece of a body as it came. `after`: seconds since the exchange began; `size`: bytes on the wire."""

    after: float
    size: int


@dataclass(slots=True, unsafe_hash=True)
class Body:
    """`content` is None where it was not kept; `missing` then says why."""

    content: bytes | None = b""
    """Without the framing of its transfer."""
    decoded: bool = False
    """Whether `content` is without the content codings that the fields name. What was redacted always is."""
    size: int = 0
    """Bytes that passed, also where they were not kept."""
    missing: str = ""
    """`too_large`, `undecodable`, `streamed`, `broken_off`; where redaction could not see through it `unreadable`,
    `binary`, `too_deep`, `failed`."""
    chunks: tuple[Chunk, ...] = ()
    """Where redaction or decoding changed the length, they tell the pace, and no places in `content`."""


@dataclass(slots=True, unsafe_hash=True)
class Request:
    method: str
    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as sent."""
    protocol: str = "HTTP/1.1"
    fields: Fields = ()
    body: Body = field(default_factory=Body)
    trailers: Fields = ()


@dataclass(slots=True, unsafe_hash=True)
class Response:
    status: int
    reason: str = ""
    protocol: str = "HTTP/1.1"
    fields: Fields = ()
    body: Body = field(default_factory=Body)
    trailers: Fields = ()


@dataclass(slots=True, unsafe_hash=True)
class WebSocketMessage:
    """`after`: seconds since the exchange began. Whole messages, inflated."""

    after: float
    from_client: bool
    text: bool
    content: bytes


@dataclass(slots=True, unsafe_hash=True)
class Relayed:
    """What is known of a tunnel or raw TCP: never its bytes."""

    host: str
    port: int
    sent: int = 0
    received: int = 0
    sni: str = ""


@dataclass(slots=True, unsafe_hash=True)
class Verdict:
    """What the gate decided."""

    verdict: str = "allow"
    code: str = ""
    reason: str = ""
    rule: str = ""
    destination: str = ""
    generation: str = ""


@dataclass(slots=True, unsafe_hash=True)
class Timing:
    """Seconds since the exchange began; None for what did not come."""

    request_end: float | None = None
    first_byte: float | None = None
    end: float | None = None


@dataclass(slots=True, unsafe_hash=True)
class Exchange:
    """`request` or `relayed` is set."""

    id: str
    started: float
    """Seconds since the epoch."""
    request: Request | None = None
    response: Response | None = None
    """None where no answer came; `error` then says why."""
    messages: tuple[WebSocketMessage, ...] = ()
    close_code: int = 0
    """Of a WebSocket."""
    relayed: Relayed | None = None
    error: str = ""
    """Low in number, as spans have it: `connection_refused`, `timeout`."""
    verdict: Verdict = field(default_factory=Verdict)
    timing: Timing = field(default_factory=Timing)
    caller: str = ""
    """`namespace/service account` where it is known; never an address."""
