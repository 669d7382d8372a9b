"""The wire format of protobuf: numbers and where fields lie."""

from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.wire import Wire, fields, varint, with_length


@given(st.integers(0, 2**64 - 1))
def test_a_number_is_written_as_it_is_read(number):
    (field,) = fields(b"\x08" + varint(number))
    assert (field.path, field.wire, field.value) == ((1,), Wire.VARINT, number)


@given(st.binary(max_size=300))
def test_what_has_a_length_is_found_behind_it(content):
    body = b"\x12" + with_length(content)
    (field,) = fields(body)
    assert body[field.content : field.end] == content
    assert (field.start, field.end) == (1, len(body))
