"""DNS messages: what is read of a query, what an answer holds, and that no bytes break the reading."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.naming import message
from outgate.naming.message import Malformed, NotAQuery, Outcome


def query(name="api.example.test", kind=1, family=1, flags=0x0100, questions=1, tail=b""):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label)
    return struct.pack("!6H", 7, flags, questions, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, family) + tail


def test_a_question_is_read_as_it_was_sent():
    asked = message.question(query("Api.Example.TEST", kind=28))
    assert (asked.name, asked.kind, asked.family) == ("Api.Example.TEST", 28, 1)


def test_what_follows_the_question_is_not_copied_into_the_answer():
    sent = query(tail=b"\0\0\x29\x10\0\0\0\0\0\0\0")
    reply = message.answer(sent, message.question(sent), Outcome.ANSWERED, [ip_address("198.18.1.0")], 30)
    number, flags, questions, answers, authority, further = struct.unpack_from("!6H", reply)
    assert (number, questions, answers, authority, further) == (7, 1, 1, 0, 0)
    assert flags == 0x8180
    assert reply[-4:] == ip_address("198.18.1.0").packed
    assert reply[12:].startswith(sent[12 : len(sent) - 11])


@pytest.mark.parametrize("address", ["198.18.1.0", "2001:2::1:0"])
def test_an_answer_is_read_by_another_parser(address):
    """The record points at the question's name and has the type of its address."""
    sent = query()
    reply = message.answer(sent, message.question(sent), Outcome.ANSWERED, [ip_address(address)], 30)
    record = reply[len(sent) :]
    pointer, kind, family, ttl, size = struct.unpack_from("!HHHIH", record)
    assert (pointer, family, ttl) == (0xC00C, 1, 30)
    assert (kind, size) == ((1, 4) if "." in address else (28, 16))
    assert record[12:] == ip_address(address).packed


@pytest.mark.parametrize(
    "sent",
    [
        query(questions=2),
        query(questions=0),
        query()[:-1],
        query()[:20],
        struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\x01\0\x01",
        struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\x03a.b\0\0\x01\0\x01",
        query(".".join(["a" * 60] * 5)),
    ],
)
def test_a_query_that_is_none_is_malformed(sent):
    with pytest.raises(Malformed):
        message.question(sent)


@pytest.mark.parametrize("sent", [b"", b"short", query(flags=0x8100)])
def test_no_answer_is_given_to_an_answer_or_to_a_scrap(sent):
    with pytest.raises(NotAQuery):
        message.question(sent)


def test_an_answer_that_does_not_fit_a_datagram_says_so():
    sent = query()
    many = [ip_address(f"2001:2::{last:x}") for last in range(40)]
    reply = message.answer(sent, message.question(sent), Outcome.ANSWERED, many, 30)
    cut = message.fitted(reply)
    assert len(reply) > 512
    assert len(cut) == len(sent)
    assert struct.unpack_from("!6H", cut)[1] & 0x0200
    assert struct.unpack_from("!6H", cut)[3] == 0


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(sent):
    try:
        asked = message.question(sent)
    except (Malformed, NotAQuery):
        return
    assert asked.raw in sent
    assert asked.name.isascii()
