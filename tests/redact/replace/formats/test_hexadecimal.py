"""Hexadecimal digits stay as many, as long and as large."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.formats import hexadecimal
from redact.replace.making import SEEDS, faked

WRITTEN = st.from_regex(r"(0x)?[0-9a-f]{1,6}([: -][0-9a-f]{1,6}){0,5}", fullmatch=True)


@given(WRITTEN, st.booleans(), SEEDS)
def test_only_the_digits_are_others(text, upper, seed):
    before, value = ("0x", text[2:]) if text.startswith("0x") else ("", text)
    text = before + (value.upper() if upper else value)
    made = faked(hexadecimal, text, seed)
    assert made.startswith(before)
    assert re.sub(r"[0-9a-fA-F]", "0", made[len(before) :]) == re.sub(r"[0-9a-fA-F]", "0", text[len(before) :])
    digits = made[len(before) :]
    assert digits == (digits.upper() if text[len(before) :].isupper() else digits.lower())


def test_one_value_however_it_is_written():
    assert hexadecimal.read("00:1A:2b") == hexadecimal.read("0x001a2b") == "001a2b"


@pytest.mark.parametrize("text", ["", "0x", "g", "a--b", ":a", "a" * 10_000 + "!"])
def test_what_is_none_is_not_read(text):
    assert hexadecimal.read(text) is None


@pytest.mark.parametrize(
    ("text", "certain"), [("deadbeef0123", True), ("facadefacade", False), ("123456789012", False)]
)
def test_which_are_hardly_anything_else(text, certain):
    assert hexadecimal.certain(text) is certain
