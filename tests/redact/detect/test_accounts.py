"""Codes of banks, numbers of accounts and what is on the stripe of a card."""

import pytest

from outgate.redact.detect.accounts import bank, several, striped
from outgate.redact.detect.search import Detectors

DETECTORS = Detectors(
    (
        *("card-track", "card-track-2", "security-code", "uk-sort-code", "bank-account", "bank-code"),
        *("account-told", "bsb", "upi-address"),
    )
)


def found(text: str) -> list[tuple[str, str]]:
    return [(hit.detector.name, text[hit.start : hit.end]) for hit in DETECTORS.search([text], [""])]


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("swipe %B4111111111111111^DOE/JANE^27101010000? ok", "card-track", "%B4111111111111111^DOE/JANE^27101010000?"),
        ("B4111 1111 1111 1111^DOE/J^2710101", "card-track", "B4111 1111 1111 1111^DOE/J^2710101"),
        ("2: ;4111111111111111=27101010000?", "card-track-2", ";4111111111111111=27101010000?"),
        ("expires 12/27, cvv 416", "security-code", "416"),
        ("card security code: 0042", "security-code", "0042"),
        ("Sort-Code: 404784", "uk-sort-code", "404784"),
        ("my account number is 7087 2490", "bank-account", "7087 2490"),
        ("Kontonummer: 0532013000", "bank-account", "0532013000"),
        ("pay to account 653270626.", "account-told", "653270626"),
        ("BSB: 062-948", "bsb", "062-948"),
        ("send to jane.doe@okaxis now", "upi-address", "jane.doe@okaxis"),
        ("SWIFT/BIC: NEDSZAJJXXX", "bank-code", "NEDSZAJJXXX"),
    ],
)
def test_it_is_found(text, name, value):
    assert found(text) == [(name, value)]


@pytest.mark.parametrize(
    "text",
    [
        "x^2 + 4111111111111111^y^3",
        "4111111111111111=27991010000",
        "4111111111111112=27101010000",
        "total=123456789012 and 1234=5678",
        "swift DEVELOPMENT is written in BICYCLES",
        "account number 0000000000",
        "the account has 12345678 followers",
    ],
)
def test_it_is_none(text):
    assert found(text) == []


def test_a_bank_is_in_a_country():
    assert bank("COBADEFF")
    assert bank("CHASUS33XXX")
    assert not bank("DEVELOPE")


def test_the_second_track_ends_in_a_month():
    assert striped(";4111111111111111=27101010000?")
    assert not striped("4111111111111111=27131010000")


def test_one_digit_for_all_is_no_account():
    assert several("0010")
    assert not several("0000")
