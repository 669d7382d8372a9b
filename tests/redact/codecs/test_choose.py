"""Which format a body is read in: what its type names, what it looks like, and whether names in it can be trusted."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs import choose
from outgate.redact.codecs.choose import read
from outgate.redact.codecs.formats import Format, of_type
from rewriting import said

JSON = b'{"a": "b"}'


@pytest.mark.parametrize(
    ("media_type", "body", "expected"),
    [
        ("application/json", JSON, "json"),
        ("application/json; charset=utf-8", JSON, "json"),
        ("Application/Problem+JSON", JSON, "json"),
        ("application/x-amz-json-1.1", JSON, "json"),
        ("text/json", b"1", "json"),
        ("application/json", JSON + b"\n" + JSON, "ndjson"),
        ("application/x-ndjson", JSON + b"\n" + JSON, "ndjson"),
        ("application/stream+json", JSON, "ndjson"),
        ("application/geo+json-seq", b"\x1e" + JSON, "ndjson"),
        ("", JSON, "json"),
        ("", JSON + b"\n" + JSON, "ndjson"),
        ("text/plain", JSON, "json"),
        ("text/html", JSON, "json"),
        ("application/octet-stream", JSON, "json"),
        ("application/x-www-form-urlencoded", JSON, "json"),
        ("application/x-www-form-urlencoded", b"a=b", "form"),
        ("", b"a=b&c=d", "form"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\na\r\n--x--", "multipart"),
        ("application/soap+xml", b"<a/>", "xml"),
        ("text/xml", b"<a/>", "xml"),
        ("", b"<a/>", "xml"),
        ("application/xml", b"<p>a<br>b", "html"),
        ("application/json", b"<html><p>Bad Gateway", "html"),
        ("text/html", b"a", "html"),
        ("application/xhtml+xml", b"<html/>", "html"),
        ("text/csv; header=present", b"a,b\n1,2", "csv"),
        ("text/event-stream", b"data: a\n\n", "sse"),
        ("", b"data: a\n\n", "sse"),
        ("application/graphql", b"{ a }", "graphql"),
        ("application/graphql-response+json", JSON, "json"),
        ("application/grpc+proto", b"\0\0\0\0\0", "grpc"),
        ("application/connect+json", b"\0\0\0\0\0", "grpc"),
        ("application/x-protobuf", b"\x08\1", "protobuf"),
        ("", b"\x0a\x03abc\x08\1", "protobuf"),
        ("application/gzip", gzip.compress(b"a", mtime=0), "packed"),
        ("", gzip.compress(b"a", mtime=0), "packed"),
        ("text/uri-list", b"/a", "url"),
        ("text/plain", b"hello there", "text"),
        ("", b"[note] call me", "text"),
        ("application/javascript", b"a = 1", "text"),
        ("", b"", "text"),
        ("image/png", b"\x89PNG\r\n\x1a\n\0", "binary"),
        ("image/png", b"\x0a\x03abc\x08\1", "binary"),
        ("", b"\0\1", "binary"),
        ("application/json", JSON.decode().encode("utf-16"), "transcoded"),
        ("text/plain; charset=latin1", b"\xe9", "transcoded"),
        ("", b"\xef\xbb\xbf{}", "transcoded"),
    ],
)
def test_a_body_is_read_in_its_format(media_type, body, expected):
    reading = read(media_type, body)
    assert (reading.format, reading.degraded) == (expected, False)


@pytest.mark.parametrize(
    ("media_type", "body", "expected"),
    [
        ("application/json", b'{"password": "s3cret', "text"),
        ("application/json", b"\0\1", "binary"),
        ("", b'{"password": "s3cret', "text"),
        ("text/plain", b' {"password": "s3cret', "text"),
        ("multipart/form-data", b"--x\r\n\r\na\r\n--x--", "text"),
        ("application/grpc", b"\0\0", "binary"),
        ("application/x-protobuf", b"\x0a\xff", "binary"),
        ("application/xml", b"a", "text"),
        ("text/csv", b'"a', "text"),
        ("application/gzip", b"a", "text"),
    ],
)
def test_where_names_are_lost_it_says_so(media_type, body, expected):
    reading = read(media_type, body)
    assert (reading.format, reading.degraded) == (expected, True)
    assert len(reading.found) < 2


def test_more_values_than_a_document_has_are_one_text():
    assert len(read("application/json", b"[" + b"1," * choose.MOST + b"2]").found) < 20
    assert len(read("application/json", b"[" + b"1," * 999 + b"2]").found) == 1000


def test_what_is_not_in_utf8_is_read_in_two_steps():
    (part,) = read("application/json", json.dumps({"a": "é"}, ensure_ascii=False).encode("utf-16")).found
    reading = read(part.media_type, part.body)
    assert reading.format is Format.JSON
    assert [each.text for each in reading.found] == ["é"]


def test_the_compression_of_calls_is_told():
    body = b"\1" + len(gzip.compress(b"a", mtime=0)).to_bytes(4, "big") + gzip.compress(b"a", mtime=0)
    assert read("application/grpc", body, "gzip").found[0].body == b"a"
    assert read("application/grpc", body).degraded


KINDS = [
    "",
    "text/plain",
    "application/octet-stream",
    "multipart/x; boundary=x",
    "text/html; charset=utf-16",
    "x/y; charset=hz",
]


@given(
    st.sampled_from([*KINDS, "application/json", "text/xml", "application/grpc-web-text", "text/csv"]),
    st.binary(max_size=60),
)
def test_every_body_is_read(media_type, body):
    reading = read(media_type, body)
    at = 0
    for each in reading.found:
        assert at <= each.start <= each.end <= len(body)
        assert said(each) is not None
        at = each.end


@pytest.mark.parametrize("kind", ["", "image/png", "application/octet-stream", "application/pdf", "json"])
def test_a_type_that_says_nothing_names_no_format(kind):
    assert of_type(kind) is None
