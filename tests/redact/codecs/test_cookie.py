"""Cookies: each value by its name."""

from http.cookies import SimpleCookie

import pytest

from outgate.redact.codecs.cookie import read, read_set
from rewriting import NEW, is_linear, leaf, named, replaced, same_again


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"a=b; sid=s3cret", [("a", "b"), ("sid", "s3cret")]),
        (b'a="b c";b=x=y', [("a", "b c"), ("b", "x=y")]),
        (b"  a = b ; c", [("a", "b"), ("", "c")]),
        (b'prefs={"a": 1}; x=', [("prefs", '{"a": 1}')]),
        (b";;=x", [("", "x")]),
        (b"", []),
    ],
)
def test_values_are_found_by_name(value, found):
    assert named(read, value) == found
    same_again(read, value)


def test_one_value_is_changed_and_no_other():
    value = b'a=b; sid="s3cret"; c=d'
    made = SimpleCookie(replaced(value, leaf(read, value, "s3cret"), "x-1").decode())
    assert {name: morsel.value for name, morsel in made.items()} == {"a": "b", "sid": "x-1", "c": "d"}
    made = replaced(value, leaf(read, value, "b"), f" {NEW};\r\n")
    assert [name for name, _ in named(read, made)] == ["a", "sid", "c"]
    assert b"\r" not in made


def test_attributes_of_a_cookie_are_no_values():
    value = b"sid=s3cret; Path=/; HttpOnly; Domain=a.example"
    assert named(read_set, value) == [("sid", "s3cret")]
    assert replaced(value, leaf(read_set, value, "s3cret"), "x") == b"sid=x; Path=/; HttpOnly; Domain=a.example"


def test_an_attribute_that_is_no_word_is_a_value():
    value = b"sid=x; Path=/u/jane@a.example; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Domain=x.a.example"
    assert named(read_set, value) == [("sid", "x"), ("Path", "/u/jane@a.example")]


@pytest.mark.parametrize("piece", [b";", b"=", b" ", b"a", b'"', b"a=b;"])
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece)
