"""Telephone numbers keep their country and their punctuation, and nobody is called where a country keeps some free."""

import re

import pytest
from hypothesis import given

from outgate.redact.replace.formats import phone
from redact.replace.making import SEEDS, faked, shape

KNOWN = [
    ("+1 (415) 867-5309", r"\+1 \([2-9]\d\d\) 555-01\d\d"),
    ("(415) 867-5309", r"\([2-9]\d\d\) 555-01\d\d"),
    ("1-415-867-5309", r"1-[2-9]\d\d-555-01\d\d"),
    ("+44 7911 123456", r"\+44 (2079 460|1632 960|7700 900|8081 570|9098 790)\d\d\d"),
    ("0044 7911 123456", r"0044 \d{4} \d{6}"),
    ("+49 30 901820123", r"\+49 \d\d \d{9}"),
    ("+33 6 12 34 56 78", r"\+33 (1 99 00|2 61 91|3 53 01|4 65 71|5 36 49|6 39 98) \d\d \d\d"),
    ("+61 2 9374 4000", r"\+61 [2378] 5550 \d{4}"),
    ("+351 21 123 4567", r"\+351 2\d \d{3} \d{4}"),
    ("+47.22.12.34.56", r"\+47\.2\d\.\d\d\.\d\d\.\d\d"),
    ("030/901820", r"03\d/\d{6}"),
    ("0171 1234567", r"01\d\d \d{7}"),
]


@pytest.mark.parametrize(("text", "pattern"), KNOWN)
@given(seed=SEEDS)
def test_what_becomes_of_a_number(text, pattern, seed):
    made = faked(phone, text, seed)
    assert re.fullmatch(pattern, made)
    assert shape(made) == shape(text)


def test_one_number_is_one_value_however_it_is_written():
    americans = [
        "+1 415 867 5309",
        "(415) 867-5309",
        "+14158675309",
        "1.415.867.5309",
        "001 415 867 5309",
        "4158675309",
    ]
    assert {phone.read(text) for text in americans} == {"+14158675309"}
    fakes = [faked(phone, text) for text in americans]
    assert {re.sub(r"\D", "", fake)[-10:] for fake in fakes} == {re.sub(r"\D", "", fakes[0])[-10:]}
    assert fakes[4].startswith("001 ")


@pytest.mark.parametrize("text", ["", "+", "123456", "+1 415 867 5309 0000 000", "+1 415 CALL NOW", "12:34:56:78"])
def test_what_is_none_is_not_read(text):
    assert phone.read(text) is None


@pytest.mark.parametrize(
    ("text", "certain"), [("+49 30 1", True), ("415-867-5309", True), ("4158675309", False), ("030/901820", False)]
)
def test_which_are_hardly_anything_else(text, certain):
    assert phone.certain(text) is certain
