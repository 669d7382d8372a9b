"""What passed becomes the neutral exchange, and what is not whole is not there."""

import pytest

from outgate.capture.wire import exchange_of, packed, unpacked
from outgate.policy.model import Identity
from outgate.proxy import passed
from outgate.proxy.passed import Passed, media_types
from outgate.proxy.taps import Room, Tap
from outgate.redact.exchange import Body
from outgate.telemetry.event import Event

SSE = ((b"Content-Type", b"Text/Event-Stream; charset=utf-8"),)


def event(**facts):
    made = Event("http", 1000.0, 2.0, "allow", "registered", "", Identity("prod", "web", address="10.0.0.9"))
    for name, value in {"method": "GET", "path": "/", "status": 200, "request_end": 0.5, **facts}.items():
        setattr(made, name, value)
    return made


def tapped(request=b"", response=b"", ended=True):
    tap = Tap(1000.0, 0.5, 1000, Room(10_000))
    for half, content in ((tap.request, request), (tap.response, response)):
        if content:
            half.take(content)
    tap.response.ended = ended
    return tap


def arrived(plain):
    """The exchange, on the other side."""
    return exchange_of(unpacked(memoryview(packed("/c", plain)))[1])


def exchanged(over):
    return arrived(passed.exchanged(over))


def body(tap, most=1000, **facts):
    return exchanged(Passed(event(**facts), tap, most)).response.body


def test_nobody_is_told_by_an_address():
    assert exchanged(Passed(event(), tapped(), 10)).caller == "prod/web"
    unknown = event(caller=Identity(address="10.0.0.9"))
    assert exchanged(Passed(unknown, tapped(), 10)).caller == ""
    assert "10.0.0.9" not in repr(exchanged(Passed(event(), tapped(), 10)))


def test_without_an_answer_there_is_no_response():
    assert exchanged(Passed(event(status=0), tapped(), 10)).response is None


def test_the_capture_that_takes_it_may_want_less_than_was_taken_down():
    made = body(tapped(response=b"abcdef"), most=5)
    assert (made.content, made.size, made.missing) == (None, 6, "too_large")


@pytest.mark.parametrize(
    ("content", "fields", "kept"),
    [
        (b"data: a\n\ndata: b", SSE, b"data: a\n\n"),
        (b"data: a\r\n\r\ndata: b\r\n\r\nid: 1\r\n", SSE, b"data: a\r\n\r\ndata: b\r\n\r\n"),
        (b"data: a\r\rda", SSE, b"data: a\r\r"),
        (b"data: a\n", SSE, b""),
        (b"data: a\n\ndata: b", (*SSE, (b"content-encoding", b"gzip")), None),
        (b'{"a": 1}\n\n', ((b"content-type", b"application/json"),), None),
        (b"", (), None),
    ],
)
def test_of_what_breaks_off_only_whole_events_stay(content, fields, kept):
    made = body(tapped(response=content, ended=False), response_fields=fields, failure="gone")
    assert made.content == kept
    assert made.missing == ("" if kept is not None else "broken_off")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (((b"content-length", b"5"),), Body(None, decoded=True, missing="broken_off")),
        (((b"transfer-encoding", b"chunked"),), Body(None, decoded=True, missing="broken_off")),
        (((b"Content-Length", b"0"),), Body(decoded=True)),
        ((), Body(decoded=True)),
    ],
)
def test_a_request_body_that_nobody_read(fields, expected):
    found = exchanged(Passed(event(request_end=None, request_fields=fields), tapped(), 1000))
    assert found.request.body == expected


@pytest.mark.parametrize(
    ("fields", "decoded"),
    [
        ((), True),
        (((b"Content-Encoding", b"gzip"),), False),
        (((b"content-encoding", b""), (b"content-encoding", b"gzip")), False),
    ],
)
def test_a_body_has_no_codings_where_no_field_names_any(fields, decoded):
    assert body(tapped(response=b"a"), response_fields=fields).decoded is decoded


def test_media_types_are_those_of_both_bodies():
    both = event(request_fields=((b"CONTENT-TYPE", b"application/JSON"),), response_fields=SSE)
    assert media_types(both) == {"application/json", "text/event-stream"}
    assert media_types(event()) == frozenset()


def test_messages_that_are_not_all_there_are_told_of():
    tap = tapped()
    tap.cut = True
    made = body(tap, status=101, received=7)
    assert (made.content, made.size, made.missing) == (None, 7, "too_large")


def test_of_bytes_there_is_where_and_how_many():
    over = event(port=7000, sent=1, received=2, sni="a.example", address="192.0.2.1", error_type="idle_timeout")
    found = arrived(passed.relayed(over))
    told = found.relayed
    assert (told.host, told.port, told.sent, told.received, told.sni) == ("192.0.2.1", 7000, 1, 2, "a.example")
    assert (found.request, found.response, found.error) == (None, None, "idle_timeout")
