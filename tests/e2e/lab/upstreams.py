"""The origins: what is to be served, and the program that serves it.

    python -m lab.upstreams --config '{"records": "/tmp/seen", "servers": [{"name": "api", "kind": "http",
        "listen": ["93.184.216.10:80"], "tls": null}]}'

prints one line with every address it listens on once it does (port 0 takes a free one), and serves until it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from . import http1, http2, raw
from .grpc_calls import GrpcOrigin
from .records import Recorder
from .streams import Origin, Speak, Stream, Tls

Addresses = dict[str, list[tuple[str, int]]]


@dataclass(frozen=True)
class Server:
    """One server. `kind`: http (1.1 and 2, on TLS by ALPN), grpc, echo, greeting or silent. `listen`: `ADDR:PORT`."""

    name: str
    kind: str
    listen: tuple[str, ...]
    tls: Tls | None = None


async def http(stream: Stream) -> None:
    """HTTP/2 where ALPN chose it; without TLS its preface is recognised by the HTTP/1.1 side."""
    tls = stream.facts["tls"]
    await (http2 if tls and tls["alpn"] == "h2" else http1).speak(stream)


KINDS: dict[str, Speak] = {"http": http, "echo": raw.echo, "greeting": raw.greet, "silent": raw.silent}


async def serve(servers: Iterable[Server], records: Path, ready: Callable[[Addresses], None]) -> None:
    """Serve until cancelled. `ready` is told the addresses when all servers listen. Sockets go beside the records."""
    with ExitStack() as stack:
        recorder = Recorder(records)
        stack.callback(recorder.close)
        listening = [(_origin(server, recorder, records.parent, stack), _sockets(server, stack)) for server in servers]
        ready({origin.name: [listener.getsockname()[:2] for listener in listeners] for origin, listeners in listening})
        async with asyncio.TaskGroup() as tasks:
            for origin, listeners in listening:
                for listener in listeners:
                    tasks.create_task(origin.listen(listener))


def _origin(server: Server, recorder: Recorder, folder: Path, stack: ExitStack) -> Origin:
    if server.kind == "grpc":
        calls = GrpcOrigin(server.name, recorder, server.tls, folder)
        stack.callback(calls.stop)
        return Origin(server.name, recorder, None, calls.relay)
    context = server.tls.context() if server.tls else None
    return Origin(server.name, recorder, context, KINDS[server.kind])


def _sockets(server: Server, stack: ExitStack) -> list[socket.socket]:
    return [stack.enter_context(_listener(address)) for address in server.listen]


def _listener(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    listener = socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setblocking(False)
    return listener


def parse(config: str) -> tuple[list[Server], Path]:
    """The servers and the record file of a JSON configuration. Raises KeyError or TypeError on what it cannot use."""
    document = json.loads(config)
    servers = []
    for entry in document["servers"]:
        tls = Tls(**{**entry["tls"], "alpn": tuple(entry["tls"]["alpn"])}) if entry.get("tls") else None
        servers.append(Server(entry["name"], entry["kind"], tuple(entry["listen"]), tls))
    return servers, Path(document["records"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Origins for tests.")
    parser.add_argument("--config", required=True, help="JSON: records, servers")
    servers, records = parse(parser.parse_args().config)
    asyncio.run(serve(servers, records, lambda addresses: print(json.dumps(addresses), flush=True)))


if __name__ == "__main__":
    main()
