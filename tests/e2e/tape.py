"""An origin that keeps every byte that it is sent, and answers in the pieces that it is told to.

Owns the reading of requests in HTTP/1, of streams in plain HTTP/2, and of WebSockets, each in a thread of its own.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, Ping, Request, TextMessage
from wsproto.extensions import PerMessageDeflate

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PAUSE = 0.002
"""Seconds between two pieces, so that each is read by itself."""


@dataclass
class Got:
    """One request. `body` is without the framing of chunks."""

    line: bytes
    fields: dict[str, bytes]
    body: bytes = b""
    trailers: dict[str, bytes] = field(default_factory=dict)


class Tape(AbstractContextManager["Tape"]):
    """`answer` are the pieces of the next answers. In HTTP/2 they are those of the answer's body, by `reply`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.answer: Iterable[bytes] = [OK]
        self.reply: Callable[[bytes], bytes] = bytes
        """In HTTP/2 and on WebSockets: from what was said to what is answered."""
        self.raw = bytearray()
        self.got: list[Got] = []
        self.said: list[bytes] = []
        """Messages of WebSockets, and what pings said."""
        self.connections = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        # Closing alone would leave threads in calls, which whoever gets the same descriptor next would find there.
        for sock in (self._listener, *self._open):
            with suppress(OSError):  # it has ended by itself
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def forget(self) -> None:
        self.raw.clear()
        self.got.clear()
        self.said.clear()
        self.answer, self.reply = [OK], bytes

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                made, _ = self._listener.accept()
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._open.append(made)
                threading.Thread(target=self._serve, args=(made,), daemon=True).start()

    def _serve(self, made: socket.socket) -> None:
        with made, suppress(OSError, EOFError):
            reader = Reader(made, self.raw)
            while True:
                if reader.begins(PREFACE):
                    self._streams(made, reader)
                head = reader.until(b"\r\n\r\n")
                if b"\r\nupgrade: websocket" in head.lower():
                    self._websocket(made, reader, head)
                self.got.append(_request(reader, head))
                for piece in self.answer:
                    made.sendall(piece)
                    time.sleep(PAUSE)

    def _websocket(self, made: socket.socket, reader: Reader, head: bytes) -> None:
        """Until it ends."""
        spoken, data = WSConnection(ConnectionType.SERVER), head
        self.got.append(_head(head))
        while True:
            spoken.receive_data(data)
            for event in spoken.events():
                self._message(made, spoken, event)
            data = reader.some()

    def _message(self, made: socket.socket, spoken: WSConnection, event: object) -> None:
        if isinstance(event, Request):
            made.sendall(spoken.send(AcceptConnection(extensions=[PerMessageDeflate()])))
        elif isinstance(event, CloseConnection):
            self.said.append((event.reason or "").encode())
            made.sendall(spoken.send(event.response()))
            raise EOFError
        elif isinstance(event, Ping):
            self.said.append(bytes(event.payload))
            made.sendall(spoken.send(event.response()))
        elif isinstance(event, Message):
            text = isinstance(event, TextMessage)
            piece = event.data.encode() if isinstance(event, TextMessage) else bytes(event.data)
            self._whole = getattr(self, "_whole", b"") + piece
            if event.message_finished:
                whole, self._whole = self._whole, b""
                self.said.append(whole)
                made.sendall(spoken.send(_said(self.reply(whole), text)))

    def _streams(self, made: socket.socket, reader: Reader) -> None:
        spoken = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        spoken.initiate_connection()
        streams: dict[int, Got] = {}
        made.sendall(spoken.data_to_send())
        while True:
            for event in spoken.receive_data(reader.some()):
                self._stream(spoken, streams, event)
            made.sendall(spoken.data_to_send())

    def _stream(self, spoken: H2Connection, streams: dict[int, Got], event: object) -> None:
        match event:
            case RequestReceived(stream_id=number, headers=fields):
                said = {name.decode(): value for name, value in fields}
                streams[number] = Got(said.get(":path", b""), said)
                self.got.append(streams[number])
            case DataReceived(stream_id=number, data=data):
                spoken.acknowledge_received_data(event.flow_controlled_length, number)
                streams[number].body += data
            case StreamEnded(stream_id=number):
                kind = streams[number].fields["content-type"]
                spoken.send_headers(number, [(b":status", b"200"), (b"content-type", kind)])
                spoken.send_data(number, self.reply(streams[number].body))
                spoken.send_headers(number, [(b"grpc-status", b"0")], end_stream=True)
            case StreamReset(stream_id=number):
                streams.pop(number, None)


class Reader:
    """Of one connection. Whatever is read is kept. Raises `EOFError`."""

    def __init__(self, made: socket.socket, raw: bytearray) -> None:
        self._made, self._raw, self._left = made, raw, b""

    def begins(self, text: bytes) -> bool:
        while len(self._left) < 4:
            self._more()
        return text.startswith(self._left[:4])

    def until(self, end: bytes) -> bytes:
        while (at := self._left.find(end)) < 0:
            self._more()
        return self.exactly(at + len(end))

    def exactly(self, size: int) -> bytes:
        while len(self._left) < size:
            self._more()
        made, self._left = self._left[:size], self._left[size:]
        return made

    def some(self) -> bytes:
        if not self._left:
            self._more()
        made, self._left = self._left, b""
        return made

    def _more(self) -> None:
        data = self._made.recv(65536)
        if not data:
            raise EOFError
        self._raw += data
        self._left += data


def _head(head: bytes) -> Got:
    line, *fields = head[:-4].split(b"\r\n")
    return Got(line, _fields(fields))


def _fields(lines: list[bytes]) -> dict[str, bytes]:
    pairs = (line.partition(b":") for line in lines)
    return {name.decode("latin-1").lower(): value.strip() for name, _, value in pairs}


def _request(reader: Reader, head: bytes) -> Got:
    made = _head(head)
    if made.fields.get("transfer-encoding") == b"chunked":
        while (size := int(reader.until(b"\r\n"), 16)) > 0:
            made.body += reader.exactly(size)
            reader.exactly(2)
        lines = []
        while (line := reader.until(b"\r\n")) != b"\r\n":
            lines.append(line[:-2])
        made.trailers = _fields(lines)
    else:
        made.body = reader.exactly(int(made.fields.get("content-length", b"0")))
    return made


def _said(data: bytes, text: bool) -> Message[str] | Message[bytes]:
    return TextMessage(data.decode()) if text else BytesMessage(data)
