"""What detectors look at is what people read, and lies where it lies in the text that it was."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.detect.plain import OTHER, TABLE, Plain, plain

ODD = st.text(st.sampled_from([*map(chr, TABLE), *"ab1 -éß\u4e2d\U0001f600"]), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("4111\u00ad1111", "41111111"),
        ("4111\u2009\u200b1111", "4111 1111"),
        ("\uff14\u0661\u06f2\u2013a\u2011\uff42", "412-a-b"),
        ("\ufeffa", "a"),
    ],
)
def test_how_a_text_is_read(text, read):
    assert Plain(text).text == read


def test_only_what_is_read_otherwise_is_made_plain():
    assert plain(["a", "é", "\u4e2d", "a b"]) == {}
    assert {*plain(["a", "a\u00ad", "é", "\u2009"])} == {1, 3}


@given(ODD)
def test_every_span_leads_back(text):
    made = Plain(text)
    kept = [each for each in text if TABLE.get(ord(each), 0) is not None]
    assert len(made.text) == len(kept)
    for at, each in enumerate(made.text):
        start, end = made.span(at, at + 1)
        assert text[start:end] == kept[at]
        assert each in (kept[at], chr(TABLE.get(ord(kept[at]), 0) or 0))
    if made.text:
        assert OTHER.sub("", text[slice(*made.span(0, len(made.text)))]) in OTHER.sub("", text)


def test_the_table_says_what_unicode_says():
    digits = {code: made for code, made in TABLE.items() if chr(code).isdigit()}
    assert len(digits) == 60
    assert all(chr(made) == str(unicodedata.digit(chr(code))) for code, made in digits.items())
    assert {unicodedata.category(chr(code)) for code, made in TABLE.items() if made is None} <= {"Cf", "Mn", "Cn"}
