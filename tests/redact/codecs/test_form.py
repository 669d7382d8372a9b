"""Forms and queries: what `parse_qsl` reads is found, and one value is changed alone."""

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.form import read
from outgate.redact.leaf import Kind
from rewriting import NEW, found_in, is_linear, named, replaced, same_again, texts

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5), st.data(), TEXT)
def test_one_value_is_changed_and_no_other(pairs, data, new):
    body = urlencode(pairs).encode()
    same_again(read, body)
    found = [each for each in found_in(read, body) if each.kind is not Kind.KEY]
    assert [(each.name, each.text) for each in found] == pairs
    if pairs:
        chosen = data.draw(st.integers(0, len(pairs) - 1))
        made = parse_qsl(replaced(body, found[chosen], new).decode(), keep_blank_values=True)
        assert made == [*pairs[:chosen], (pairs[chosen][0], new), *pairs[chosen + 1 :]]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"a=b&c=d", [("a", "b"), ("c", "d")]),
        (b"a+b=c%20d+e", [("a b", "c d e")]),
        (b"user[card]=4111", [("user[card]", "4111")]),
        (b"a=b=c&&=d&e", [("a", "b=c"), ("", "d"), ("", "e")]),
        (b"sk_live_1", [("", "sk_live_1")]),
        (b"a=100%&b=%zz", [("a", "100%"), ("b", "%zz")]),
        (b"", []),
    ],
)
def test_names_and_values_are_found(body, found):
    assert named(read, body) == found


def test_a_name_that_is_no_word_is_found_too():
    body = b"jane%40example.com=1"
    assert texts(read, body) == ["jane@example.com", "1"]
    assert parse_qsl(replaced(body, found_in(read, body)[0], NEW).decode()) == [(NEW, "1")]


def test_bytes_that_are_no_utf8_come_back_as_they_were():
    assert texts(read, b"a=%FF%41") == ["\udcffA"]
    assert replaced(b"a=%ff", found_in(read, b"a=%ff")[0], "\udcff") == b"a=%FF"


@pytest.mark.parametrize(
    ("body", "new", "expected"),
    [
        (b"a=b:c@(d)", "b:new@(d)", b"a=b:new@(d)"),
        (b"a=b%3Ac:d", "b:new", b"a=b%3Anew"),
        (b"a=b%20c", "b new", b"a=b%20new"),
        (b"a=b+c%20d", "b new", b"a=b+new"),
        (b"a=b=c", "b=&+%", b"a=b=%26%2B%25"),
        (b"a/b", "a/\xe4=", b"a/%C3%A4%3D"),
    ],
)
def test_signs_are_written_as_they_were(body, new, expected):
    assert replaced(body, found_in(read, body)[-1], new) == expected


@pytest.mark.parametrize("piece", [b"&", b"=", b"a=", b"%", b"%41", b"+", b"a&"])
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece)
