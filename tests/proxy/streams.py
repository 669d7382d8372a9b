"""An HTTP/2 client for the tests beside this file: streams of one connection, and what became of each."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection

from proxy.wires import LIMIT


@dataclass
class Stream:
    status: bytes = b""
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


class Client(H2Connection):
    """Goes on with what it has begun after a GOAWAY; hyper-h2 would not hear of it any more."""

    def _receive_goaway_frame(self, frame):
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id = frame.error_code, frame.last_stream_id
        return [], [event]


class Wire:
    """One connection. `left` is the last stream that a GOAWAY promised, once one came; `gone` once it is closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = Client(H2Configuration(client_side=True, header_encoding=None))
        self.streams: dict[int, Stream] = {}
        self.left: int | None = None
        self.gone = False
        self.h2.initiate_connection()
        self.flush()

    @classmethod
    async def open(cls, address: tuple[str, int]) -> "Wire":
        return cls(*await asyncio.open_connection(*address))

    def ask(self, authority: str, path: str = "/", method: str = "GET", end: bool = True) -> int:
        """Begin a stream and give its number."""
        number = self.h2.get_next_available_stream_id()
        pseudo = {":method": method, ":scheme": "http", ":authority": authority, ":path": path}
        self.h2.send_headers(number, list(pseudo.items()), end_stream=end)
        self.streams[number] = Stream()
        self.flush()
        return number

    def send(self, number: int, data: bytes, end: bool = False) -> None:
        self.h2.send_data(number, data, end_stream=end)
        self.flush()

    def reset(self, number: int) -> None:
        self.h2.reset_stream(number, 8)
        self.streams[number].reset = 8
        self.flush()

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    async def until(self, holds: Callable[[], bool]) -> None:
        """Read until something holds, or the connection is gone."""
        async with asyncio.timeout(LIMIT):
            while not holds() and not self.gone:
                try:
                    data = await self.reader.read(65536)
                except ConnectionError:
                    data = b""
                self.gone = not data
                for event in self.h2.receive_data(data) if data else ():
                    self._note(event)
                if not self.gone:
                    self.flush()

    async def answer(self, number: int) -> Stream:
        await self.until(lambda: self.streams[number].over)
        return self.streams[number]

    def close(self) -> None:
        self.writer.close()

    def _note(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived(stream_id=number, headers=headers):
                self.streams[number].status = dict(headers)[b":status"]
            case h2.events.DataReceived(stream_id=number, data=data, flow_controlled_length=length):
                self.streams[number].body += data
                self.h2.acknowledge_received_data(length, number)
            case h2.events.StreamEnded(stream_id=number):
                self.streams[number].ended = True
            case h2.events.StreamReset(stream_id=number, error_code=code):
                self.streams[number].reset = int(code)
            case h2.events.ConnectionTerminated(last_stream_id=last):
                self.left = last
