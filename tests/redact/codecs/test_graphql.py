"""GraphQL: what is written into a document, by its argument."""

import pytest

from outgate.redact.codecs.graphql import read
from outgate.redact.leaf import Kind, Unreadable
from rewriting import NEW, is_linear, leaf, named, replaced, same_again, texts

BODY = b'''# for Jane
mutation Pay($id: ID = "x") {
  pay(card: "4111\\u00e9 \\u{1F600}", amount: -12.5, to: {name: """a "b" \\""" c""", b: true}) @skip(if: $x) { id ...F }
}
'''


def test_literals_have_the_names_of_their_arguments():
    assert named(read, BODY) == [
        ("", " for Jane"), ("id", "x"), ("card", "4111é \U0001f600"), ("amount", "-12.5"), ("name", 'a "b" """ c'),
    ]  # fmt: skip
    assert leaf(read, BODY, "-12.5").kind is Kind.NUMBER
    same_again(read, BODY)


@pytest.mark.parametrize("new", [NEW, '"""', "a\nb", "\ud800", "\\"])
@pytest.mark.parametrize("old", ["x", "4111é \U0001f600", 'a "b" """ c'])
def test_one_literal_is_changed_and_no_other(old, new):
    before = texts(read, BODY)
    after = texts(read, replaced(BODY, leaf(read, BODY, old), new))
    assert after == [new if text == old else text for text in before]


def test_a_number_stays_one_where_it_is_written_as_one():
    assert b"amount: 7," in replaced(BODY, leaf(read, BODY, "-12.5"), "7")
    assert b'amount: "x",' in replaced(BODY, leaf(read, BODY, "-12.5"), "x")


@pytest.mark.parametrize(
    "body", ["", 'query { a(b: "c) }', "type A { b: C }", "{ a } ;", '{ a(b: "\\q") }', '{ a(b: "\\u{FFFFFF}") }', "a"]
)
def test_what_is_no_operation_is_unreadable(body):
    with pytest.raises(Unreadable):
        texts(read, body.encode())


@pytest.mark.parametrize("piece", [b'"', b'"""', b"#", b"a", b"a:", b"\\", b'\\"""', b"1", b" ", b"{"])
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece, b"{")
    assert is_linear(read, piece, b'{"""')
