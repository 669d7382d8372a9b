"""An HTTP/2 client that sends the headers it is given, right or wrong, and tells what came of each stream.

Owns streams and their windows. The protocol is h2's, with its checks of what is sent switched off.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

type Fields = list[tuple[str, str]]

WINDOW = 16 * 1024 * 1024


@dataclass
class Stream:
    """What one stream has brought so far. `reset` is the error code, if it was reset."""

    headers: Fields = field(default_factory=list)
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    informational: int = 0
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(dict(self.headers).get(":status", 0))

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def denial(self) -> dict[str, Any]:
        told: dict[str, Any] = self.json["outgate"]
        return told


class Client:
    """Speaks on a connected socket. `gone` once the other side has ended the connection.

    `keep` is given every piece of a body, and returns how much of it the stream is to keep: all, if there is none.
    """

    def __init__(self, sock: socket.socket, keep: Callable[[bytes], bytes] = bytes) -> None:
        self._sock, self._keep = sock, keep
        self._h2 = H2Connection(
            H2Configuration(
                header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(WINDOW)
        self.streams: defaultdict[int, Stream] = defaultdict(Stream)
        self.gone = False
        self._flush()

    def send(self, headers: Fields, body: bytes | None = None, trailers: Fields = [], end: bool = True) -> int:  # noqa: B006
        """Begin a stream and give its number. Without `end` it is left open."""
        number = self._h2.get_next_available_stream_id()
        self._h2.send_headers(number, headers, end_stream=end and body is None and not trailers)
        if body is not None:
            self._h2.send_data(number, body, end_stream=end and not trailers)
        if trailers:
            self._h2.send_headers(number, trailers, end_stream=True)
        self._flush()
        return number

    def data(self, number: int, body: bytes, end: bool = False) -> None:
        """More of a body, as much as the window takes."""
        self._h2.send_data(number, body[: self._h2.local_flow_control_window(number)], end_stream=end)
        self._flush()

    def pour(self, number: int, pieces: Iterable[bytes]) -> None:
        """A whole body, as its windows allow, and the end of it."""
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                while not (room := min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)):
                    self._read()
                self._h2.send_data(number, bytes(rest[:room]))
                rest = rest[room:]
                self._flush()
        self._h2.end_stream(number)
        self._flush()

    def answer(self, number: int) -> Stream:
        """What a stream brought when it is over, or the connection is."""
        stream = self.streams[number]
        while not (stream.ended or stream.reset is not None or self.gone):
            self._read()
        return stream

    def ask(self, headers: Fields, body: bytes | None = None, trailers: Fields = []) -> Stream:  # noqa: B006
        return self.answer(self.send(headers, body, trailers))

    def _read(self) -> None:
        try:
            data = self._sock.recv(65536)
        except (ConnectionError, ssl.SSLError):
            data = b""
        self.gone = self.gone or not data
        for event in self._h2.receive_data(data) if data else ():
            self._note(event)
        if not self.gone:
            self._flush()

    def _note(self, event: Event) -> None:
        match event:
            case ResponseReceived(stream_id=number, headers=headers):
                self.streams[number].headers = list(headers)
            case InformationalResponseReceived(stream_id=number):
                self.streams[number].informational += 1
            case DataReceived(stream_id=number, data=data, flow_controlled_length=length):
                self.streams[number].body += self._keep(data)
                self._h2.acknowledge_received_data(length, number)
            case TrailersReceived(stream_id=number, headers=headers):
                self.streams[number].trailers = list(headers)
            case StreamEnded(stream_id=number):
                self.streams[number].ended = True
            case StreamReset(stream_id=number, error_code=code):
                self.streams[number].reset = int(code)
            case ConnectionTerminated():
                self.gone = True

    def _flush(self) -> None:
        self._sock.sendall(self._h2.data_to_send())


def request(authority: str | None, path: str = "/", method: str = "GET", scheme: str = "http", **more: str) -> Fields:
    """The headers of a request; `more` with hyphens for underscores. None for no `:authority`."""
    named = [(":authority", authority)] if authority is not None else []
    pseudo = [(":method", method), (":scheme", scheme), (":path", path), *named]
    return pseudo + [(name.replace("_", "-"), value) for name, value in more.items()]
