"""Bodies: what is read lies in its place, and what is written as it was read is read as the same.

Each target is one format. Whatever else is raised than the codec's own error, and whatever is read differently after it
has been written, is a defect; `hypothesis` compares them with other parsers in `tests/redact`.
"""

from __future__ import annotations

import gzip
from urllib.parse import unquote_to_bytes

from fuzz.target import Check, Draw, Seeds, given, target, text_of
from outgate.redact.codecs import (
    binary,
    charset,
    choose,
    csv,
    form,
    graphql,
    grpc,
    header,
    html,
    json,
    multipart,
    ndjson,
    nested,
    protobuf,
    sse,
    text,
    url,
    xml,
)
from outgate.redact.decoding import Bounds, Decoder, decode
from outgate.redact.encoding import encode
from outgate.redact.leaf import Codec, Found, Leaf, Unreadable
from outgate.redact.unpacking import UNPACKERS, Undecodable
from rewriting import same_again


def format_target(name: str, codec: Codec, seeds: Seeds, *words: bytes) -> Check:
    """A format whose values come back as they were."""

    def check(data: bytes) -> None:
        same_again(codec, data)

    return target(name, seeds, *words)(check)


format_target(
    "json",
    json.read,
    given('{"a": [1, "b\\u00e9", {"c": null}], "x@y.z": -1.5e3}', '"x"', "[NaN, true]", '[{}, [], ""]'),
    b'"', b"\\u", b"\\ud83d", b"\xef\xbb\xbf", b"NaN", b'{"', b'":', b"1e9",
)  # fmt: skip
format_target("ndjson", ndjson.read, given('{"a": 1}\n[2]\r\n', "\x1e{}\n"), b"\n", b"\x1e", b"{", b"}")
format_target("form", form.read, given("a=b&c=%20d+e", "x", "=&&="), b"&", b"=", b"%", b"%c3%a9", b"+")
format_target(
    "reference",
    url.read,
    given("https://u:p@a.example:1/b;c=d/e?f=g#h=i", "/a", "mailto:a@b", "//u@h"),
    b"://", b"@", b";", b"?", b"#", b"%2f", b":",
)  # fmt: skip
format_target(
    "graphql",
    graphql.read,
    given('{ a(b: "c", d: """e""", f: 1) } # g'),
    b'"""', b'\\"""', b"\\u{41}", b"#", b":",
)  # fmt: skip
format_target(
    "xml",
    xml.read,
    given("<?xml version='1.0'?><!DOCTYPE a><a b='c'>&amp;<!--d--><![CDATA[e]]><?f g?></a>"),
    b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?", b"?>", b"&#65;", b"</", b"/>", b"xmlns",
)  # fmt: skip
format_target("csv", csv.read, given('a,b\r\n1,"2""\n"\r\n', "a;b\n1;2"), b'"', b'""', b",", b";", b"\r\n", b"\t")
format_target("events", sse.read, given("id: 1\ndata: a\ndata: b\n\n: c\r\n"), b"data", b"data: ", b"\r\n", b"\r", b":")
format_target("text", text.read, given("a\nb\xff"), b"\n", b"-----BEGIN ")
format_target("strings", binary.read, given(b"\0abcdefg\0"), b"\xc3\xa9", b"\0")
format_target(
    "protobuf",
    protobuf.read,
    given(b"\x0a\x03abc\x10\x05\x1a\x04\x0a\x02\xff\xfe\x25\0\0\0\x3f", b"\x0b\x12\x01a\x0c"),
    b"\x0a", b"\x0b", b"\x0c", b"\x80", b"\xff\xff\xff\xff\x0f",
)  # fmt: skip
format_target(
    "grpc",
    grpc.codec("application/grpc", "gzip"),
    given(b"\0\0\0\0\1a", b"\1\0\0\0\x15" + gzip.compress(b"a", mtime=0), b"\x80\0\0\0\1a"),
    b"\0\0\0\0", b"\1",
)  # fmt: skip
MULTIPART = (
    b'--x\r\ncontent-disposition: form-data; name="a"; filename="b\\"c"\r\ncontent-type: text/plain\r\n\r\nd\r\n'
    b"--x\r\ncontent-transfer-encoding: base64\r\n\r\nYQ==\r\n--x\r\n\r\n\r\n--x--\r\n"
)
format_target(
    "multipart",
    multipart.codec("multipart/mixed; boundary=x"),
    given(MULTIPART),
    b"--x", b"--x--", b"\r\n\r\n", b"content-", b"quoted-printable", b"filename*=utf-8''", b'"',
)  # fmt: skip


@target(
    "html",
    given("<!DOCTYPE html><p a='b' c>&amp;e<!--f--><script>g={\"h\": 1}</script><input name=i value=j><title>k"),
    b"<!--", b"-->", b"<script", b"</script>", b"<title>", b'={"', b"&#x41;", b"=", b"'",
)  # fmt: skip
def page(data: bytes) -> None:
    """Every page is read, and written the same but for blanks at edges, dashes in remarks and markup in scripts."""
    same_again(html.read, data, _on_page)


