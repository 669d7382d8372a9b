"""Exchanges of every kind over real sockets, with a canary in every position of the request and of the answer.

Owns who asks and who answers. What passes is `redact.kinds`'s, in both directions: a body that an origin answers with
is sent to it, too. Beside those are what only a wire has: HTTP/2, WebSockets, denials, an origin that hangs up.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from e2e.documents import Document, defaults, native
from e2e.http2_client import Client
from e2e.http2_client import request as h2_fields
from e2e.lab.origins import LocalOrigins
from e2e.lab.upstreams import Server
from e2e.workload import drain
from outgate.redact.exchange import Exchange, Request, Response
from redact.kinds import KINDS, Kind, canary

HERE = "127.0.0.1"
NUMBER = b"x-kind"
SILENT = ("error", "socket")
"""Kinds that are no plain request and answer."""
PLAIN: dict[int, Kind] = {number: kind for number, kind in enumerate(KINDS) if kind.name not in SILENT}
CHAT = next(kind for kind in KINDS if kind.name == "socket")
OTHERS = ("hung up", "denied", "http/2")
NAMES = (*(kind.name for kind in PLAIN.values()), "socket", *OTHERS)


def asked(number: int) -> Request:
    """What is sent: the request of a kind, with the body of its answer where it has none of its own."""
    exchange = PLAIN[number].exchange
    request, response = exchange.request, exchange.response
    assert request is not None
    assert response is not None
    own = replace(request, target=f"/{number}{request.target}", fields=(*request.fields, (NUMBER, b"%d" % number)))
    if request.body.content or not response.body.content:
        return own
    told = tuple(pair for pair in response.fields if pair[0] in (b"content-type", b"content-encoding"))
    return replace(own, method="POST", fields=(*own.fields, *told), body=response.body)


def other(name: str) -> dict[str, str]:
    """Fields with canaries, for what `redact.kinds` has none."""
    return {"authorization": f"Bearer {canary(f'{name}/bearer')}", "x-note": canary(f"{name}/note")}


def canaries() -> list[str]:
    """All that are sent."""
    kinds = [each for kind in (*PLAIN.values(), CHAT) for each in kind.canaries if each != canary("error/text")]
    sent = [canary(f"{name}/{place}") for name in OTHERS for place in ("bearer", "note", "query")]
    return [*kinds, *sent, canary("http/2/body")]


class Origin:
    """Answers each request as its kind is answered."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HERE, 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                made, _ = self._listener.accept()
                with made, suppress(OSError):
                    self._answer(made)

    def _answer(self, made: socket.socket) -> None:
        with made.makefile("rb") as reader:
            line, fields = reader.readline(), {}
            while (field := reader.readline()) not in (b"\r\n", b""):
                name, _, value = field.partition(b":")
                fields[name.lower()] = value.strip()
            reader.read(int(fields.get(b"content-length", 0)))
            if b"chunked" in fields.get(b"transfer-encoding", b""):
                while size := int(reader.readline().split(b";")[0], 16):
                    reader.read(size + 2)
                while reader.readline() not in (b"\r\n", b""):
                    pass
        if line and NUMBER in fields:
            response = PLAIN[int(fields[NUMBER])].exchange.response
            assert response is not None
            made.sendall(written(response))


