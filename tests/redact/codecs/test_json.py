"""JSON: what parsers read is found, and one value is changed alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.json import end_of, read
from outgate.redact.leaf import Kind, Unreadable
from rewriting import NEW, found_in, is_linear, leaf, named, replaced, same_again, texts

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
BODIES = st.tuples(VALUES, st.booleans(), st.sampled_from([None, 1])).map(
    lambda given: json.dumps(given[0], ensure_ascii=given[1], indent=given[2]).encode()
)


def at(document, path):
    for step in path:
        document = document[step]
    return document


def values(body):
    return [each for each in found_in(read, body) if each.kind is not Kind.KEY]


@given(BODIES)
def test_every_value_is_found_where_a_parser_finds_it(body):
    document = json.loads(body)
    for each in values(body):
        value = at(document, each.path)
        assert json.loads(body[each.start : each.end]) == value
        assert each.text == (value if each.kind is Kind.STRING else body[each.start : each.end].decode())
    same_again(read, body)


def count(document):
    if isinstance(document, dict | list):
        return sum(map(count, document.values() if isinstance(document, dict) else document))
    return 1


@given(BODIES)
def test_no_value_is_left_out(body):
    assert len(values(body)) == count(json.loads(body))


@given(BODIES, st.data(), TEXT)
def test_one_value_is_changed_and_no_other(body, data, new):
    leaves = values(body)
    if not leaves:
        return
    chosen = data.draw(st.sampled_from(leaves))
    document = json.loads(body)
    made = json.loads(replaced(body, chosen, new))
    if chosen.path:
        at(document, chosen.path[:-1])[chosen.path[-1]] = at(made, chosen.path)
        assert made == document
    value = at(made, chosen.path)
    assert value == new or (chosen.kind is not Kind.STRING and json.loads(new) == value)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"a": "b"}', [("a", "b")]),
        ('{"a": [1, {"b": null}, true]}', [("a", "1"), ("b", "null"), ("a", "true")]),
        ('{"a": 1, "a": 2}', [("a", "1"), ("a", "2")]),
        ("[123456789012345678901234567890, 1e400, -0, 1.10, 1E5]", None),
        ('{"a": NaN, "b": -Infinity}', [("a", "NaN"), ("b", "-Infinity")]),
        ('\ufeff{"a": "b"}', [("a", "b")]),
        ('["\\u00e9\\ud83d\\ude00\\ud800 \\/\\n"]', [("", "é\U0001f600\ud800 /\n")]),
        ('{"a": "x\ty"}', [("a", "x\ty")]),
        ('{"a": "b",}', [("a", "b")]),
        ('{"\\u0061": "b"}', [("a", "b")]),
        (' "alone" ', [("", "alone")]),
        ("1", [("", "1")]),
        ("{}", []),
        ("[[], {}]", []),
    ],
)
def test_what_parsers_take_is_taken(body, found):
    assert found is None or named(read, body.encode()) == found
    assert texts(read, body.encode()) is not None


def test_bytes_that_are_no_utf8_come_back_as_they_were():
    body = b'{"a": "x\xff", "b": "y"}'
    assert leaf(read, replaced(body, leaf(read, body, "y"), "z"), "z").path == ("b",)
    assert replaced(body, leaf(read, body, "y"), "z").startswith(b'{"a": "x\xff"')


@pytest.mark.parametrize(
    "body",
    ["", " ", "{", '{"a"}', '{"a":}', '{"a": [}', "[1", "[1]]", "01", "[01]", "[tru]", "[1] x", '{"a": 1 2: 3}', '["\\q"]',
     '["\\u12"]', '["a', "{'a': 1}", "[,", "nul", "<a/>", "[1}", '{"a": 1]'],
)  # fmt: skip
def test_what_is_no_json_is_unreadable(body):
    with pytest.raises(Unreadable):
        list(read(body.encode()))


def test_a_number_stays_one_where_it_is_written_as_one():
    body = b'{"card": 4111111111111111}'
    found = leaf(read, body, "4111111111111111")
    assert found.kind is Kind.NUMBER
    assert replaced(body, found, "4000000000000002") == b'{"card": 4000000000000002}'
    assert json.loads(replaced(body, found, "tok_1")) == {"card": "tok_1"}


def test_keys_that_are_no_words_are_found_too():
    body = b'{"user": {"jane@example.com": {"card_number2": 1}}, "+15550100": "x"}'
    keys = [each.text for each in found_in(read, body) if each.kind is Kind.KEY]
    assert keys == ["jane@example.com", "+15550100"]
    made = replaced(body, next(each for each in found_in(read, body) if each.kind is Kind.KEY), NEW)
    assert json.loads(made)["user"] == {NEW: {"card_number2": 1}}


def test_what_lies_too_deep_is_unreadable():
    assert texts(read, b"[" * 100 + b"1" + b"]" * 100) == ["1"]
    with pytest.raises(Unreadable):
        list(read(b"[" * 102 + b"1" + b"]" * 102))


def test_the_end_of_a_value_in_something_else_is_known():
    assert end_of('x = {"a": "}"}; y', 4, 17) == 14
    with pytest.raises(Unreadable):
        end_of('x = {"a": "}"', 4, 13)


@pytest.mark.parametrize(
    "piece", [b"[", b'{"a":', b'"', b'\\"', b'["a",', b"1,", b'"a" ', b"\\", b'"a\\', b" ", b"9", b"\xff", b'{"":']
)
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece, b"[")
    assert is_linear(read, piece, b'["')
