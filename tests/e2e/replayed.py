"""A test run of somebody else, as a program: it asks a replay for everything that was recorded, in other words.

    python -m e2e.replayed CAPTURE

prints one JSON document: what came back otherwise than it was recorded, what was missed, what was not asked for, and
whether anything but the loopback could be reached. It is to be run in a network namespace of its own.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
from contextlib import closing, suppress
from dataclasses import replace

from capture.formats.written import kinds
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
    if b"json" in kind and content:
        found = json.loads(content)
        content = json.dumps(dict(reversed(found.items())), indent=1).encode()
    elif b"form-urlencoded" in kind:
        content = b"&".join(reversed(content.split(b"&")))
    elif b"boundary=b1" in kind:
        content, fields[b"content-type"] = content.replace(b"--b1", b"--b2"), kind.replace(b"b1", b'"b2"')
    return replace(request, target=target, fields=tuple(fields.items()), body=replace(request.body, content=content))


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


def reaches() -> bool:
    with suppress(OSError), socket.create_connection(OUTSIDE, 1):
        return True
    return False


def main(capture: str) -> None:
    with replay(capture, strict=False) as shop:
        wrong = [each for _ in range(2) for name, kept in recorded().items() for each in strayed(shop, name, kept)]
        told = {"strayed": wrong, "missed": [str(each) for each in shop.misses], "unused": len(shop.unused)}
    print(json.dumps({**told, "reaches": reaches()}))


if __name__ == "__main__":
    main(sys.argv[1])
