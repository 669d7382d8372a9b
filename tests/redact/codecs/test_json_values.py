"""JSON as what it says: the same names and texts as where it is cut, and nothing of which there is more to see."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.json_cut import NUMBER, Cut, Wanted
from outgate.redact.codecs.json_values import Values

MOST = 1000
TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\') | st.sampled_from(",:[{}]"), max_size=8
)
NUMBERS = st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
NAMES = st.sampled_from(["a", "b", "c"]) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
BODIES = st.tuples(
    st.lists(VALUES, max_size=4) | st.dictionaries(NAMES, VALUES, max_size=4), st.sampled_from([None, 1])
).map(lambda given: json.dumps(given[0], ensure_ascii=False, indent=given[1]).encode())


def values(body):
    return Values.of(body, MOST)


@given(BODIES)
def test_what_it_says_is_what_the_cut_sees(body):
    told, cut = values(body), Cut.of(body, MOST)
    if told is None:
        assert re.search(rb"[0-9]{8}|e\+", body)
        return
    assert told.keys == cut.keys
    assert {*told.strings, *told.keys} == set(cut.strings)
    assert not re.search(r"(?<![.0-9eE+])[0-9]{8}", cut.between)


@given(BODIES)
def test_texts_beside_keys_are_told_and_what_else_may_matter_is_wanted(body):
    told, cut = values(body), Cut.of(body, MOST)
    if told is None:
        return
    wanted, needed = Wanted(), Wanted()
    keys = ["a", "b", "absent"]
    assert sorted(told.texts(keys, wanted)) == sorted(cut.texts(keys, needed))
    assert wanted.keys >= needed.keys
    under = re.compile(rf"\s*:\s*-?{NUMBER.pattern}")  # in a gap, other numbers may stand behind that one
    assert bool(wanted.keys) or not any(map(under.match, needed.gaps))


@given(BODIES, st.data())
def test_what_is_wanted_is_found_where_it_is(body, data):
    told, cut = values(body), Cut.of(body, MOST)
    if told is None or not told.strings:
        return
    wanted = Wanted({data.draw(st.sampled_from(told.strings))})
    assert list(told.leaves(wanted)) == list(cut.leaves(wanted)) != []
    assert list(told.leaves(Wanted())) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1",
        b'"alone"',
        b"[1,]",
        b'{"a": "b"} x',
        b'{"a": "\xff"}',
        b'["a\\nb"]',
        b'["a\\"b"]',
        b'{"a": "b", "a": "c"}',
        b'{"a": "b", "a": 1}',
        b'{"a": {"b": 1}, "a": 1}',
        b"[12345678]",
        b"[-12345678]",
        b"[12345678.5]",
        b"[1e7]",
        b"[123456789012345678901234567890]",
        b"[" * 101 + b"]" * 101,
        b"[" + b"1," * MOST + b"1]",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_of_what_there_is_more_to_see_nothing_is_told(body):
    assert values(body) is None


def test_what_lies_as_deep_as_it_may_is_told():
    assert values(b"[" * 100 + b"]" * 100) is not None
    assert values(b'{"a": 1234567.5, "b": -1234567}') is not None
