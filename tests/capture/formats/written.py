"""Exchanges as people have them, of every kind that a format could stumble over."""

import gzip
from dataclasses import replace

from capture.exchanges import body_of, exchange, sealed
from outgate.redact.exchange import Body, Chunk, Relayed, Timing, WebSocketMessage
from outgate.redact.redacted import Manifest, seal

JSON = (b"content-type", b"application/json")
PLAIN = b'{"name": "M\xc3\xbcller", "n": 1.10}'
PARTS = (
    b'--b1\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--b1\r\nContent-Disposition: form-data; name="f"; filename="x.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x89PNG\xff\r\n"
    b"--b1--\r\n"
)
EVENTS = b"data: one\n\ndata: two\n\n"


def kinds():
    """By name."""
    url = "https://api.example/items"
    coded = (JSON, (b"content-encoding", b"gzip"), (b"content-length", b"58"))
    return {
        "get": sealed(f"{url}?a=1&b=%C3%A9&a=2", fields=[(b"cookie", b"s=1; t=a=b")], answered=[JSON], answer=PLAIN),
        "post": sealed(url, "POST", PLAIN, 201, PLAIN, fields=[JSON], answered=[JSON], reason="Created"),
        "delete": sealed(url, "DELETE", PLAIN, 204, fields=[JSON], reason="No Content"),
        "get with a body": sealed(url, "GET", b"q=1", fields=[(b"content-type", b"application/x-www-form-urlencoded")]),
        "query": sealed(url, "QUERY", PLAIN, fields=[JSON]),
        "gzip": sealed(url, answered=coded, answer=body_of(PLAIN, size=58)),
        "gzip asked": sealed(url, "POST", body_of(PLAIN, size=58), fields=coded),
        "stacked": sealed(url, answered=[JSON, (b"content-encoding", b"gzip, br")], answer=body_of(PLAIN, size=61)),
        "unknown coding": sealed(
            url, answered=[JSON, (b"content-encoding", b"snappy")], answer=Body(b"\xff\x06s", size=3)
        ),
        "binary": sealed(
            url, "PUT", b"\xff\x00\x80", answer=b"\x89PNG\r\n", answered=[(b"content-type", b"image/png")]
        ),
        "multipart": sealed(url, "POST", PARTS, fields=[(b"content-type", b"multipart/form-data; boundary=b1")]),
        "latin-1": sealed(
            url,
            answered=[(b"content-type", b"text/html; charset=iso-8859-1"), (b"x-name", b"M\xfcller")],
            answer=b"<p>M\xfcller",
        ),
        "meta charset": sealed(url, answered=[(b"content-type", b"text/html")], answer=b'<meta charset="latin1">\xfc'),
        "bom": sealed(url, answered=[JSON], answer=b"\xef\xbb\xbf{}"),
        "utf-16": sealed(
            url, answered=[(b"content-type", b"text/plain; charset=utf-16")], answer="häß".encode("utf-16")
        ),
        "empty": sealed(url, status=304, reason="Not Modified"),
        "cookies": sealed(
            url,
            answered=[
                (b"set-cookie", b"a=1; Path=/; HttpOnly; Secure; Expires=Wed, 21 Oct 2099 07:28:00 GMT"),
                (b"set-cookie", b"b=; Expires=never"),
            ],
        ),
        "moved": sealed(url, status=302, answered=[(b"location", b"https://api.example/there")], reason="Found"),
        "port": sealed("http://api.example:18081/items"),
        "address": sealed("http://[2001:db8::1]:8080/items".replace("[2001:db8::1]", "192.0.2.1")),
        "http/2": second(sealed(url, answered=[JSON], answer=PLAIN)),
        "trailers": sealed(
            url,
            "POST",
            b"\0\0\0\0\2hi",
            fields=[(b"content-type", b"application/grpc")],
            answered=[(b"content-type", b"application/grpc")],
            answer=b"\0\0\0\0\2ho",
            trailers=[(b"grpc-status", b"0")],
        ),
        "events": sealed(
            url,
            answered=[(b"content-type", b"text/event-stream")],
            answer=body_of(EVENTS, chunks=(Chunk(0.1, 11), Chunk(0.6, 11))),
            timing=Timing(0.01, 0.1, 0.6),
        ),
        "websocket": sealed(
            "https://api.example/chat",
            status=101,
            reason="Switching Protocols",
            fields=[
                (b"upgrade", b"websocket"),
                (b"connection", b"Upgrade"),
                (b"sec-websocket-version", b"13"),
                (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            ],
            answered=[(b"upgrade", b"websocket"), (b"connection", b"Upgrade")],
            messages=(
                WebSocketMessage(0.25, True, True, "hä?".encode()),
                WebSocketMessage(0.5, False, False, b"\xff\x00"),
            ),
            close_code=1000,
        ),
        "error": sealed(url, status=0, error="connection_refused"),
        "denied": sealed(url, status=403, answer=b'{"outgate": {}}', answered=[JSON], reason="Forbidden"),
        "not kept": sealed(url, answer=Body(None, size=9_000_000, missing="too_large")),
        "not kept asked": sealed(url, "POST", Body(None, size=9_000_000, missing="streamed")),
        "marked": sealed(
            f"{url}?token=t1",
            "POST",
            b'{"password": "t2", "n": 1}',
            fields=[JSON],
            marks=[("request.query.token", "token"), ("request.body.$.password", "constant")],
        ),
        "odd names": sealed("https://api.example/a b\udcff?x=\udcfe", reason="O\udcffK"),
    }


def second(kept):
    exchange = kept.exchange
    fields = tuple(pair for pair in exchange.request.fields if pair[0] != b"host")
    request = replace(exchange.request, protocol="HTTP/2.0", fields=fields)
    response = replace(exchange.response, protocol="HTTP/2.0", reason="")
    return seal(replace(exchange, request=request, response=response), kept.manifest)


def tunnel():
    relayed = Relayed("tcp.example", 7000, 10, 20)
    return seal(replace(exchange(), request=None, response=None, relayed=relayed), Manifest())


def raw(content=PLAIN):
    """As it passed, not redacted yet."""
    return exchange(answered=[JSON, (b"content-encoding", b"gzip")], answer=Body(gzip.compress(content), size=58))
