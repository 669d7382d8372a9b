"""What is answered, as data: a recorded answer, a miss, or a connection that breaks as it did.

Owns the translation from what was found. Knows no protocol: whoever sends it makes its framing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from outgate.capture.coded import on_the_wire
from outgate.capture.formats.writing import OF_THE_WIRE, authority
from outgate.capture.match import Miss
from outgate.capture.matching.bucket import Entry
from outgate.capture.matching.canonical import field as field_of
from outgate.capture.serving.pace import Piece, pieces
from outgate.redact.exchange import Fields, Request

MISS = 599
REPLAY = b"x-outgate-replay"
LEADS_AWAY = frozenset({b"alt-svc"})
"""Fields that send a client to other servers."""
BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Answer:
    """`fields` are without those of the framing. `began`: seconds since the exchange began, where the pace starts."""

    status: int
    reason: str = ""
    fields: Fields = ()
    pieces: tuple[Piece, ...] = ()
    trailers: Fields = ()
    began: float = 0.0
    sized: bool = True
    """Whether its length was said."""
    broken: bool = False
    """No answer came: the connection ends."""
    length: bytes | None = field(default=None)
    """What a HEAD is told of a body that it does not get."""

    @property
    def content(self) -> bytes:
        return b"".join(piece.content for piece in self.pieces)


BROKEN = Answer(0, broken=True)


def recorded(entry: Entry, request: Request) -> Answer | None:
    """The answer that was recorded; None where its body was not kept."""
    response = entry.exchange.response
    if response is None:
        return BROKEN
    fields, content = on_the_wire(response, accepts(field_of(request.fields, b"accept-encoding")))
    if content is None and request.method != "HEAD":
        return None
    has_body = request.method != "HEAD" and response.status not in BODILESS and response.status >= 200
    media_type = field_of(response.fields, b"content-type")
    coded = any(name.lower() == b"content-encoding" for name, _ in fields)
    cut = pieces(content or b"", response.body.chunks, "" if coded else media_type)
    length = field_of(response.fields, b"content-length").encode("latin-1")
    return Answer(
        response.status,
        response.reason,
        sendable(fields),
        tuple(cut) if has_body else (),
        sendable(response.trailers),
        entry.exchange.timing.request_end or 0.0,
        sized=bool(length) or not response.body.chunks,
        length=length if length.isdigit() and not has_body else None,
    )


def accepts(said: str) -> Callable[[str], bool]:
    """Whether a client takes a coding. One that says nothing takes none: it may not know any."""
    codings = {}
    for each in said.lower().split(","):
        name, _, weight = each.partition(";")
        codings[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return lambda coding: codings.get(coding, codings.get("*", False))


def sendable(fields: Fields) -> Fields:
    """As protocols take them: without the framing's, without names and values that no parser would read."""
    gone = OF_THE_WIRE | LEADS_AWAY | {b"upgrade", b"proxy-connection"}
    kept = ((name, b" ".join(value.split())) for name, value in fields if name.lower() not in gone)
    return tuple((name, value) for name, value in kept if _is_token(name) and not set(value) & CONTROLS)


CONTROLS = frozenset(range(32)) | {127}
TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _is_token(name: bytes) -> bool:
    return bool(name) and set(name) <= TOKEN


def missed(miss: Miss, request: Request) -> Answer:
    """Says what was asked, what is nearest and how it differs."""
    told: dict[str, object] = {"replay": "miss", "why": miss.why, "asked": shown(request)}
    if miss.nearest is not None:
        told["nearest"] = {"number": miss.nearest.number, "request": shown(miss.nearest.request)}
    told["difference"] = [
        {"place": each.place, "recorded": each.recorded, "asked": each.asked} for each in miss.difference
    ]
    body = orjson.dumps({"outgate": told}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    fields = ((b"content-type", b"application/json"), (REPLAY, b"miss"), (b"cache-control", b"no-store"))
    return Answer(MISS, "not recorded", fields, (Piece(0.0, body),))


def shown(request: Request) -> str:
    """Method and address, without the query, which may hold what the test run alone should see."""
    path = request.target.partition("?")[0]
    said = f"{request.method} {request.scheme}://{authority(request)}{path}"
    return said.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
