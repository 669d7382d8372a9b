"""A test run of somebody else, as a program: it asks a replay for everything that was recorded, in other words.

    python -m e2e.replayed CAPTURE [RECORDS]

prints one JSON document: what came back otherwise than it was recorded, what was missed, what was not asked for, what a
request was told that nobody had recorded, and whether anything but the loopback could be reached. RECORDS are what was
recorded, as it is without them in `capture.formats.written`. It is to be run in a network namespace of its own.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import sys
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from capture.formats.written import kinds
from outgate.capture.reading import Capture
from outgate.redact.exchange import Request
from outgate.redact.redacted import Redacted, seal
from outgate.testing import Replay, replay

OUTSIDE = ("192.0.2.1", 80)
SILENT = frozenset({"websocket", "error", "not kept", "odd names"})
"""Kinds that are no plain request and answer."""


def recorded() -> dict[str, Redacted]:
    """By name, each at an address of its own."""
    found = {}
    for number, (name, kept) in enumerate(kinds().items()):
        request = kept.exchange.request
        assert request is not None
        if name not in SILENT:
            own = replace(request, target=f"/{number}{request.target}")
            found[name] = seal(replace(kept.exchange, request=own), kept.manifest)
    return found


def in_other_words(request: Request) -> Request:
    """The same request with its keys, fields and parameters in another order, and another boundary."""
    path, mark, query = request.target.partition("?")
    target = path + mark + "&".join(reversed(query.split("&")))
    kind = next((value for name, value in request.fields if name == b"content-type"), b"")
    content, fields = request.body.content or b"", dict(request.fields)
    if b"json" in kind:
        content = reordered(content)
    elif b"form-urlencoded" in kind:
        content = b"&".join(reversed(content.split(b"&")))
    elif found := re.search(rb'boundary="?([^";]+)', kind):
        content = content.replace(b"--" + found[1], b"--another")
        fields[b"content-type"] = kind.replace(found[0], b'boundary="another"')
    return replace(request, target=target, fields=tuple(fields.items()), body=replace(request.body, content=content))


def reordered(content: bytes) -> bytes:
    """An object of JSON with its keys in another order, and other blanks; anything else as it is."""
    try:
        found = json.loads(content.decode())
    except ValueError:
        return content
    return json.dumps(dict(reversed(found.items())), indent=1).encode() if isinstance(found, dict) else content


def ask(shop: Replay, request: Request) -> tuple[int, bytes]:
    gone = (b"content-encoding", b"content-length", b"host")
    fields = {name.decode(): value for name, value in request.fields if name not in gone}
    with closing(http.client.HTTPConnection(shop.host, shop.port, timeout=20)) as connection:
        host = request.host if request.port in (80, 443) else f"{request.host}:{request.port}"
        connection.request(request.method, request.target, request.body.content or None, {"Host": host, **fields})
        answer = connection.getresponse()
        return answer.status, answer.read()


def strayed(shop: Replay, name: str, kept: Redacted) -> list[str]:
    """The name, if it came back otherwise than it was recorded."""
    request, response = kept.exchange.request, kept.exchange.response
    assert request is not None
    assert response is not None
    return [] if ask(shop, in_other_words(request)) == (response.status, response.body.content) else [name]


def talked(shop: Replay, kept: Redacted) -> bool:
    """Whether a WebSocket says what it said."""
    request = kept.exchange.request
    assert request is not None
    url, made = f"ws://{request.host}{request.target}", socket.create_connection((shop.host, shop.port), 20)
    with made, connect(url, sock=made) as client:
        for message in kept.exchange.messages:
            said = message.content.decode() if message.text else message.content
            if message.from_client:
                client.send(reordered(message.content).decode() if message.text else said)
            elif client.recv(timeout=20) != said:
                return False
    return True


def of_records(path: str) -> tuple[dict[str, Redacted], dict[str, Redacted]]:
    """What was kept with its answer's body, by number, and WebSockets."""
    plain, sockets = {}, {}
    for number, kept in enumerate(Capture(Path(path)), 1):
        response = kept.exchange.response
        if kept.exchange.messages:
            sockets[str(number)] = kept
        elif response is not None and response.body.content is not None:
            plain[str(number)] = kept
    return plain, sockets


def unknown(shop: Replay, kept: Redacted) -> dict[str, Any]:
    """What is told of a request that nobody has recorded."""
    request = kept.exchange.request
    assert request is not None
    status, body = ask(shop, replace(request, target=f"{request.target}&more=1"))
    return {"status": status, **json.loads(body)["outgate"]}


def reaches() -> bool:
    with suppress(OSError), socket.create_connection(OUTSIDE, 1):
        return True
    return False


def main(capture: str, records: str = "") -> None:
    plain, sockets = of_records(records) if records else (recorded(), {})
    with replay(capture, strict=False) as shop:
        wrong = [each for _ in range(2) for name, kept in plain.items() for each in strayed(shop, name, kept)]
        wrong += [name for _ in range(2) for name, kept in sockets.items() if not talked(shop, kept)]
        told = {"strayed": wrong, "missed": [str(each) for each in shop.misses], "unused": len(shop.unused)}
        told |= {"unknown": unknown(shop, next(iter(plain.values())))} if records else {}
    print(json.dumps({**told, "asked": len(plain) + len(sockets), "reaches": reaches()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
