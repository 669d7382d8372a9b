"""Exchanges of many kinds, with a canary in every position: what they hold, what has to stay, and who reads them.

A canary is a secret that tells itself, another one for each position. `ALLOW` may also take what is no secret.
"""

from __future__ import annotations

import base64
import csv
import gzip
import html.parser
import io
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from email import message_from_bytes
from urllib.parse import parse_qsl, quote
from xml.etree import ElementTree

import brotli
import zstandard

from capture.exchanges import exchange
from outgate.redact.exchange import Body, Exchange, WebSocketMessage
from redact.samples import sample


@dataclass(frozen=True)
class Kind:
    """`stays`: what has to be in the body of the answer in mode detect; `reads`: fails where that is broken."""

    name: str
    exchange: Exchange
    canaries: tuple[str, ...]
    stays: tuple[bytes, ...] = ()
    reads: Callable[[bytes], object] = bytes


def canary(place: str) -> str:
    return sample("ghp_{w36}", place)


def _body(content: bytes, coding: str = "") -> Body:
    packed = content
    for each in filter(None, (name.strip() for name in coding.split(","))):
        packed = PACK[each](packed)
    return Body(packed, decoded=False, size=len(packed))


def _deflate(content: bytes) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return made.compress(content) + made.flush()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def _kind(name, kind, content, *, stays=(), reads=bytes, coding="", used=(), **facts) -> Kind:
    """An answer of a media type, to a request with canaries in its head."""
    fields = (
        (b"authorization", b"Bearer " + canary(f"{name}/bearer").encode()),
        (b"cookie", f"session={canary(f'{name}/cookie')}; theme={canary(f'{name}/theme')}".encode()),
        (b"x-request-note", canary(f"{name}/header").encode()),
        (b"referer", f"https://app.example/x?token={canary(f'{name}/referer')}".encode()),
        *facts.pop("fields", ()),
    )
    answered = (
        (b"content-type", kind.encode()),
        *([(b"content-encoding", coding.encode())] if coding else []),
        (b"set-cookie", f"sid={canary(f'{name}/set')}; Path=/".encode()),
        (b"location", f"/next/{canary(f'{name}/location')}?page=2".encode()),
        *facts.pop("answered", ()),
    )
    made = exchange(
        f"https://api.example/v1/{canary(f'{name}/path')}/items?key={canary(f'{name}/query')}&page=2",
        fields=fields,
        answered=answered,
        answer=facts.pop("answer", None) or _body(content, coding),
        trailers=((b"x-checked", canary(f"{name}/trailer").encode()),),
        reason=f"OK {canary(f'{name}/reason')}",
        error=facts.pop("error", ""),
        **facts,
    )
    heads = ["bearer", "cookie", "theme", "header", "referer", "set", "location", "path", "query", "trailer", "reason"]
    return Kind(name, made, tuple(canary(f"{name}/{each}") for each in (*heads, *used)), stays, reads)


def _json(name: str, **facts) -> bytes:
    document = {
        "id": 17,
        "ok": True,
        "none": None,
        "price": 1.5,
        "title": f"see {canary(f'{name}/text')} there",
        "password": canary(f"{name}/password"),
        "pair": [{"name": "X-Token", "value": canary(f"{name}/pair")}],
        "inner": json.dumps({"deep": canary(f"{name}/inner")}),
        "blob": base64.b64encode(f"user is {canary(f'{name}/base64')}".encode()).decode(),
        "link": f"https://x.example/?q={quote(canary(f'{name}/url'), safe='')}",
        canary(f"{name}/key"): 1,
        **facts,
    }
    return json.dumps(document).encode()


JSON_USES = ("text", "password", "pair", "inner", "base64", "url", "key")
JSON_STAYS = (b'"id": 17', b'"ok": true', b'"price": 1.5')


def _as_json(name: str, kind: str = "application/json", **facts) -> Kind:
    return _kind(name, kind, _json(name), used=JSON_USES, stays=JSON_STAYS, reads=json.loads, **facts)


def _lines(content: bytes) -> None:
    for line in content.splitlines():
        json.loads(line)


def _events(content: bytes) -> None:
    data = [line for line in content.splitlines() if line.startswith(b"data:")]
    assert len(data) >= 2
    json.loads(data[0][5:])


def _parts(content: bytes) -> None:
    head = b"Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
    found = message_from_bytes(head + content)
    assert len(found.get_payload()) == 3
    assert not found.defects


