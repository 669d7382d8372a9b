"""A word in a text tells what follows it: right behind it, further on in its line, or in the answer to a question."""

import pytest

from outgate.redact.detect.patterns import BY_NAME
from outgate.redact.detect.search import Detectors

DETECTORS = Detectors(["gr-tax-number", "ng-national-id", "phone-by-word", "security-code", "uk-sort-code"])


def found(text: str) -> list[str]:
    return [text[hit.start : hit.end] for hit in DETECTORS.search([text], [""])]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("AFM 094259216", "094259216"),
        ("my AFM, if you need it, is 094259216.", "094259216"),
        ("what is your AFM?\n[08:15] visitor: that would be 094259216", "094259216"),
        ('the "afm": "094259216"', "094259216"),
        ("NIN: 12345678901", "12345678901"),
        ("the NIN on the form reads 12345678901 now", "12345678901"),
        ("your NIN please?\r\nit's 12345678901", "12345678901"),
        ("Phone:\n  467 3395", "467 3395"),
        ("and your mobile number, please?\n[08:16] jane: sure: 8 (916) 482-39-07", "8 (916) 482-39-07"),
        ("CVC2 is 416", "416"),
        ("sort code 40-47-84 please", "40-47-84"),
    ],
)
def test_it_is_told(text, value):
    assert found(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "AFM 094259217",
        "AFMS 094259216",
        "xAFM 094259216",
        "AFM" + " and so on" * 6 + " 094259216",
        "NIN\norder 12345678901",
        "a NIN, unlike order numbers such as 12345678901",
        "Phone:\nOrder 4673395",
        "mobile since 2026-05-14",
        "a cvc of 12345",
        "resort code 40-47-84",
    ],
)
def test_it_is_not(text):
    assert found(text) == []


def test_nothing_but_the_word_is_looked_for_everywhere():
    assert all(len(BY_NAME[name].hint) < 40 for name in ("gr-tax-number", "ng-national-id"))
