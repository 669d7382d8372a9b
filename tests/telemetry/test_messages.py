"""Messages of gRPC are counted, however their bytes come."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.telemetry.messages import Messages, messages_of

BODIES = st.lists(st.binary(max_size=40) | st.sampled_from([b"", b"\0" * 300, b"\0\0\0\0\1x"]), max_size=12)


def framed(messages, compressed=False):
    return b"".join(struct.pack(">BI", compressed, len(message)) + message for message in messages)


def counted(*pieces):
    counter = Messages()
    for piece in pieces:
        counter.feed(piece)
    return counter.count


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


@given(BODIES, st.lists(st.integers(0, 10_000), max_size=20), st.booleans())
def test_it_does_not_matter_where_they_are_cut(messages, places, compressed):
    assert counted(*cut(framed(messages, compressed), places)) == len(messages)


@given(BODIES)
def test_they_may_come_byte_by_byte(messages):
    assert counted(*(bytes([byte]) for byte in framed(messages))) == len(messages)


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_bytes_that_are_no_messages_count_the_same_in_any_pieces(pieces):
    assert counted(*pieces) == counted(b"".join(pieces))


def test_one_counts_as_soon_as_its_length_has_come():
    counter = Messages()
    counter.feed(b"\0\0\0\0")
    assert counter.count == 0
    counter.feed(b"\x05")
    assert counter.count == 1
    counter.feed(b"hello\0\0\0")
    assert counter.count == 1


def test_nothing_of_a_message_is_kept():
    counter = Messages()
    counter.feed(framed([b"x" * 1_000_000])[:-1])
    assert counter._begun == b""


@pytest.mark.parametrize(
    "content_type", ["application/grpc", "application/grpc+proto", "Application/gRPC; charset=x", " application/grpc "]
)
def test_grpc_is_counted(content_type):
    assert messages_of(content_type) is not None


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/grpc-web", "application/grpc-web-text+proto", "text/grpc"]
)
def test_nothing_else_is(content_type):
    assert messages_of(content_type) is None
