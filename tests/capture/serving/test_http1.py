"""HTTP/1.1: every recorded exchange is answered as it was, over and over, and nothing else is."""

import gzip
import json
import time

import pytest

from capture.exchanges import body_of, sealed
from capture.formats.written import EVENTS, PLAIN, kinds
from capture.serving.served import serving
from outgate.redact.exchange import Body, Chunk, Timing

KINDS = {name: kept for name, kept in kinds().items() if name not in ("websocket", "error", "not kept", "odd names")}


def exchanged(served, kept):
    with served.http() as connection:
        return asked(connection, kept)


def asked(connection, kept):
    """Send the recorded request, as a client would; the answer and its body."""
    asked = kept.exchange.request
    fields = {name.decode(): value for name, value in asked.fields if name.lower() != b"content-length"}
    fields.setdefault("host", asked.host)
    fields.pop("content-encoding", None)  # its body is decoded
    connection.request(asked.method, asked.target, asked.body.content or None, fields)
    answer = connection.getresponse()
    return answer, answer.read()


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_answered_as_it_was_recorded(name):
    kept = KINDS[name]
    with serving(kept) as served:
        answer, body = exchanged(served, kept)
    response = kept.exchange.response
    assert served.misses == []
    assert served.unused == []
    assert (answer.status, body) == (response.status, response.body.content)
    assert answer.reason == response.reason
    for field, value in response.fields:
        if field.lower() not in (b"content-encoding", b"content-length", b"upgrade", b"connection"):
            assert value.decode("latin-1") in [each for known, each in answer.getheaders() if known.encode() == field]


def test_all_of_them_on_one_connection_twice_over():
    with serving(*KINDS.values()) as served, served.http() as connection:
        for _ in range(2):
            for kept in KINDS.values():
                asked(connection, kept)
    assert served.misses == []
    assert served.unused == []


def test_a_miss_is_599_and_says_how_to_mend_it():
    kept = sealed("https://api.example/items", "POST", b'{"qty": 2}', fields=[(b"content-type", b"application/json")])
    with serving(kept) as served, served.http() as connection:
        connection.request("POST", "/items", b'{"qty": 3}', {"content-type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())["outgate"]
    assert (answer.status, answer.getheader("x-outgate-replay")) == (599, "miss")
    assert told["difference"] == [{"place": "body.$.qty", "recorded": "2", "asked": "3"}]
    assert told["nearest"] == {"number": 1, "request": "POST https://api.example/items"}
    assert served.unused == [1]
    assert [miss.places for miss in served.misses] == [("body.$.qty",)]


def test_a_body_that_was_not_kept_is_a_miss():
    kept = sealed(answer=Body(None, size=9, missing="too_large"))
    with serving(kept) as served:
        answer, body = exchanged(served, kept)
    assert answer.status == 599
    assert "was not kept (too_large)" in json.loads(body)["outgate"]["why"]


def test_no_answer_is_none_again():
    kept = sealed(status=0, error="connection_reset")
    with serving(kept) as served, pytest.raises(ConnectionError):
        exchanged(served, kept)
    assert served.unused == []


def raw(served, request):
    with served.dial() as sock:
        sock.sendall(request)
        sock.shutdown(1)
        with sock.makefile("rb") as file:
            return file.read()


def test_trailers_are_sent():
    kept = sealed(answer=b"hello", trailers=[(b"x-checksum", b"abc")])
    with serving(kept) as served:
        told = raw(served, b"GET /items HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert told.endswith(b"5\r\nhello\r\n0\r\nx-checksum: abc\r\n\r\n")


def test_old_clients_get_a_length_or_the_end():
    with serving(KINDS["events"]) as served:
        told = raw(served, b"GET /items HTTP/1.0\r\nHost: api.example\r\n\r\n")
    assert told.endswith(EVENTS)
    assert b"chunked" not in told


def test_a_head_has_the_length_of_what_it_does_not_get():
    kept = sealed(method="HEAD", answered=[(b"content-length", b"512")])
    with serving(kept) as served:
        told = raw(served, b"HEAD /items HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert b"content-length: 512\r\n" in told.lower()
    assert told.endswith(b"\r\n\r\n")


def test_a_body_that_is_announced_is_asked_for():
    kept = sealed("https://api.example/items", "POST", b"hi")
    with serving(kept) as served, served.dial() as sock:
        sock.sendall(b"POST /items HTTP/1.1\r\nHost: api.example\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        with sock.makefile("rb") as file:
            assert file.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert file.readline() == b"\r\n"
            sock.sendall(b"hi")
            assert file.readline().startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "request_", [b"\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET /\r\n\r\n"]
)
def test_what_is_no_request_is_refused(request_):
    with serving(sealed()) as served:
        assert raw(served, request_).startswith(b"HTTP/1.1 400 ")
    assert served.misses == []


def test_the_pace_is_kept_where_it_is_asked_for():
    """No sooner, that is: how much later says nothing on a busy machine."""
    pace = body_of(EVENTS, chunks=(Chunk(0.1, 11), Chunk(0.4, 11)))
    kept = sealed(answered=[(b"content-type", b"text/event-stream")], answer=pace, timing=Timing(0.0, 0.1, 0.4))
    with serving(kept, timing=True) as served, served.dial() as sock:
        began = time.monotonic()
        sock.sendall(b"GET /items HTTP/1.1\r\nHost: api.example\r\n\r\n")
        with sock.makefile("rb") as file:
            while (line := file.readline()) != b"data: one\n":
                assert line
            while (line := file.readline()) != b"data: two\n":
                assert line
    assert time.monotonic() - began >= 0.4


def test_a_coded_request_finds_its_exchange():
    kept = sealed("https://api.example/items", "POST", PLAIN, fields=[(b"content-type", b"application/json")])
    packed = gzip.compress(b'{"n": 1.1, "name": "M\\u00fcller"}')
    with serving(kept) as served, served.http() as connection:
        connection.request("POST", "/items", packed, {"content-type": "application/json", "content-encoding": "gzip"})
        assert connection.getresponse().status == 200
