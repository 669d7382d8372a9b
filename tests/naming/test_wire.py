"""DNS messages: what is read of them, and what is sent back."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naming.questions import AAAA, FORMERR, NOTIMP, A, question, told
from outgate.naming.wire import Answered, MalformedQuery, read, written

LABELS = st.text("abcXYZ09-_", min_size=1, max_size=63)
BOTH = [ip_address("240.1.2.3"), ip_address("2001:2::1")]


@given(st.lists(LABELS, min_size=1, max_size=3), st.integers(0, 65535))
def test_a_question_is_read_as_it_was_asked(labels, number):
    query = read(question(".".join(labels), number=number))
    assert (query.name, query.kind, query.number, query.fault) == (".".join(labels), A, number, Answered.FINE)


def test_what_follows_a_question_is_not_looked_at():
    options = b"\0\0\x29\x10\0\0\0\0\0\0\0"
    assert read(question("api.example") + options).name == "api.example"


@pytest.mark.parametrize(("kind", "expected"), [(A, ["240.1.2.3"]), (AAAA, ["2001:2::1"]), (16, [])])
def test_an_answer_has_the_addresses_of_the_type_that_was_asked_for(kind, expected):
    asked = question("Api.Example", kind)
    assert told(written(read(asked), Answered.FINE, BOTH, 60), asked) == (0, expected)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (question("api.example", flags=0x0900), NOTIMP),
        (question("api.example", group=3), NOTIMP),
        (question("api.example", count=2), FORMERR),
        (question("api.example", count=0), FORMERR),
        (question("api.example")[:-3], FORMERR),
        (question("")[:12], FORMERR),
        (question("x" * 63)[:12] + bytes([0xC0, 0x0C]) + b"\0\1\0\1", FORMERR),
        (question("a" * 64), FORMERR),
        (question(".".join(["a" * 63] * 5)), FORMERR),
        (question("api\xff.example".encode("latin-1").decode("latin-1")), FORMERR),
    ],
)
def test_what_cannot_be_answered_is_told_so(message, code):
    query = read(message)
    answer = written(query, query.fault)
    assert answer[3] & 0xF == code


@pytest.mark.parametrize("message", [b"", b"\0" * 11, question("api.example", flags=0x8180)])
def test_what_is_no_question_is_not_answered(message):
    with pytest.raises(MalformedQuery):
        read(message)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_question_a_fault_or_nothing(message):
    try:
        query = read(message)
    except MalformedQuery:
        return
    assert len(written(query, query.fault, BOTH, 1)) >= 12
