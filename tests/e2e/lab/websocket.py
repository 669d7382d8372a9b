"""WebSockets as origins speak them: every message goes back, and is recorded by length and start.

Owns the life of one WebSocket on a stream whose request head has been read. The protocol itself is the library's.
"""

from __future__ import annotations

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from .streams import Stream

COMPRESSION = [ServerPerMessageDeflateFactory()]
DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


async def speak(stream: Stream, head: bytes) -> None:
    """Serve until either side closes. `head` is the request as it came."""
    protocol = ServerProtocol(extensions=COMPRESSION, max_size=None)
    data = head
    while data:
        protocol.receive_data(data)
        for event in protocol.events_received():
            _answer(stream, protocol, event)
        for piece in protocol.data_to_send():
            stream.writer.write(piece)
        await stream.writer.drain()
        data = b"" if protocol.close_expected() else await stream.reader.read(65536)


def _answer(stream: Stream, protocol: ServerProtocol, event: object) -> None:
    if isinstance(event, Request):
        protocol.send_response(protocol.accept(event))
    elif isinstance(event, Frame) and event.opcode in DATA:
        data = bytes(event.data)
        stream.record("message", kind=event.opcode.name, length=len(data), start=data[:200].decode("latin-1"))
        _echo(protocol, event, data)


def _echo(protocol: ServerProtocol, event: Frame, data: bytes) -> None:
    """A fragment goes back as a fragment."""
    if event.opcode is Opcode.CONT:
        protocol.send_continuation(data, event.fin)
    elif event.opcode is Opcode.TEXT:
        protocol.send_text(data, event.fin)
    else:
        protocol.send_binary(data, event.fin)