def _on_page(found: Found) -> object:
    if isinstance(found, Leaf):
        return None if found.path == ("#comment",) else found.text.strip()
    return found.body.replace(b"\\u003c", b"<")


FIELDS = ("authorization", "link", "forwarded", "location", "set-cookie", "cookie", "x")


@target(
    "fields",
    given(b'\0Digest a="b", c=d', b"\1</a?b=c>; rel=d, <e>", b"\2a=b;c", b"\0Basic YTpi", b'\5a=b; c="d"; e'),
    b'"', b"=", b",", b"\\", b";",
)  # fmt: skip
def fields(data: bytes) -> None:
    """What a field says is read and written the same. Control characters never get this far."""
    draw = Draw(data)
    codec, value = header.codec(draw.one(FIELDS)), draw.rest()
    if not header.CONTROL.search(value.decode("latin-1")):
        same_again(codec, value)


TYPES = (
    "", "application/json", "text/plain", "text/html", "text/xml; charset=utf-16", "application/grpc", "text/uri-list",
    "multipart/mixed; boundary=x", "application/x-www-form-urlencoded", "text/csv; charset=shift_jis",
    "application/gzip", "application/x-protobuf", "application/graphql", "text/event-stream", "image/png",
)  # fmt: skip


@target(
    "bodies",
    given(b'\1{"a": "b"}', b"\0<a>b</a>", b"\4\xff\xfea\0", b"\0data: a\n\n", b"\7" + MULTIPART),
    b"\xff\xfe", b"{", b"<",
)  # fmt: skip
def bodies(data: bytes) -> None:
    """Every body is read under every type, to parts of parts, and again to the same when nothing is changed."""
    draw = Draw(data)
    _read(draw.one(TYPES), draw.rest(), 4)


def _read(media_type: str, body: bytes, depth: int) -> None:
    at = 0
    for each in choose.read(media_type, body).found:
        assert at <= each.start <= each.end <= len(body)
        at = each.end
        if isinstance(each, Leaf):
            each.write(each.text)
        elif depth:
            _read(each.media_type, each.body, depth - 1)


NESTED = (
    '{"a": 1}', "a=b&c=d", "x https://a.example/?b=c y", "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=", "a%20b", "<a>b</a>",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.x", "/a?b=c",
)  # fmt: skip


@target("nested", given(*NESTED), b"eyJ", b"://", b"%7B", b"=", b"\r\n", b"-", b"_", b'{"')
def within(data: bytes) -> None:
    """What is encoded in a text comes back as it was, in its place."""
    outer = text_of(data)
    found = list(nested.inside(outer, "query"))
    for inner in found:
        again = outer[: inner.start] + inner.write(inner.body) + outer[inner.end :]
        if inner.encoding == "percent":  # which has more than one way to say the same
            assert unquote_to_bytes(again.encode("utf-8", "surrogateescape")) == inner.body
        else:
            assert [each.body for each in nested.inside(again, "query")] == [each.body for each in found]


LABELS = (
    "",
    "utf-8",
    "utf-16",
    "utf-32-be",
    "latin1",
    "windows-1252",
    "shift_jis",
    "gb18030",
    "iso-2022-jp",
    "utf-7",
)


@target(
    "charset",
    given(b"\0abc", b"\2a\0b\0", b"\0\xff\xfea\0", b"\6\x83\x65"),
    b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b$B", b"\0",
)  # fmt: skip
def charsets(data: bytes) -> None:
    """A text is in UTF-8 afterwards, and the same when it has been there and back."""
    draw = Draw(data)
    media_type, body = f"text/plain; charset={draw.one(LABELS)}", draw.rest()
    try:
        part = charset.transcoded(media_type, body)
    except Unreadable:
        return
    if part is not None:
        there = body[: part.start] + part.write(part.body)
        again = charset.transcoded(media_type, there)
        assert again is not None
        assert again.body == part.body


@target(
    "codings",
    lambda: [bytes([1, number]) + encode(b"hello" * 99, [name]) for number, name in enumerate(UNPACKERS)],
    b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x78\x9c",
)  # fmt: skip
def packed(data: bytes) -> None:
    """In pieces the same comes out as at once, or nothing does; and done again it is the same."""
    draw = Draw(data)
    names = [draw.one(tuple(UNPACKERS)) for _ in range(draw.number(3))]
    body = draw.rest()
    at_once = _decoded(names, body, len(body) or 1)
    assert at_once == _decoded(names, body, 1) == _decoded(names, body, 7)
    if at_once is not None:
        assert decode(encode(at_once, names), names, Bounds(100_000)) == at_once


def _decoded(names: list[str], body: bytes, size: int) -> bytes | None:
    decoder = Decoder(names, Bounds(100_000))
    try:
        made = b"".join(decoder.feed(body[at : at + size]) for at in range(0, len(body), size))
        decoder.finish()
    except Undecodable:
        return None
    return made
