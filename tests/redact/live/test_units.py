"""Where pieces end, however their bytes come."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.redact.live.units import is_call, is_endless, units_of
from outgate.redact.live.verdict import Refused, Why

FRAMES = [b"\0\0\0\0\2ab", b"\1\0\0\0\0", b"\2\0\0\0\3xyz"]
EVENTS = [b"data: a\n\n", b": note\r\n\r\n", b"data: b\rdata: c\r\r", b"\n\n"]
LINES = [b'{"a": 1}\n', b"\n", b'{"b": 2}\n']


@settings(max_examples=40, deadline=None)
@given(st.data())
@pytest.mark.parametrize(
    ("kind", "pieces"),
    [("application/grpc+proto", FRAMES), ("text/event-stream", EVENTS), ("application/x-ndjson; charset=utf-8", LINES)],
)
def test_all_bytes_come_out_in_order_and_whole(kind, pieces, data):
    body, made, at = b"".join(pieces), [], 0
    units = units_of(kind, 100)
    while at < len(body):
        size = data.draw(st.integers(1, 9))
        made += units.feed(body[at : at + size])
        at += size
    left = units.finish()
    assert b"".join(made) + left == body
    assert left in (b"", b"\n")
    assert all(piece.endswith((b"\n", b"\r")) for piece in made) or made == pieces


def test_pieces_that_come_at_once_are_taken_together_up_to_a_bound():
    units = units_of("application/x-ndjson", 1_000_000)
    line = b"[" + b" " * 9998 + b"]\n"
    assert [len(piece) for piece in units.feed(line * 7)] == [30_003, 30_003, 10_001]
    assert list(units_of("application/grpc", 100).feed(b"".join(FRAMES))) == FRAMES


def test_the_last_piece_may_have_no_end():
    units = units_of("text/event-stream", 100)
    assert [*units.feed(b"data: a\n\ndata: b")] == [b"data: a\n\n"]
    assert units.finish() == b"data: b"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/grpc", b"\0\0\0\0\x0b"),
        ("text/event-stream", b"data: 12345"),
        ("application/x-ndjson", b"12345678901\n"),
    ],
)
def test_no_piece_is_longer_than_what_is_held_back(kind, body):
    with pytest.raises(Refused) as refused:
        list(units_of(kind, 10).feed(body))
    assert refused.value.why is Why.TOO_LARGE


def test_a_message_that_is_not_whole():
    units = units_of("application/grpc", 10)
    assert list(units.feed(b"\0\0\0\0\2a")) == []
    with pytest.raises(Refused):
        units.finish()


@pytest.mark.parametrize(
    ("kind", "endless", "call"),
    [
        ("application/grpc", True, True),
        ("application/grpc-web+proto", True, True),
        ("application/connect+json", True, True),
        ("text/event-stream; charset=utf-8", True, False),
        ("application/x-ndjson", True, False),
        ("application/grpc-web-text", False, False),
        ("application/json-seq", False, False),
        ("text/event-stream; charset=utf-16", False, False),
        ("application/json", False, False),
        ("", False, False),
    ],
)
def test_what_is_looked_at_as_it_comes(kind, endless, call):
    assert (is_endless(kind), is_call(kind)) == (endless, call)
