"""An origin of plain HTTP/2 that does what the path says, well or badly.

Owns the behaviours. `/ok` answers; `/status/503/200` and `/grpc/14/0` answer with each in turn, then the last, the
latter with trailers alone; `/refuse-once`, `/reset-once` and `/goaway-once` break off the first time; `/hang` never
answers; `/flow` begins a call, and says nothing more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events

REFUSED, INTERNAL = h2.errors.ErrorCodes.REFUSED_STREAM, h2.errors.ErrorCodes.INTERNAL_ERROR


@dataclass
class Faulty2:
    port: int = 0
    asked: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    opened: int = 0
    under_way: int = 0
    most_under_way: int = 0
    pings: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        wire.initiate_connection()
        writer.write(wire.data_to_send())
        paths: dict[int, str] = {}
        bodies: dict[int, bytes] = {}
        try:
            while data := await reader.read(65536):
                for event in wire.receive_data(data):
                    match event:
                        case h2.events.RequestReceived(stream_id=number, headers=headers):
                            paths[number], bodies[number] = dict(headers)[":path"], b""
                        case h2.events.DataReceived(stream_id=number, data=piece, flow_controlled_length=size):
                            bodies[number] += piece
                            wire.acknowledge_received_data(size, number)
                        case h2.events.PingReceived():
                            self.pings += 1
                        case h2.events.StreamEnded(stream_id=number):
                            self.asked.append(paths[number])
                            self.bodies.append(bodies[number])
                            self._behave(wire, number, paths[number], writer)
                writer.write(wire.data_to_send())
        except OSError:
            return
        finally:
            writer.close()

    def _behave(self, wire: h2.connection.H2Connection, number: int, path: str, writer: asyncio.StreamWriter) -> None:
        _, what, *words = path.split("/")
        self.seen[path] += 1
        word = words[min(self.seen[path], len(words)) - 1] if words else ""
        first = self.seen[path] == 1
        match what:
            case "refuse-once" if first:
                wire.reset_stream(number, REFUSED)
            case "reset-once" if first:
                wire.reset_stream(number, INTERNAL)
            case "goaway-once" if first:
                wire.close_connection(last_stream_id=0)
            case "hang":
                return
            case "slow":
                loop = asyncio.get_running_loop()
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
                loop.call_later(float(word), self._late, wire, number, writer)
            case "flow":
                wire.send_headers(number, [(":status", "200"), ("content-type", "application/grpc")])
            case "grpc":
                told = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", word)]
                wire.send_headers(number, told, end_stream=True)
            case "status":
                wire.send_headers(number, [(":status", word)], end_stream=True)
            case _:
                self._tell(wire, number)

    def _late(self, wire: h2.connection.H2Connection, number: int, writer: asyncio.StreamWriter) -> None:
        self.under_way -= 1
        self._tell(wire, number)
        writer.write(wire.data_to_send())

    @staticmethod
    def _tell(wire: h2.connection.H2Connection, number: int) -> None:
        wire.send_headers(number, [(":status", "200")])
        wire.send_data(number, b"ok", end_stream=True)


@asynccontextmanager
async def faulty2() -> AsyncIterator[Faulty2]:
    made = Faulty2()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