def _multipart(name: str) -> bytes:
    def part(head: str, content: bytes) -> bytes:
        return b"--edge\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + content + b"\r\n"

    inner = json.dumps({"n": 3, "token": canary(f"{name}/part")}).encode()
    return b"".join(
        [
            part('name="password"', canary(f"{name}/field").encode()),
            part(f'name="file"; filename="{canary(f"{name}/filename")}.json"', inner),
            part('name="zip"', gzip.compress(canary(f"{name}/packed").encode())),
            b"--edge--\r\n",
        ]
    )


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def _length(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _message(name: str) -> bytes:
    inner = _length(1, canary(f"{name}/inner").encode()) + _varint(2 << 3) + _varint(300)
    return _length(1, f"hello {canary(f'{name}/text')}".encode()) + _length(3, inner) + _varint(4 << 3) + _varint(7)


def _read_message(content: bytes, depth: int = 0) -> None:
    """Raises where a length leads past the end."""
    at = 0
    while at < len(content):
        key, at = _read_varint(content, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            _, at = _read_varint(content, at)
        else:
            size, at = _read_varint(content, at)
            assert wire == 2
            assert at + size <= len(content)
            if number == 3 and not depth:
                _read_message(content[at : at + size], 1)
            at += size


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while content[at] & 0x80:
        number |= (content[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | content[at] << shift, at + 1


def _frame(message: bytes, packed: bool) -> bytes:
    content = gzip.compress(message) if packed else message
    return struct.pack(">BI", packed, len(content)) + content


def _read_frames(content: bytes) -> None:
    at = 0
    while at < len(content):
        packed, size = struct.unpack_from(">BI", content, at)
        message = content[at + 5 : at + 5 + size]
        _read_message(gzip.decompress(message) if packed else message)
        at += 5 + size


def _xml(name: str) -> bytes:
    return (
        f'<?xml version="1.0"?><r a="{canary(f"{name}/attribute")}"><n>17</n><password>{canary(f"{name}/element")}'
        f"</password><!-- {canary(f'{name}/comment')} --><x><![CDATA[{canary(f'{name}/cdata')}]]></x></r>"
    ).encode()


def _html(name: str) -> bytes:
    return (
        f"<!doctype html><html><body><p>Hi {canary(f'{name}/p')}</p><input name=password "
        f'value="{canary(f"{name}/input")}"><script>var a = {{"token": "{canary(f"{name}/script")}"}};</script>'
        f"<!-- {canary(f'{name}/comment')} --></body></html>"
    ).encode()


def _sse(name: str) -> bytes:
    return (
        f"event: delta\ndata: {json.dumps({'n': 4, 'text': canary(f'{name}/json')})}\n\n"
        f"data: one\ndata: {canary(f'{name}/data')}\n\n: {canary(f'{name}/comment')}\n\n"
    ).encode()


def _table(content: bytes) -> None:
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert {len(row) for row in rows} == {3}


def _codings() -> list[Kind]:
    kinds = [
        _as_json(f"json {coding}", coding=coding)
        for coding in ("gzip", "x-gzip", "deflate", "br", "zstd", "gzip, br", "br, zstd", "gzip, gzip")
    ]
    name = "json two members"
    content = _json(name)
    packed = gzip.compress(content[:50]) + gzip.compress(content[50:])
    several = _as_json(name, answer=Body(packed, decoded=False, size=len(packed)), coding="gzip")
    return [*kinds, several]


def _texts() -> list[Kind]:
    charset = "json utf-16"
    utf16 = _json(charset).decode().encode("utf-16")
    long = "text long"
    return [
        _as_json("json"),
        _as_json("json problem", "application/problem+json"),
        _as_json("json aws", "application/x-amz-json-1.1"),
        _as_json("json unnamed", "application/octet-stream"),
        _as_json("json under text", "text/plain"),
        _kind(charset, "application/json", utf16, used=JSON_USES, reads=lambda body: json.loads(body.decode("utf-16"))),
        _kind(
            "json number",
            "application/json",
            b'{"card": 4111111111111111, "n": 5}',
            stays=(b'"n": 5',),
            reads=json.loads,
        ),
        _kind(
            "ndjson", "application/x-ndjson", _json("ndjson") + b"\n" + _json("ndjson"), used=JSON_USES, reads=_lines
        ),
        _kind("json broken", "application/json", _json("json broken")[:-9], used=JSON_USES),
        _kind(
            "form",
            "application/x-www-form-urlencoded",
            f"password={canary('form/a')}&note=see+{canary('form/b')}&n=1".encode(),
            used=("a", "b"),
            stays=(b"n=1",),
            reads=lambda body: parse_qsl(body.decode(), strict_parsing=True),
        ),
        _kind(
            "xml",
            "application/xml",
            _xml("xml"),
            used=("attribute", "element", "comment", "cdata"),
            reads=ElementTree.fromstring,
            stays=(b"<n>17</n>",),
        ),
        _kind(
            "soap",
            "application/soap+xml",
            _xml("soap"),
            used=("attribute", "element", "comment", "cdata"),
            reads=ElementTree.fromstring,
        ),
        _kind(
            "html",
            "text/html; charset=utf-8",
            _html("html"),
            used=("p", "input", "script", "comment"),
            reads=lambda body: html.parser.HTMLParser().feed(body.decode()),
            stays=(b"<p>Hi ",),
        ),
        _kind(
            "csv",
            "text/csv",
            f'name,token,note\r\nann,{canary("csv/a")},"x, {canary("csv/b")}"\r\nbob,,fine\r\n'.encode(),
            used=("a", "b"),
            reads=_table,
            stays=(b"bob,,fine",),
        ),
        _kind(
            "sse",
            "text/event-stream",
            _sse("sse"),
            used=("json", "data", "comment"),
            reads=_events,
            stays=(b'"n": 4', b"event:"),
        ),
        _kind(
            "text",
            "text/plain",
            f"one\ntwo {canary('text/a')}\nthree".encode(),
            used=("a",),
            stays=(b"one\ntwo ", b"\nthree"),
        ),
        _kind(
            long,
            "text/plain",
            b"word word\n" * 20000 + canary(f"{long}/a").encode() + b"\nlast",
            used=("a",),
            stays=(b"\nlast",),
        ),
        _kind(
            "latin-1",
            "text/plain; charset=iso-8859-1",
            f"caf\xe9 {canary('latin-1/a')}".encode("latin-1"),
            used=("a",),
            stays=(b"caf\xe9",),
        ),
        _kind("script", "application/javascript", f'fetch("/x?token={canary("script/a")}")'.encode(), used=("a",)),
        _kind("yaml", "application/yaml", f"a: 1\nkey: {canary('yaml/a')}\n".encode(), used=("a",)),
    ]


def _bytes() -> list[Kind]:
    def framed(name: str, packed: bool) -> bytes:
        return _frame(_message(name), packed) + _frame(_message(name), packed)

    picture = (
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) + b"Comment " + canary("picture/a").encode() + bytes(range(128, 256))
    )
    multipart = "multipart/form-data; boundary=edge"
    return [
        _kind(
            "multipart",
            multipart,
            _multipart("multipart"),
            used=("field", "filename", "part", "packed"),
            reads=_parts,
            stays=(b'"n": 3', b'name="file"'),
        ),
        _kind("protobuf", "application/x-protobuf", _message("protobuf"), used=("inner", "text"), reads=_read_message),
        _kind("grpc", "application/grpc", framed("grpc", False), used=("inner", "text"), reads=_read_frames),
        _kind(
            "grpc packed",
            "application/grpc+proto",
            framed("grpc packed", True),
            used=("inner", "text"),
            reads=_read_frames,
            answered=((b"grpc-encoding", b"gzip"),),
        ),
        _kind(
            "gzip file",
            "application/gzip",
            gzip.compress(_json("gzip file")),
            used=JSON_USES,
            reads=lambda body: json.loads(gzip.decompress(body)),
        ),
        _kind("picture", "image/png", picture, used=("a",), stays=(b"\x89PNG\r\n\x1a\n",)),
        _kind(
            "unknown coding",
            "application/json",
            _json("unknown coding"),
            used=JSON_USES,
            answer=Body(b"?" + canary("unknown coding/text").encode(), decoded=False, size=9),
            answered=((b"content-encoding", b"secret"),),
        ),
        _kind("bomb", "application/json", b"", answer=_body(b"a" * 30_000_000, "gzip"), coding="gzip"),
        _kind("empty", "application/json", b""),
    ]


def _others() -> list[Kind]:
    query = json.dumps(
        {
            "query": f'mutation {{ login(password: "{canary("graphql/literal")}") {{ id }} }}',
            "variables": {"n": 4, "token": canary("graphql/variable")},
        }
    )
    graphql = _kind(
        "graphql",
        "application/json",
        b'{"data": {"id": 4}}',
        stays=(b'"id": 4',),
        reads=json.loads,
        used=("literal", "variable"),
        method="POST",
        sent=query.encode(),
    )
    signed = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/2026/eu/s3/aws4_request, SignedHeaders=host, Signature="
    plain = exchange("https://api.example/x", error=f"reset after {canary('error/text')}", status=0)
    chat = replace(
        exchange("wss://api.example/socket".replace("wss", "https"), status=101),
        messages=(
            WebSocketMessage(0.1, True, True, json.dumps({"token": canary("socket/in"), "n": 4}).encode()),
            WebSocketMessage(0.2, False, True, f"hello {canary('socket/out')}".encode()),
            WebSocketMessage(0.3, False, False, _message("socket")),
        ),
    )
    basic = base64.b64encode(f"ann:{canary('basic/password')}".encode())
    return [
        graphql,
        _kind(
            "signed",
            "text/plain",
            b"fine",
            used=("signature",),
            stays=(b"fine",),
            answered=((b"x-echo", signed.encode() + canary("signed/signature").encode()),),
        ),
        _kind(
            "basic",
            "text/plain",
            f"you are ann:{canary('basic/password')}".encode(),
            used=("password",),
            fields=((b"proxy-authorization", b"Basic " + basic),),
        ),
        _kind(
            "link",
            "text/plain",
            b"x",
            used=("a",),
            answered=((b"link", f'<https://x.example/?token={canary("link/a")}>; rel="next"'.encode()),),
        ),
        Kind("error", plain, (canary("error/text"),)),
        Kind("socket", chat, tuple(canary(f"socket/{each}") for each in ("in", "out", "inner", "text"))),
    ]


KINDS = (*_codings(), *_texts(), *_bytes(), *_others())
