"""JSON that is cut: the same values in the same places as where it is read one by one, and nothing that is no JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.json import read
from outgate.redact.codecs.json_cut import Cut, Wanted, said
from outgate.redact.codecs.names import telling
from outgate.redact.leaf import Kind

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\n,:[{}]'), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
DOCUMENTS = st.lists(VALUES, max_size=4) | st.dictionaries(TEXT, VALUES, max_size=4)
BODIES = st.tuples(DOCUMENTS, st.booleans(), st.sampled_from([None, 1])).map(
    lambda given: json.dumps(given[0], ensure_ascii=given[1], indent=given[2]).encode()
)
MOST = 1000
TAKEN = (Kind.STRING, Kind.NUMBER)


def cut(body):
    return Cut.of(body, MOST)


def everything(made):
    return Wanted(set(made.strings), set(made.gaps), set(made.keys), {key for key in made.keys if telling(said(key))})


@given(BODIES)
def test_everything_is_found_where_it_is_found_one_by_one(body):
    made = cut(body)
    if made is None:  # a key with a quotation mark in it
        assert b'\\"' in body or b"\\\\" in body
        return
    values = [each for each in read(body) if each.kind in (Kind.STRING, Kind.NUMBER, Kind.KEY)]
    assert list(made.leaves(everything(made))) == values
    assert list(made.leaves(Wanted(set(made.strings), set(made.gaps)))) == [
        each for each in values if each.kind is not Kind.KEY
    ]
    assert list(made.leaves(Wanted())) == []


@given(BODIES, st.data())
def test_what_is_wanted_alone_is_found(body, data):
    made = cut(body)
    if made is None or not made.keys:
        return
    key = data.draw(st.sampled_from(sorted(made.keys)))
    name = said(key)
    found, values = list(made.leaves(Wanted(keys={key}))), [each for each in read(body) if each.kind in TAKEN]
    assert found == [each for each in values if each in found]
    wanted = [each for each in values if name in each.path]
    assert [each for each in found if each in wanted] == wanted
    assert all(each.kind is Kind.NUMBER for each in found if each not in wanted), "these may stand in the same gap"


def test_each_text_under_a_key_is_told_and_what_else_may_matter_is_wanted():
    body = b'{"a": "b", "c": [{"a": 12}, {"a" : 123456789}, {"d" : ["x"]}, {"q": "a"}], "a": null}'
    wanted = Wanted()
    assert list(cut(body).texts(["a", "d"], wanted)) == [("a", "b")]
    assert wanted == Wanted(keys={"d"}, gaps={" : 123456789}, {"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1",
        b'"alone"',
        b"[1,]",
        b"[NaN]",
        b'{"a": "b"',
        b'{"a": "b"} x',
        b'{"a": "\xff"}',
        b'["\\ud800"]',
        b'\xef\xbb\xbf{"a": "b"}',
        b'{"a\\"b": 1}',
        b"[" * 101 + b"]" * 101,
        b"[" + b"1," * MOST + b"1]",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_read_one_by_one_is_not_cut(body):
    assert cut(body) is None


def test_what_lies_as_deep_as_it_may_is_cut():
    assert cut(b"[" * 100 + b"]" * 100) is not None
    (found,) = cut(b'[[], {"a": ["x", 5]}]').leaves(Wanted({"x"}))
    assert found.path == (1, "a", 0)
