"""protobuf without a schema: what a message of a known type holds is found, and one value is changed alone."""

import struct

import pytest
from google.protobuf import descriptor_pb2, struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from outgate.redact.codecs import protobuf
from outgate.redact.codecs.protobuf import holds_texts, read
from outgate.redact.codecs.wire import varint
from outgate.redact.leaf import Kind, Leaf, Part, Unreadable
from rewriting import found_in, is_linear, leaf, named, parts, replaced, same_again, texts

WORDS = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=40)


def leaves(body, path=()):
    """All leaves, those of messages in it too."""
    for each in found_in(read, body):
        if isinstance(each, Part):
            yield from leaves(each.body, (*path, *each.path)) if each.media_type == protobuf.MESSAGE else ()
        else:
            yield (*path, *each.path), each.text


SPAN = Span(
    trace_id=bytes(range(128, 144)), name="GET /users/jane", start_time_unix_nano=5, flags=3, kind=2,
    status={"message": "jane@example.com"},
    attributes=[{"key": "card", "value": {"string_value": "4111 1111"}}, {"key": "é", "value": {"int_value": -7}}],
)  # fmt: skip


def test_texts_and_numbers_of_a_span_are_found_by_their_fields():
    found = list(leaves(SPAN.SerializeToString()))
    for path, text in [
        ((5,), "GET /users/jane"), ((6,), "2"), ((9, 1), "card"), ((9, 2, 1), "4111 1111"), ((9, 1), "é"),
        ((9, 2, 3), str(2**64 - 7)), ((15, 2), "jane@example.com"),
    ]:  # fmt: skip
        assert (path, text) in found
    same_again(read, SPAN.SerializeToString())


def test_bytes_are_parts_of_their_own():
    (part,) = [part for part in parts(read, SPAN.SerializeToString()) if part.path == (1,)]
    assert (part.media_type, part.body) == (protobuf.BYTES, bytes(range(128, 144)))


@given(WORDS, WORDS, st.integers(0, 2**31 - 1))
def test_one_text_is_changed_and_no_other(name, new, number):
    before = descriptor_pb2.FieldDescriptorProto(name=name, number=number, type_name="x" * 200)
    body = before.SerializeToString()
    same_again(read, body)
    (found,) = [each for each in found_in(read, body) if each.path == (1,)]
    made = descriptor_pb2.FieldDescriptorProto.FromString(
        replaced(body, found, new if isinstance(found, Leaf) else new.encode())
    )
    before.name = new
    assert made == before


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_number_is_written_as_one(number):
    body = struct_pb2.Value(null_value=0).SerializeToString()
    assert body == b"\x08\0"
    made = replaced(body, leaf(read, body, "0"), str(number))
    assert leaf(read, made, str(number % 2**64)).kind is Kind.NUMBER
    assert replaced(made, leaf(read, made, str(number % 2**64)), "tok_1") == body


def test_a_float_is_written_as_one():
    body = struct_pb2.Value(number_value=40.7128).SerializeToString()
    assert struct_pb2.Value.FromString(replaced(body, leaf(read, body, "40.7128"), "1.5")).number_value == 1.5
    for new in ("x", "1e999999"):
        assert struct_pb2.Value.FromString(replaced(body, leaf(read, body, "40.7128"), new)).number_value in (
            0,
            float("inf"),
        )
    assert texts(read, b"\x0d" + struct.pack("<f", 0.5)) == ["0.5"]
    assert replaced(b"\x0d" + struct.pack("<f", 0.5), leaf(read, b"\x0d\0\0\0\x3f", "0.5"), "1e300")[1:] == bytes(4)


@pytest.mark.parametrize("text", ["8080", "(A", "a", "J4", "8p8p", '"', "hello \u00e9\n", '" ' + "x" * 31])
def test_what_can_be_read_is_text_though_it_could_be_a_message(text):
    body = b"\x0a" + varint(len(text.encode())) + text.encode()
    assert texts(read, body) == [text]


def test_a_message_that_can_be_read_is_one_where_its_lengths_are_right():
    inner = b'" ' + b"x" * 32
    assert holds_texts(inner)
    assert [part.body for part in parts(read, b"\x0a" + varint(len(inner)) + inner)] == [inner]


def test_groups_have_their_numbers_in_the_path():
    assert [(each.path, each.text) for each in found_in(read, b"\x0b\x12\x01a\x0c\x18\x01")] == [
        ((1, 2), "a"),
        ((3,), "1"),
    ]


@pytest.mark.parametrize(
    "body",
    [b"\0\1", b"\x08", b"\x08\x80", b"\x0a\x05a", b"\x0f", b"\x0b", b"\x0c", b"\x0b\x14", b"\x09\1", b"\xff" * 12,
     b"\x08" + b"\x80" * 10, b"\x0b" * 101 + b"\x0c" * 101],
)  # fmt: skip
def test_what_is_no_message_is_unreadable(body):
    with pytest.raises(Unreadable):
        named(read, body)


@pytest.mark.parametrize("piece", [b"\x0a\0", b"\x0b", b"\x08\1", b"\x80", b"\x0a", b"\x0b\x0c", b"\xff"])
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece)
    assert is_linear(read, piece, b"\x0a\xff\xff\x07")
