"""Numbers stay numbers of as many digits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.formats import number
from redact.replace.making import SEEDS, faked, shape

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?", fullmatch=True).filter(
    str.isascii
)


@given(NUMBERS, SEEDS)
def test_it_is_read_as_json_and_looks_the_same(text, seed):
    made = faked(number, text, seed)
    assert shape(made) == shape(text)
    assert isinstance(json.loads(made), type(json.loads(text)))
    assert made.lower().partition("e")[2] == text.lower().partition("e")[2]


@pytest.mark.parametrize("text", ["", "-", "007", "1.", ".5", "1e", "1,000", "0x1", "NaN", "٣"])
def test_what_is_none_is_not_read(text):
    assert number.read(text) is None


def test_what_is_below_one_stays_below_one():
    assert faked(number, "0.25").startswith("0.")
