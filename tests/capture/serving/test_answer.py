"""An answer is what was recorded, but for what belongs to the connection that it came on."""

import json

import pytest
from hypothesis import given

from capture.exchanges import body_of, exchange, kept
from capture.formats.written import PLAIN, kinds
from outgate.capture.match import Miss
from outgate.capture.matching.bucket import Entry
from outgate.capture.serving import answer
from outgate.redact.decoding import Bounds, decode
from outgate.redact.exchange import Body
from outgate.redact.redacted import Manifest

KINDS = kinds()


def answered(made, *asked, **facts):
    entry = Entry(1, made, made.request, Manifest())
    return answer.recorded(entry, exchange(*asked, **facts).request)


def test_fields_of_the_wire_and_those_that_lead_away_are_gone():
    fields = [(b"X-A", b" 1 "), (b"Content-Length", b"7"), (b"connection", b"close"), (b"alt-svc", b'h3=":443"'),
              (b"transfer-encoding", b"chunked"), (b"bad name", b"1"), (b"x-b", b"a\x00b"), (b"", b"")]  # fmt: skip
    found = answered(exchange(answered=fields, answer=b"hello"))
    assert found.fields == ((b"X-A", b"1"),)
    assert (found.status, found.reason, found.content) == (200, "OK", b"hello")


@pytest.mark.parametrize(
    ("said", "taken"),
    [("gzip, br", True), ("*", True), ("", False), ("br", False), ("gzip;q=0, *", False), ("GZIP; q=0.5", True)],
)
def test_a_body_is_coded_again_where_the_client_takes_that(said, taken):
    made = KINDS["gzip"].exchange
    found = answered(made, fields=[(b"accept-encoding", said.encode())])
    assert ((b"content-encoding", b"gzip") in found.fields) == taken
    assert (decode(found.content, ("gzip",), Bounds(1000)) if taken else found.content) == PLAIN


def test_a_head_is_told_the_length_and_gets_nothing():
    made = exchange(method="HEAD", answered=[(b"content-length", b"512")])
    found = answered(made, method="HEAD")
    assert (found.length, found.pieces) == (b"512", ())


def test_no_answer_breaks_and_a_body_that_was_not_kept_is_none():
    assert answered(exchange(status=0, error="timeout")).broken
    assert answered(exchange(answer=Body(None))) is None


def test_an_unsized_answer_stays_one():
    assert answered(KINDS["events"].exchange).sized is False
    assert answered(exchange(answer=body_of(b"x"))).sized is True


@given(kept)
def test_any_exchange_has_an_answer_that_protocols_take(found):
    if found.exchange.request is None:
        return
    entry = Entry(1, found.exchange, found.exchange.request, found.manifest)
    made = answer.recorded(entry, found.exchange.request)
    for name, value in (*made.fields, *made.trailers) if made is not None else ():
        assert name
        assert name.isascii()
        assert value == value.strip()
        assert not set(value) & {*range(32), 127}


def test_a_miss_says_what_is_nearest_and_what_differs():
    request = exchange("https://api.example/a?token=secret").request
    found = answer.missed(Miss("nothing was recorded"), request)
    assert (found.status, dict(found.fields)[b"x-outgate-replay"]) == (599, b"miss")
    told = json.loads(found.content)["outgate"]
    assert told == {
        "replay": "miss",
        "why": "nothing was recorded",
        "asked": "GET https://api.example/a",
        "difference": [],
    }