def written(response: Response) -> bytes:
    """As an origin sends it, with its trailers."""
    fields = (*response.fields, (b"transfer-encoding", b"chunked"), (b"connection", b"close"))
    head = [f"HTTP/1.1 {response.status} {response.reason}".encode(), *(b"%b: %b" % field for field in fields)]
    content = response.body.content or b""
    pieces = [content[at : at + 8000] for at in range(0, len(content), 8000)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    trailers = b"".join(b"%b: %b\r\n" % field for field in response.trailers)
    return b"\r\n".join(head) + b"\r\n\r\n" + body + b"0\r\n" + trailers + b"\r\n"


def _chat(connection: ServerConnection) -> None:
    for message in CHAT.exchange.messages:
        if message.from_client:
            connection.recv(timeout=20)
        else:
            connection.send(message.content.decode() if message.text else message.content)
    with suppress(Exception):
        connection.recv(timeout=20)


@dataclass(frozen=True)
class World:
    """Origins, and the documents that lead to them."""

    documents: tuple[Document, ...]


@contextmanager
def world() -> Iterator[World]:
    with ExitStack() as stack:
        stack.callback((origin := Origin()).close)
        chat = stack.enter_context(serve(_chat, HERE, 0))
        thread = threading.Thread(target=chat.serve_forever, daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(chat.shutdown)
        local = stack.enter_context(LocalOrigins([Server("h2", "http", (f"{HERE}:0",))]))
        ports = {
            "api.example": origin.port,
            "chat.example": chat.socket.getsockname()[1],
            "h2.example": local.address("h2")[1],
        }
        yield World((defaults(mode="REGISTRY_ONLY"), *(_known(host, port) for host, port in ports.items())))


def _known(host: str, port: int) -> Document:
    upstream = {"port": port, "endpoints": [{"address": HERE, "port": port}]}
    protocol = "HTTP2" if host == "h2.example" else "HTTP"
    ports = [{"number": 80, "protocol": protocol, "upstream": upstream}]
    spec = {"hosts": [host], "resolution": "STATIC", "ports": ports}
    return native("EgressDestination", host.partition(".")[0], spec)


def ask_everything(gate: tuple[str, int]) -> dict[str, int]:
    """Each kind once, one after the other; the status that came back, by name."""
    seen = {kind.name: _status(_said(gate, asked(number), "api.example")) for number, kind in PLAIN.items()}
    bare = Request("GET", "http", "api.example", 80, "/", fields=())
    for name, host in (("hung up", "api.example"), ("denied", "forbidden.example")):
        fields = tuple((field.encode(), value.encode()) for field, value in other(name).items())
        request = replace(bare, target=f"/{host}?token={canary(f'{name}/query')}", fields=fields)
        seen[name] = _status(_said(gate, request, host))
    return {**seen, "http/2": _second(gate), "socket": _socket(gate)}


def _said(gate: tuple[str, int], request: Request, host: str) -> bytes:
    content = request.body.content or b""
    fields = [(name, value) for name, value in request.fields if name != b"host"]
    fields += [(b"host", host.encode()), (b"connection", b"close"), (b"content-length", b"%d" % len(content))]
    head = [f"{request.method} http://{host}{request.target} HTTP/1.1".encode(), *(b"%b: %b" % each for each in fields)]
    with socket.create_connection(gate, 60) as made:
        made.sendall(b"\r\n".join(head) + b"\r\n\r\n" + content)
        return drain(made)


def _status(said: bytes) -> int:
    return int(said.split(b" ", 2)[1])


def _second(gate: tuple[str, int]) -> int:
    """A frame of gRPC that is sent back, over HTTP/2 in a tunnel of CONNECT."""
    with _tunnel(gate, "h2.example:80") as made:
        path = f"/pipe?token={canary('http/2/query')}"
        fields = [*h2_fields("h2.example", path, "POST", "http"), ("content-type", "application/grpc")]
        message = b"\x0a" + bytes([len(canary("http/2/body"))]) + canary("http/2/body").encode()
        body = b"\0" + len(message).to_bytes(4, "big") + message
        return Client(made).ask([*fields, *other("http/2").items()], body).status


def _socket(gate: tuple[str, int]) -> int:
    with _tunnel(gate, "chat.example:80") as made, connect("ws://chat.example/socket", sock=made) as client:
        for message in CHAT.exchange.messages:
            if message.from_client:
                client.send(message.content.decode())
            else:
                client.recv(timeout=20)
        return 101


def _tunnel(gate: tuple[str, int], place: str) -> socket.socket:
    made = socket.create_connection(gate, 60)
    made.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += made.recv(1)
    assert head.startswith(b"HTTP/1.1 200"), head
    return made


def by_name(exchanges: list[Exchange]) -> dict[str, Exchange]:
    """Captured ones."""
    found: dict[str, Any] = {}
    hosts = {"forbidden.example": "denied", "h2.example": "http/2", "chat.example": "socket"}
    for exchange in exchanges:
        assert exchange.request is not None
        number = dict(exchange.request.fields).get(NUMBER)
        name = PLAIN[int(number)].name if number else hosts.get(exchange.request.host, "hung up")
        found[name] = exchange
    return found
