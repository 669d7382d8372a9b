"""WebSockets of a replay: the recorded conversation, held again.

Owns the order of it. What the server said is said when its turn comes; what the client said is waited for and has to
mean the same. Where it does not, the conversation ends with a code of its own and a reason, and is a miss.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    TextMessage,
)
from wsproto.events import Request as Opening
from wsproto.extensions import PerMessageDeflate
from wsproto.utilities import ProtocolError

from outgate.capture.match import Miss
from outgate.capture.matching.bodies import meaning
from outgate.capture.matching.bucket import Entry
from outgate.capture.matching.canonical import VOLATILE, field, free
from outgate.capture.matching.difference import Difference, short
from outgate.capture.matching.values import Values
from outgate.capture.serving.answer import sendable
from outgate.capture.serving.desk import Desk
from outgate.policy.redaction_model import Strategy
from outgate.redact import places
from outgate.redact.exchange import Request, WebSocketMessage

PIECE = 64 * 1024
MOST = 64 * 1024 * 1024
"""Bytes of one message."""
NOT_RECORDED = 4599
NORMAL = 1000
UNSENDABLE = frozenset({0, 1005, 1006, 1015})
"""Codes that say that none was sent."""


def wanted(request: Request, entry: Entry) -> bool:
    """Whether a request opens a WebSocket, and the recorded one did."""
    response = entry.exchange.response
    opened = response is not None and response.status == 101
    return opened and field(request.fields, b"upgrade").lower() == "websocket"


class Gone(ConnectionError):
    """The client has left."""


class Conversation:
    """One of them, after its opening."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.connection = WSConnection(ConnectionType.SERVER)
        self._came: list[Event] = []

    async def open(self, request: Request, entry: Entry, rest: bytes) -> None:
        fields = [(name.lower(), value) for name, value in request.fields]
        self.connection.initiate_upgrade_connection(fields, request.target)
        assert isinstance(next(self.connection.events()), Opening)
        response = entry.exchange.response
        assert response is not None
        told = [
            (name, value) for name, value in sendable(response.fields) if not name.lower().startswith(b"sec-websocket-")
        ]
        chosen = field(response.fields, b"sec-websocket-protocol")
        offered = [each.strip() for each in field(request.fields, b"sec-websocket-protocol").split(",")]
        await self.send(
            AcceptConnection(
                subprotocol=chosen if chosen in offered and chosen else None,
                extensions=[PerMessageDeflate()],
                extra_headers=told,
            )
        )
        self.connection.receive_data(rest or b"")

    async def send(self, event: Event) -> None:
        self._writer.write(self.connection.send(event))
        await self._writer.drain()

    async def message(self) -> bytes | str:
        """The next one, whole. Raises `Gone`."""
        parts: list[bytes | str] = []
        size = 0
        while True:
            event = await self._next()
            if isinstance(event, Ping):
                await self.send(event.response())
            elif isinstance(event, CloseConnection):
                with suppress(ProtocolError):
                    await self.send(event.response())
                raise Gone
            elif isinstance(event, Message):
                parts.append(event.data)
                size += len(event.data)
                if size > MOST:
                    raise Gone
                if event.message_finished:
                    return "".join(parts) if isinstance(event, TextMessage) else b"".join(map(bytes, parts))  # type: ignore[arg-type]

    async def _next(self) -> Event:
        while not self._came:
            self._came = list(self.connection.events())
            if self._came:
                break
            if not (data := await self._reader.read(PIECE)):
                raise Gone
            self.connection.receive_data(data)
        return self._came.pop(0)


async def serve(
    desk: Desk,
    entry: Entry,
    request: Request,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    rest: bytes,
) -> None:
    """The conversation, to its end."""
    conversation = Conversation(reader, writer)
    with suppress(Gone, ProtocolError):
        await conversation.open(request, entry, rest)
        code, reason = await _hold(conversation, desk, entry)
        await conversation.send(CloseConnection(code, reason))
        await conversation.message()


async def _hold(conversation: Conversation, desk: Desk, entry: Entry) -> tuple[int, str]:
    """All of it; the code and the reason to end with."""
    loop = asyncio.get_running_loop()
    began, opened = loop.time(), entry.exchange.timing.first_byte or 0.0
    for number, message in enumerate(entry.exchange.messages):
        if message.from_client:
            said = await conversation.message()
            if difference := differing(number, message, said, entry):
                miss = Miss("a message differs from what was recorded", entry, (difference,))
                desk.tally.miss(entry.request, miss)
                return NOT_RECORDED, _brief(f"not recorded: {difference}")
            continue
        if desk.timing:
            await asyncio.sleep(max(0.0, began + message.after - opened - loop.time()))
        await conversation.send(_said(message))
    code = entry.exchange.close_code
    return (NORMAL if code in UNSENDABLE else code), ""


def _said(message: WebSocketMessage) -> Event:
    if message.text:
        return TextMessage(data=message.content.decode("utf-8", "replace"))
    return BytesMessage(data=message.content)


def _brief(reason: str) -> str:
    """As much as a close has room for."""
    return reason.encode()[:120].decode("utf-8", "ignore")


def differing(number: int, recorded: WebSocketMessage, said: bytes | str, entry: Entry) -> Difference | None:
    """How a message of the client differs from the recorded one, in the first place of it."""
    content = said.encode() if isinstance(said, str) else said
    if recorded.text != isinstance(said, str):
        return Difference(
            places.message(number), *("text" if text else "bytes" for text in (recorded.text, not recorded.text))
        )
    ours, theirs = (meaning(each, "").values for each in (recorded.content, content))
    wild = frozenset(
        mark.where
        for mark in entry.manifest.marks
        if mark.where.startswith(places.message(number)) and mark.strategy not in (Strategy.FORMAT, Strategy.KEEP)
    )
    return _first(number, ours, theirs, wild)


def _first(number: int, ours: Values, theirs: Values, wild: frozenset[str]) -> Difference | None:
    for path in {**ours, **theirs}:
        one, other, place = ours.get(path), theirs.get(path), places.message(number, path)
        if one != other and not free(place, one or other, wild, VOLATILE):
            shown = (None if each is None else short(str(each.content)) for each in (one, other))
            return Difference(place, *shown)
    return None
